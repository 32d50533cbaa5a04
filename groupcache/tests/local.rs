//! A node without peers is a fine local cache.

mod common;

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use common::{Calls, Gate, MIB, assert_adds_up, lonely_node, lonely_node_at, until};
use groupcache::{
    Answers, Bulk, Getter, GetterError, Key, ManualClock, Node, NotFound, Source, Value,
};

#[tokio::test]
async fn the_first_get_loads_and_the_next_ones_hit() {
    let calls = Calls::default();
    let group = lonely_node()
        .await
        .group("g", MIB, calls.echo())
        .build()
        .unwrap();

    let first = group.entry("k").await.unwrap();
    assert_eq!(
        (first.value().clone(), first.source()),
        ("value of k".into(), Source::Origin)
    );
    let second = group.entry("k").await.unwrap();
    assert_eq!(
        (second.value().clone(), second.source()),
        ("value of k".into(), Source::Main)
    );
    assert_eq!(group.get(b"k").await.unwrap(), "value of k");

    assert_eq!(calls.count(), 1);
    let stats = group.stats();
    assert_eq!(
        (stats.loaded, stats.main_hits, stats.getter_calls),
        (1, 2, 1)
    );
    assert_adds_up(&stats, 3);
}

#[tokio::test]
async fn keys_are_any_bytes_and_values_may_be_empty() {
    let group = lonely_node()
        .await
        .group("g", MIB, |key: Key| async move {
            Ok::<_, Infallible>(key.to_vec())
        })
        .build()
        .unwrap();
    for key in [
        b"".as_slice(),
        b"\0",
        b"\xff\xfe",
        b"a/b c+d%e",
        "ключ".as_bytes(),
    ] {
        assert_eq!(group.get(key).await.unwrap(), key);
        assert_eq!(group.entry(key).await.unwrap().source(), Source::Main);
    }
}

#[tokio::test]
async fn not_found_is_an_answer_and_is_not_cached() {
    let calls = Calls::default();
    let counted = calls.clone();
    let group = lonely_node()
        .await
        .group("g", MIB, move |_: Key| {
            counted.add_one();
            async { Err::<Vec<u8>, _>(NotFound) }
        })
        .build()
        .unwrap();
    assert!(group.get("k").await.unwrap_err().is_not_found());
    assert!(group.get("k").await.unwrap_err().is_not_found());
    assert_eq!(calls.count(), 2);
    assert_eq!(group.stats().not_found, 2);
    assert_adds_up(&group.stats(), 2);
}

/// A getter that finds no value, once the gate lets it through.
fn finding_nothing(calls: &Calls, gate: &Gate) -> impl Getter + use<> {
    let (calls, gate) = (calls.clone(), gate.clone());
    move |_: Key| {
        calls.add_one();
        let gate = gate.clone();
        async move {
            gate.pass().await;
            Err::<Vec<u8>, _>(NotFound)
        }
    }
}

#[tokio::test]
async fn a_key_without_a_value_is_not_looked_for_again_within_its_time_unless_it_changes() {
    let (calls, clock, gate) = (Calls::default(), ManualClock::new(), Gate::closed());
    let ttl = Duration::from_secs(5);
    let nothing = finding_nothing(&calls, &gate);
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, nothing).not_found_ttl(ttl);
    let group = group.build().unwrap();
    gate.open(100);
    let not_found = async |key: &str| {
        let one = group.get(key).await.unwrap_err();
        let many = group.get_many([key]).await.remove(0).unwrap_err();
        assert!(one.is_not_found() && many.is_not_found());
        calls.count()
    };
    assert_eq!(not_found("k").await, 1);
    clock.advance(ttl - Duration::from_millis(1));
    assert_eq!(not_found("k").await, 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(not_found("k").await, 2);
    group.remove("other").await.unwrap();
    assert_eq!(not_found("k").await, 2);
    group.remove("k").await.unwrap();
    assert_eq!(not_found("k").await, 3);
    group.clear().await.unwrap();
    assert_eq!(not_found("k").await, 4);
    group.set("k", "v").await.unwrap();
    assert_eq!(group.get("k").await.unwrap(), "v");
    group.remove("k").await.unwrap();
    assert_eq!(not_found("k").await, 5);
    assert_adds_up(&group.stats(), 2 * 7 + 1);
}

#[tokio::test]
async fn a_load_that_found_nothing_before_a_change_is_forgotten_with_it() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let nothing = finding_nothing(&calls, &gate);
    let group = lonely_node().await.group("g", MIB, nothing);
    let group = group
        .not_found_ttl(Duration::from_secs(3600))
        .build()
        .unwrap();
    let (get, removal) = (group.clone(), group.clone());
    let get = tokio::spawn(async move { get.get("k").await });
    gate.arrival().await;
    removal.remove("k").await.unwrap();
    gate.open(1);
    assert!(get.await.unwrap().is_err());
    gate.open(1);
    assert!(group.get("k").await.unwrap_err().is_not_found());
    assert_eq!(calls.count(), 2, "it may have a value since the change");
}

#[tokio::test]
async fn a_getters_error_reaches_the_caller_with_its_message_and_source() {
    let group = lonely_node()
        .await
        .group("g", MIB, |_: Key| async {
            Err::<Vec<u8>, GetterError>(std::io::Error::other("the disk is gone").into())
        })
        .build()
        .unwrap();
    let error = group.get("k").await.unwrap_err();
    assert!(error.is_getter() && !error.is_not_found());
    assert_eq!(error.getter_message(), Some("the disk is gone"));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<std::io::Error>().is_some());
    assert_eq!(group.stats().failed, 1);
}

#[tokio::test]
async fn a_panicking_getter_gives_every_waiter_an_error_and_the_next_call_runs_afresh() {
    let gate = Gate::closed();
    let calls = Calls::default();
    let (gated, counted) = (gate.clone(), calls.clone());
    let group = lonely_node()
        .await
        .group("g", MIB, move |_: Key| {
            let (gate, call) = (gated.clone(), counted.add_one());
            async move {
                gate.pass().await;
                assert!(call > 1, "the first call fails");
                Ok::<_, Infallible>("fine")
            }
        })
        .build()
        .unwrap();

    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let group = group.clone();
            tokio::spawn(async move { group.get("k").await })
        })
        .collect();
    gate.arrival().await;
    gate.open(2);
    for waiter in waiters {
        match waiter.await.unwrap() {
            Err(error) => {
                assert!(error.is_getter() && error.is_getter_panic(), "{error}");
                assert_eq!(error.getter_message(), Some("the first call fails"));
            }
            // A waiter that came late runs the next call.
            Ok(value) => assert_eq!(value, "fine"),
        }
    }
    gate.open(1);
    assert_eq!(group.get("k").await.unwrap(), "fine");
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_fails_nobody_and_the_load_goes_on() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node()
        .await
        .group("g", MIB, calls.gated(&gate))
        .build()
        .unwrap();

    let first = tokio::spawn({
        let group = group.clone();
        async move { group.get("k").await }
    });
    gate.arrival().await;
    let second = tokio::spawn({
        let group = group.clone();
        async move { group.get("k").await }
    });
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open(1);
    assert_eq!(second.await.unwrap().unwrap(), "value of k");
    assert_eq!(calls.count(), 1);
    let stats = group.stats();
    assert_eq!(stats.failed, 1, "the caller that went away");
    assert_adds_up(&stats, 2);
}

#[tokio::test]
async fn a_load_whose_only_caller_went_away_still_fills_the_cache() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node()
        .await
        .group("g", MIB, calls.gated(&gate))
        .build()
        .unwrap();
    let caller = tokio::spawn({
        let group = group.clone();
        async move { group.get("k").await }
    });
    gate.arrival().await;
    caller.abort();
    gate.open(1);
    until(|| group.stats().entries == 1).await;
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Main);
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_getter_that_hangs_is_dropped_at_the_load_timeout() {
    let group = lonely_node()
        .await
        .group("g", MIB, |_: Key| async {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>("never")
        })
        .load_timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let error = group.get("k").await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "the getter took longer than 3s");
}

#[tokio::test]
async fn a_value_past_its_time_is_loaded_again() {
    let (clock, calls) = (ManualClock::new(), Calls::default());
    let node = lonely_node_at(&clock).await;
    let group = node
        .group("g", MIB, calls.echo())
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();
    group.get("k").await.unwrap();
    clock.advance(Duration::from_secs(59));
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Main);
    clock.advance(Duration::from_secs(1));
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Origin);
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_values_own_expiry_goes_before_the_groups() {
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let group = node
        .group("g", MIB, |key: Key| async move {
            let value = Value::from("v");
            Ok::<_, Infallible>(match key.as_bytes() {
                b"short" => value.expires_in(Duration::from_secs(1)),
                b"never" => value.never_expires(),
                b"at once" => value.expires_in(Duration::ZERO),
                _ => value,
            })
        })
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();
    for key in ["short", "never", "at once", "default"] {
        group.get(key).await.unwrap();
    }
    let mut sources = Vec::new();
    clock.advance(Duration::from_secs(30));
    for key in ["short", "at once", "default", "never"] {
        sources.push(group.entry(key).await.unwrap().source());
    }
    clock.advance(Duration::from_secs(3600));
    sources.push(group.entry("never").await.unwrap().source());
    use Source::{Main, Origin};
    assert_eq!(sources, [Origin, Origin, Main, Main, Main]);
}

#[tokio::test]
async fn however_long_stale_values_are_served_they_are_refreshed() {
    let (clock, calls) = (ManualClock::new(), Calls::default());
    let node = lonely_node_at(&clock).await;
    for (name, window) in [("for ages", u64::from(u32::MAX)), ("for ever", u64::MAX)] {
        let group = node
            .group(name, MIB, calls.echo())
            .ttl(Duration::from_secs(60))
            .ttl_jitter(Duration::ZERO)
            .stale_while_revalidate(Duration::from_secs(window))
            .build()
            .unwrap();
        group.get("k").await.unwrap();
        clock.advance(Duration::from_secs(61));
        assert_eq!(
            group.entry("k").await.unwrap().source(),
            Source::Stale,
            "{name}"
        );
        until(|| group.stats().getter_calls == 2).await;
    }
}

#[tokio::test]
#[should_panic(expected = "after it had been answered")]
async fn a_get_is_answered_once() {
    let node = lonely_node().await;
    let group = node
        .group("g", MIB, Calls::default().echo())
        .build()
        .unwrap();
    let mut get = pin!(group.get("k"));
    get.as_mut().await.unwrap();
    let _ = get.await;
}

#[tokio::test]
async fn a_stale_value_is_served_while_one_call_refreshes_it() {
    let (clock, calls, gate) = (ManualClock::new(), Calls::default(), Gate::closed());
    let node = lonely_node_at(&clock).await;
    let group = node
        .group("g", MIB, calls.gated(&gate))
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .stale_while_revalidate(Duration::from_secs(30))
        .build()
        .unwrap();
    gate.open(1);
    group.get("k").await.unwrap();
    gate.arrival().await;

    clock.advance(Duration::from_secs(61));
    for _ in 0..10 {
        let entry = group.entry("k").await.unwrap();
        assert_eq!(
            (entry.value().clone(), entry.source()),
            ("value of k".into(), Source::Stale)
        );
    }
    gate.arrival().await;
    assert_eq!(calls.count(), 2, "one refresh for ten stale hits");
    gate.open(1);
    until(|| {
        let now = group.stats();
        now.entries == 1 && calls.count() == 2
    })
    .await;
    // The refreshed value is fresh again.
    loop {
        if group.entry("k").await.unwrap().source() == Source::Main {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.count(), 2);

    clock.advance(Duration::from_secs(91));
    gate.open(1);
    assert_eq!(
        group.entry("k").await.unwrap().source(),
        Source::Origin,
        "past its window"
    );
}

#[tokio::test]
async fn a_group_without_a_budget_shares_loads_and_keeps_nothing() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node()
        .await
        .group("g", 0, calls.gated(&gate))
        .build()
        .unwrap();
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let group = group.clone();
            tokio::spawn(async move { group.get("k").await })
        })
        .collect();
    gate.arrival().await;
    // The gate opens only when all five callers wait for the one call.
    tokio::task::yield_now().await;
    gate.open(1);
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), "value of k");
    }
    assert_eq!(calls.count(), 1);
    gate.open(1);
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Origin);
    assert_eq!(group.stats().entries, 0);
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused_by_name() {
    let calls = Calls::default();
    let counted = calls.clone();
    let group = lonely_node()
        .await
        .group("g", MIB, move |key: Key| {
            counted.add_one();
            async move { Ok::<_, Infallible>(vec![0; key.len() * 100]) }
        })
        .max_key_bytes(10)
        .max_value_bytes(500)
        .build()
        .unwrap();
    let error = group.get("eleven byte").await.unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(
        error.to_string(),
        "a key of 11 bytes is larger than the limit of 10 bytes"
    );
    assert_eq!(calls.count(), 0);

    let error = group.get("six by").await.unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(
        error.to_string(),
        "the getter's value of 600 bytes is larger than the limit of 500 bytes"
    );
    assert_eq!(group.get("five5").await.unwrap().len(), 500);
}

#[tokio::test]
async fn one_flight_too_many_is_refused_and_its_place_is_free_again_afterwards() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node()
        .await
        .group("g", MIB, calls.gated(&gate))
        .max_flights(1)
        .build()
        .unwrap();
    let first = tokio::spawn({
        let group = group.clone();
        async move { group.get("a").await }
    });
    gate.arrival().await;
    let error = group.get("b").await.unwrap_err();
    assert!(error.is_overloaded(), "{error}");
    gate.open(2);
    first.await.unwrap().unwrap();
    assert_eq!(group.get("b").await.unwrap(), "value of b");
}

#[tokio::test(start_paused = true)]
async fn loads_beyond_their_number_wait_for_a_turn_and_then_are_refused() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node().await.group("g", MIB, calls.gated(&gate));
    let group = group
        .max_loads(1)
        .load_queue_timeout(Duration::from_secs(2));
    let group = group.build().unwrap();
    gate.open(1);
    group.get("cached").await.unwrap();
    let get = |key: &'static str| {
        let group = group.clone();
        tokio::spawn(async move { group.get(key).await })
    };
    gate.arrival().await;
    let first = get("a");
    gate.arrival().await;
    let second = get("b");
    let begun = tokio::time::Instant::now();
    assert_eq!(group.get("cached").await.unwrap(), "value of cached");
    let several = group.get_many(["c", "d"]).await;
    for refused in several.into_iter().chain([second.await.unwrap()]) {
        let error = refused.unwrap_err();
        assert!(error.is_overloaded(), "{error}");
        assert!(
            error
                .to_string()
                .contains("1 getter calls of this group are under way"),
            "{error}"
        );
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    let third = get("e");
    gate.open(2);
    assert!(first.await.unwrap().is_ok() && third.await.unwrap().is_ok());
    assert_eq!(
        group.stats().getter_calls,
        3,
        "no call but those that had a turn"
    );
    assert_eq!(group.get("cached").await.unwrap(), "value of cached");
}

#[tokio::test(start_paused = true)]
async fn a_node_bounds_the_loads_of_all_its_groups_together() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let node = Node::builder("http://127.0.0.1:1")
        .max_loads(1)
        .start()
        .await;
    let node = node.unwrap();
    let group = |name: &str| node.group(name, MIB, calls.gated(&gate)).build().unwrap();
    let (one, other) = (group("one"), group("other"));
    let first = tokio::spawn(async move { one.get("k").await });
    gate.arrival().await;
    let error = other.get("k").await.unwrap_err();
    assert!(error.is_overloaded(), "{error}");
    assert!(
        error.to_string().contains("1 getter calls of this node"),
        "{error}"
    );
    gate.open(2);
    first.await.unwrap().unwrap();
    other.get("k").await.unwrap();
    let none = Node::builder("http://127.0.0.1:1").max_loads(0).start();
    assert!(none.await.unwrap_err().is_configuration());
}

#[tokio::test(start_paused = true)]
async fn a_get_of_many_keys_does_not_stand_in_its_own_way() {
    let getter = |key: Key| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(key.to_vec())
    };
    let group = lonely_node().await.group("g", MIB, getter);
    let group = group
        .max_loads(2)
        .load_queue_timeout(Duration::from_millis(500));
    let group = group.build().unwrap();
    let answers = group.get_many((0..50).map(|n| n.to_string())).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn many_keys_and_few_turns_refuse_none_of_them() {
    let single = |key: Key| async move {
        tokio::time::sleep(Duration::from_millis(600)).await;
        Ok::<_, Infallible>(key.to_vec())
    };
    let together = Bulk(|keys: Vec<Key>| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let found = keys.into_iter().map(|key| (key.clone(), key.to_vec()));
        Ok::<_, Infallible>(Answers::found(found))
    });
    let node = lonely_node().await;
    for turns in [1, 3, 7] {
        for group in [node.group("g", MIB, single), node.group("g", MIB, together)] {
            let group = group.max_loads(turns).max_bulk_load_keys(20);
            let group = group.load_queue_timeout(Duration::from_secs(1));
            let group = group.build().unwrap();
            let answers = group.get_many((0..90).map(|n| n.to_string())).await;
            let refused = answers.iter().filter(|answer| answer.is_err()).count();
            assert_eq!(refused, 0, "{turns} turns");
            node.remove_group("g").unwrap();
        }
    }
}

#[tokio::test]
async fn values_larger_than_the_budget_are_served_and_not_kept() {
    let group = lonely_node()
        .await
        .group("g", 1000, |_: Key| async {
            Ok::<_, Infallible>(vec![7; 5000])
        })
        .build()
        .unwrap();
    assert_eq!(group.get("k").await.unwrap().len(), 5000);
    let stats = group.stats();
    assert_eq!((stats.entries, stats.bytes, stats.too_large), (0, 0, 1));
}

#[tokio::test]
async fn groups_are_told_apart_by_name_and_found_and_removed_by_it() {
    let node = lonely_node().await;
    let a = node
        .group("a", MIB, Calls::default().echo())
        .build()
        .unwrap();
    let b = node
        .group("b", MIB, Calls::default().echo())
        .build()
        .unwrap();
    a.get("k").await.unwrap();
    assert_eq!((a.stats().entries, b.stats().entries), (1, 0));

    let names: Vec<_> = node
        .groups()
        .iter()
        .map(|group| group.name().to_owned())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(node.find_group("a").unwrap().stats().entries, 1);
    assert!(node.find_group("c").unwrap_err().is_no_such_group());

    node.remove_group("a").unwrap();
    assert!(node.remove_group("a").unwrap_err().is_no_such_group());
    let again = node
        .group("a", MIB, Calls::default().echo())
        .build()
        .unwrap();
    assert_eq!(again.stats().entries, 0);
}

#[tokio::test]
async fn two_nodes_in_one_process_share_nothing() {
    let (one, two) = (lonely_node().await, lonely_node().await);
    let a = one
        .group("same", MIB, Calls::default().echo())
        .build()
        .unwrap();
    let b = two
        .group("same", MIB, Calls::default().echo())
        .build()
        .unwrap();
    a.get("k").await.unwrap();
    assert_eq!(b.stats().entries, 0);
    assert_eq!(b.entry("k").await.unwrap().source(), Source::Origin);
}
