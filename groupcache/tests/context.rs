//! The context of the request that starts a load reaches the getter, over every protocol.

mod common;

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

use common::{Gate, MIB};
use groupcache::testing::Cluster;
use groupcache::{
    Context, Getter, HttpOptions, Key, Mode, Never, Node, Protocol, Source, Text, TypedGetter,
};
use tokio::net::TcpListener;

/// What a request's context holds in these tests.
#[derive(Debug)]
struct Tenant(String);

fn tenant(name: &str) -> Context {
    Context::new(Tenant(name.into()))
}

fn current_tenant() -> String {
    let context = Context::current();
    let tenant = context.get::<Tenant>().map(|tenant| tenant.0.clone());
    tenant.unwrap_or_else(|| "nobody".into())
}

/// A getter whose values say on whose behalf they were loaded.
fn loaded_for() -> impl Getter + Clone {
    |_: Key| async { Ok::<_, Infallible>(current_tenant()) }
}

/// Takes every peer for the tenant "peer".
fn known() -> HttpOptions {
    HttpOptions::default().on_request(|_| Ok(tenant("peer")))
}

async fn cluster(protocol: Protocol, http: HttpOptions) -> Cluster {
    let builder = Cluster::builder(2).protocol(protocol).http(http);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_getter_sees_the_context_of_the_request_that_set_it_off() {
    for &protocol in Protocol::ALL {
        let cluster = cluster(protocol, known()).await;
        let groups = cluster
            .group_with("g", MIB, loaded_for(), |group| group.promoter(Never))
            .unwrap();
        let (own, others) = (cluster.key_owned_by(0, "a"), cluster.key_owned_by(1, "b"));
        let (mine, theirs) = (cluster.key_owned_by(0, "c"), cluster.key_owned_by(1, "d"));

        assert_eq!(groups[0].get(&own).await.unwrap(), "nobody");
        assert_eq!(groups[0].get(&others).await.unwrap(), "peer");
        // A caller's context is for its own node, and does not cross to another.
        let local = |key: String| {
            let group = groups[0].clone();
            tenant("local").scope(async move { group.get(key).await.unwrap() })
        };
        assert_eq!(local(mine).await, "local", "{protocol}");
        assert_eq!(local(theirs).await, "peer", "{protocol}");
    }
}

#[tokio::test]
async fn nodes_in_one_process_keep_their_contexts_apart() {
    let cluster = Cluster::builder(2).in_process().start().await.unwrap();
    let groups = cluster.group("g", MIB, loaded_for()).unwrap();
    let get = groups[0].get(cluster.key_owned_by(1, "k"));
    assert_eq!(tenant("local").scope(get).await.unwrap(), "nobody");
}

#[tokio::test]
async fn typed_getters_and_what_they_call_see_it_too() {
    let node = common::lonely_node().await;
    async fn deep() -> String {
        tokio::task::yield_now().await;
        current_tenant()
    }
    fn getter() -> impl TypedGetter<String> {
        |_: Key| async { Ok::<_, Infallible>(deep().await) }
    }
    let group = node.typed_group("g", MIB, Text, getter()).build().unwrap();
    let value = tenant("acme").scope(group.get("k")).await.unwrap();
    assert_eq!(value, "acme");
}

#[tokio::test]
async fn who_shares_a_load_shares_the_context_of_the_first() {
    let gate = Gate::closed();
    let gated = gate.clone();
    let getter = move |_: Key| {
        let gate = gated.clone();
        async move {
            gate.pass().await;
            Ok::<_, Infallible>(current_tenant())
        }
    };
    let node = common::lonely_node().await;
    let group = node.group("g", MIB, getter).build().unwrap();
    let get = |context: Context| {
        let group = group.clone();
        tokio::spawn(context.scope(async move { group.get("k").await }))
    };
    let first = get(tenant("first"));
    gate.arrival().await;
    let second = get(tenant("second"));
    // The first caller goes away, and the second drives the same load on.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open(1);
    assert_eq!(second.await.unwrap().unwrap(), "first");
}

#[tokio::test]
async fn a_flight_that_others_drive_does_not_take_their_context() {
    // A member that accepts connections and answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let node = Node::builder("http://127.0.0.1:1").peers([&url]);
    let node = node.start().await.unwrap();
    let group = node.group("g", MIB, loaded_for()).build().unwrap();
    let mut keys = (0..).map(|n| format!("key-{n}"));
    let key = keys.find(|key| node.owner(key).unwrap().url() == url);
    let key = key.unwrap();

    // This get asks the member without a context, and is not polled again. The other caller has to
    // drive the flight.
    let mut idle = Box::pin(group.get(&key));
    let once = poll_fn(|cx| Poll::Ready(idle.as_mut().poll(cx)));
    assert!(once.await.is_pending());
    let joined = tokio::spawn({
        let (group, key) = (group.clone(), key.clone());
        tenant("joined").scope(async move { group.get(key).await })
    });
    // The member goes away, so this node loads the value.
    let (connection, _) = silent.accept().await.unwrap();
    drop((connection, silent));
    assert_eq!(joined.await.unwrap().unwrap(), "nobody");
    assert_eq!(idle.await.unwrap(), "nobody");
}

#[tokio::test]
async fn who_is_refused_loads_for_itself_and_leaves_nothing_behind() {
    for &protocol in Protocol::ALL {
        let http = HttpOptions::default()
            .on_request(|_| Err(groupcache::peers::Error::status(401, "who are you?")));
        let cluster = cluster(protocol, http).await;
        let groups = cluster.group("g", MIB, loaded_for()).unwrap();
        let key = cluster.key_owned_by(1, "k");
        let entry = groups[0].entry(&key).await.unwrap();
        assert_eq!(entry.source(), Source::Origin, "{protocol}");

        let error = groups[0].remove(&key).await.unwrap_err();
        let failed = error.failed_peers();
        assert_eq!(failed.len(), 1, "{protocol}");
        let said = failed[0].error().to_string();
        if !error.is_unsupported() {
            let url = failed[0].member().url();
            assert!(failed[0].error().is_denied(), "{protocol}");
            assert!(
                said.starts_with(url) && said.ends_with(": who are you?"),
                "{protocol}: {said}"
            );
        }
        let peeked =
            groups[0].get_with_options(&key, groupcache::GetOptions::default().mode(Mode::Peek));
        assert!(peeked.await.is_err());
        let stats = groups[1].stats();
        assert_eq!((stats.peer_gets, stats.entries), (0, 0), "{protocol}");
        assert_eq!(stats.getter_calls, 0, "{protocol}");
    }
}
