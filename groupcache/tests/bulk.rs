//! Getters that load several keys together.

mod common;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{Calls, Gate, MIB, getter_calls, lonely_node, lonely_node_at, unmirrored, until};
use futures_util::future::join;
use groupcache::testing::Cluster;
use groupcache::{
    Answers, Bulk, Context, Expiring, Getter, GetterError, Group, Json, Key, ManualClock, NotFound,
    Source, Text, TypedGetter, TypedValue, Value,
};
use parking_lot::Mutex;

const SECOND: Duration = Duration::from_secs(1);

/// Remembers which keys came together.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Vec<String>>>>);

impl Batches {
    fn add(&self, keys: &[Key]) {
        let mut keys: Vec<_> = keys.iter().map(Key::to_string).collect();
        keys.sort();
        self.0.lock().push(keys);
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<_> = self.0.lock().iter().map(Vec::len).collect();
        sizes.sort_unstable();
        sizes
    }

    /// A getter that answers `value of K`.
    fn echo(&self) -> impl Getter + Clone + use<> {
        let batches = self.clone();
        Bulk(move |keys: Vec<Key>| {
            batches.add(&keys);
            async move { Ok::<_, GetterError>(echoed(keys)) }
        })
    }

    /// A getter that answers `value of K` once the gate has a permit for it.
    fn gated(&self, gate: &Gate) -> impl Getter + Clone + use<> {
        let (batches, gate) = (self.clone(), gate.clone());
        Bulk(move |keys: Vec<Key>| {
            batches.add(&keys);
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Ok::<_, GetterError>(echoed(keys))
            }
        })
    }
}

fn echoed(keys: Vec<Key>) -> Answers {
    Answers::found(keys.into_iter().map(|key| {
        let value = format!("value of {key}");
        (key, value)
    }))
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("k{n:03}")).collect()
}

#[tokio::test]
async fn missing_keys_reach_the_getter_together_and_bounded() {
    let batches = Batches::default();
    let group = lonely_node().await.group("g", MIB, batches.echo());
    let group = group.max_bulk_load_keys(10).build().unwrap();
    group.get("k003").await.unwrap();
    assert_eq!(batches.sizes(), [1]);
    let mut many = keys(25);
    many.extend(keys(25));
    let outcomes = group.get_many(&many).await;
    for (key, outcome) in many.iter().zip(outcomes) {
        assert_eq!(outcome.unwrap(), format!("value of {key}"));
    }
    assert_eq!(batches.sizes(), [1, 4, 10, 10]);
    assert_eq!(group.stats().getter_calls, 4);
    assert!(group.get_many(&many).await.iter().all(Result::is_ok));
    assert_eq!(batches.sizes().len(), 4);
}

#[tokio::test]
async fn a_round_reaches_the_owners_getter_together() {
    let batches = Batches::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster.group("g", MIB, batches.echo()).unwrap();
    let many = keys(90);
    assert!(groups[0].get_many(&many).await.iter().all(Result::is_ok));
    let mut owned =
        [0, 1, 2].map(|node| many.iter().filter(|key| cluster.owner(key) == node).count());
    owned.sort_unstable();
    assert_eq!(batches.sizes(), owned);
    assert_eq!(getter_calls(&groups), 3);
}

#[tokio::test]
async fn each_key_has_the_outcome_that_it_is_given() {
    struct Rows;
    impl Getter for Rows {
        async fn get(&self, _: Key) -> Result<Value, GetterError> {
            Ok("alone".into())
        }
        async fn get_many(&self, keys: Vec<Key>) -> Result<Answers, GetterError> {
            assert_eq!(keys.len(), 6);
            let mut answers = Answers::new();
            answers.insert("value", "v");
            answers.insert("brief", Value::from("b").expires_in(SECOND));
            answers.insert("unasked", "u");
            answers.fail("absent", NotFound);
            answers.fail("broken", "no disk");
            answers.insert("large", vec![0; 101]);
            Ok(answers)
        }
    }
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let group = node
        .group("g", MIB, Rows)
        .max_value_bytes(100)
        .build()
        .unwrap();
    let outcomes = group
        .get_many(["value", "brief", "absent", "broken", "forgotten", "large"])
        .await;
    assert_eq!(*outcomes[0].as_ref().unwrap(), "v");
    assert_eq!(*outcomes[1].as_ref().unwrap(), "b");
    let error = |at: usize| outcomes[at].as_ref().unwrap_err();
    assert!(error(2).is_not_found());
    assert_eq!(error(3).getter_message(), Some("no disk"));
    assert!(error(4).is_unanswered() && error(4).is_getter() && !error(3).is_unanswered());
    assert_eq!(
        error(4).to_string(),
        "getter failed: the bulk load has no outcome for the key"
    );
    assert!(error(5).is_too_large());
    assert_eq!(
        group.stats().entries,
        2,
        "what was not asked for is not kept"
    );
    clock.advance(2 * SECOND);
    assert_eq!(group.get("value").await.unwrap(), "v");
    assert_eq!(group.get("brief").await.unwrap(), "alone");
}

#[tokio::test]
async fn an_error_or_a_panic_of_a_bulk_load_is_that_of_all_its_keys() {
    let calls = Calls::default();
    let counted = calls.clone();
    let getter = Bulk(move |keys: Vec<Key>| {
        let call = counted.add_one();
        async move {
            match call {
                1 => Err(GetterError::from("the database is down")),
                2 => panic!("the getter is broken"),
                _ => Ok(Answers::found(keys.into_iter().map(|key| (key, "v")))),
            }
        }
    });
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, getter).build().unwrap();
    for outcome in group.get_many(["a", "b"]).await {
        assert_eq!(
            outcome.unwrap_err().getter_message(),
            Some("the database is down")
        );
    }
    for outcome in group.get_many(["a", "b"]).await {
        let error = outcome.unwrap_err();
        assert!(error.is_getter_panic());
        assert_eq!(error.getter_message(), Some("the getter is broken"));
    }
    // Two failures in a row: loads pause, key by key.
    let outcomes = group.get_many(["a", "c", "b"]).await;
    let is_loaded: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(is_loaded, [false, true, false]);
    assert_eq!(calls.count(), 3);
    clock.advance(Duration::from_secs(60));
    assert!(group.get_many(["a", "b"]).await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_bulk_load_has_the_time_of_one_load() {
    let getter = Bulk(|_: Vec<Key>| async {
        std::future::pending::<()>().await;
        Ok::<_, GetterError>(Answers::new())
    });
    let group = lonely_node()
        .await
        .group("g", MIB, getter)
        .load_timeout(SECOND);
    let group = group.build().unwrap();
    let start = tokio::time::Instant::now();
    let outcomes = group.get_many(["a", "b"]).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.as_ref().unwrap_err().is_timeout())
    );
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test]
async fn single_gets_join_a_bulk_load_and_it_leaves_out_what_they_have_under_way() {
    let (batches, gate) = (Batches::default(), Gate::closed());
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, batches.gated(&gate)).unwrap();
    let own: Vec<_> = keys(100)
        .into_iter()
        .filter(|key| cluster.owner(key) == 0)
        .take(5)
        .collect();
    let (group, key) = (groups[1].clone(), own[2].clone());
    let single = tokio::spawn(async move { group.get(key).await });
    gate.arrival().await;
    let (group, many) = (groups[0].clone(), own.clone());
    let bulk = tokio::spawn(async move { group.get_many(many).await });
    gate.arrival().await;
    let (group, key) = (groups[1].clone(), own[4].clone());
    let late = tokio::spawn(async move { group.get(key).await });
    until(|| groups[0].stats().peer_gets == 2).await;
    gate.open(2);
    let (single, (bulk, late)) = join(single, join(bulk, late)).await;
    assert_eq!(single.unwrap().unwrap(), format!("value of {}", own[2]));
    assert_eq!(late.unwrap().unwrap(), format!("value of {}", own[4]));
    assert!(bulk.unwrap().iter().all(Result::is_ok));
    let rest = [0, 1, 3, 4].map(|n: usize| own[n].clone()).to_vec();
    assert_eq!(*batches.0.lock(), [vec![own[2].clone()], rest]);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_load_may_ask_for_a_key_that_waits_for_its_turn() {
    let files = Arc::new(OnceLock::<Group>::new());
    let inside = Arc::clone(&files);
    let getter = Bulk(move |keys: Vec<Key>| {
        let inside = Arc::clone(&inside);
        async move {
            if !keys.contains(&Key::from("index")) {
                inside.get().unwrap().get("index").await?;
            }
            Ok::<_, GetterError>(Answers::found(keys.into_iter().map(|key| (key, "v"))))
        }
    });
    let group = lonely_node().await.group("g", MIB, getter);
    let group = group.max_bulk_load_keys(2).build().unwrap();
    files.set(group.clone()).unwrap();
    let mut many = keys(100);
    many.push("index".to_owned());
    assert!(group.get_many(&many).await.iter().all(Result::is_ok));
    assert_eq!(group.stats().getter_calls, 51);
}

#[tokio::test(start_paused = true)]
async fn a_single_get_does_not_wait_for_bulk_loads_of_other_keys() {
    let (batches, gate) = (Batches::default(), Gate::closed());
    let group = lonely_node().await.group("g", MIB, batches.gated(&gate));
    let group = group.max_bulk_load_keys(10).build().unwrap();
    let many = keys(50);
    let all = tokio::spawn({
        let (group, many) = (group.clone(), many.clone());
        async move { group.get_many(many).await }
    });
    gate.arrivals(4).await;
    let single = tokio::spawn({
        let (group, last) = (group.clone(), many[49].clone());
        async move { group.get(last).await }
    });
    let begun = tokio::time::timeout(SECOND, gate.arrival()).await;
    begun.expect("the load of the single get begins");
    gate.open(6);
    assert_eq!(single.await.unwrap().unwrap(), "value of k049");
    assert!(all.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(group.stats().getter_calls, 6);
}

#[tokio::test]
async fn a_bulk_load_may_answer_some_keys_and_leave_the_others_alone() {
    struct Partly;
    impl Getter for Partly {
        async fn get(&self, _: Key) -> Result<Value, GetterError> {
            Ok("alone".into())
        }
        async fn get_many(&self, _: Vec<Key>) -> Result<Answers, GetterError> {
            let mut answers = Answers::one_by_one();
            answers.insert("a", "together");
            answers.fail("b", NotFound);
            Ok(answers)
        }
    }
    let node = lonely_node().await;
    let group = node.group("g", MIB, Partly).build().unwrap();
    let outcomes = group.get_many(["a", "b", "c"]).await;
    assert_eq!(*outcomes[0].as_ref().unwrap(), "together");
    assert!(outcomes[1].as_ref().unwrap_err().is_not_found());
    assert_eq!(*outcomes[2].as_ref().unwrap(), "alone");
    assert_eq!(group.stats().getter_calls, 2);

    let getter = Bulk(|_: Vec<Key>| async { Ok::<_, GetterError>(Answers::one_by_one()) });
    let group = node.group("function", MIB, getter).build().unwrap();
    let error = group.get("a").await.unwrap_err();
    assert!(!error.is_unanswered(), "{error}");
    let message = "a bulk function has no getter of single keys";
    assert_eq!(error.getter_message(), Some(message));
    let outcomes = group.get_many(["b", "c"]).await;
    let messages = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().unwrap_err().getter_message());
    assert!(messages.into_iter().all(|text| text == Some(message)));
}

#[tokio::test]
async fn a_bulk_load_sees_the_context_of_its_caller() {
    let getter = Bulk(|keys: Vec<Key>| async {
        let tenant = Context::current()
            .get::<&str>()
            .copied()
            .unwrap_or("nobody");
        Ok::<_, GetterError>(Answers::found(keys.into_iter().map(|key| (key, tenant))))
    });
    let group = lonely_node().await.group("g", MIB, getter).build().unwrap();
    let outcomes = Context::new("acme").scope(group.get_many(["a", "b"])).await;
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), "acme");
    }
}

#[tokio::test]
async fn new_owners_take_over_what_former_ones_have_before_they_load_together() {
    let batches = Batches::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = unmirrored(&cluster, batches.echo());
    let members: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.member().clone())
        .collect();
    for node in cluster.nodes() {
        node.set_peers(members[..2].to_vec()).unwrap();
    }
    let many = keys(60);
    assert!(groups[0].get_many(&many).await.iter().all(Result::is_ok));
    let loads = batches.sizes().len();
    for node in cluster.nodes() {
        node.set_peers(members.clone()).unwrap();
    }
    assert!(groups[2].get_many(&many).await.iter().all(Result::is_ok));
    assert!(groups[2].stats().entries > 0);
    assert_eq!(batches.sizes().len(), loads, "nothing is loaded again");
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
}

async fn load_users(keys: Vec<Key>) -> Result<Answers<User>, GetterError> {
    let mut answers = Answers::new();
    for key in keys {
        match key.parse() {
            Ok(id) if id < 100 => answers.insert(id, User { id }),
            Ok(_) => {}
            Err(error) => answers.fail(key, error),
        }
    }
    Ok(answers.or_not_found())
}

#[tokio::test]
async fn typed_groups_load_and_get_several_keys_together() {
    let cluster = Cluster::start(2).await.unwrap();
    let users = cluster
        .typed_group("users", MIB, Json, Bulk(load_users))
        .unwrap();
    for group in &users {
        let found = group.get_many(["1", "2", "100", "1", "ada"]).await;
        assert_eq!(*found[0].as_ref().unwrap(), User { id: 1 });
        assert_eq!(*found[1].as_ref().unwrap(), User { id: 2 });
        assert!(found[2].as_ref().unwrap_err().is_not_found());
        assert_eq!(*found[3].as_ref().unwrap(), User { id: 1 });
        assert!(found[4].as_ref().unwrap_err().is_getter());
        assert_eq!(group.get("7").await.unwrap(), User { id: 7 });
    }
    struct Words;
    impl TypedGetter<String> for Words {
        async fn get(&self, key: Key) -> Result<TypedValue<String>, GetterError> {
            Ok(key.to_string().into())
        }
    }
    let node = lonely_node().await;
    let words = node.typed_group("words", MIB, Text, Words).build().unwrap();
    let found: Result<Vec<String>, _> = words.get_many(["a", "b"]).await.into_iter().collect();
    assert_eq!(found.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn typed_values_of_a_bulk_load_have_expiries_of_their_own() {
    async fn prices(keys: Vec<Key>) -> Result<Answers<TypedValue<String>>, GetterError> {
        let price = |key: Key| {
            let price = TypedValue::from(key.to_string()).expires_in(SECOND);
            (key, price)
        };
        Ok(Answers::found(keys.into_iter().map(price)))
    }
    let clock = ManualClock::new();
    let group = lonely_node_at(&clock)
        .await
        .typed_group("prices", MIB, Text, Expiring(Bulk(prices)))
        .build()
        .unwrap();
    let sources = async || {
        let outcomes = group
            .get_many_with_options(["a", "b"], Default::default())
            .await;
        let sources = outcomes.into_iter().map(|entry| entry.unwrap().source());
        sources.collect::<Vec<_>>()
    };
    assert_eq!(sources().await, [Source::Origin; 2]);
    assert_eq!(sources().await, [Source::Main; 2]);
    clock.advance(2 * SECOND);
    assert_eq!(sources().await, [Source::Origin; 2]);
}

#[tokio::test]
async fn bytes_that_do_not_decode_are_loaded_again_key_by_key() {
    let cluster = Cluster::start(2).await.unwrap();
    let users = cluster
        .typed_group("users", MIB, Json, Bulk(load_users))
        .unwrap();
    for key in ["1", "3"] {
        users[0].group().set(key, "not JSON").await.unwrap();
    }
    let found = users[0].get_many(["1", "2", "3"]).await;
    for (id, user) in (1..).zip(found) {
        assert_eq!(user.unwrap(), User { id });
    }
    assert_eq!(users[0].stats().undecodable, 2);
}
