//! A get is one trace over all nodes that work on it, as OpenTelemetry sees it, and goes on without it.

#[path = "../common/mod.rs"]
mod common;
mod recorder;

use std::convert::Infallible;
use std::time::Duration;

use common::{Calls, Gate, MIB, unmirrored};
use groupcache::testing::{Cluster, ClusterBuilder};
use groupcache::{
    Context, GetOptions, Getter, HttpOptions, Key, Mode, NotFound, Protocol, TraceContext,
};
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::Sampler;
use recorder::{Recorder, attribute_of};
use tracing::{Instrument as _, info_span};

const GET: &str = "groupcache.get";
const GET_MANY: &str = "groupcache.get_many";
const FETCH: &str = "groupcache.fetch";
const SERVE: &str = "groupcache.serve";
const LOAD: &str = "groupcache.load";
const REFRESH: &str = "groupcache.refresh";
const CHANGE: &str = "groupcache.change";
const TELL: &str = "groupcache.tell";

/// A getter with a span of its own, whose values are the place in a trace that it sees.
fn traced_getter() -> impl Getter + Clone {
    |_: Key| async { Ok::<_, Infallible>(place()) }.instrument(info_span!("read"))
}

/// The place in a trace of the work that calls this, as text.
fn place() -> String {
    let place = Context::current_trace().map(|place| place.traceparent());
    place.unwrap_or_else(|| "none".into())
}

/// A cluster whose members have been the same for long: nobody asks a former owner.
fn settled(nodes: usize) -> ClusterBuilder {
    Cluster::builder(nodes).configure(|node| node.handoff(Duration::ZERO))
}

/// Two nodes that talk as each protocol does, natively in both forms.
async fn clusters() -> Vec<(String, Cluster)> {
    let mut clusters = Vec::new();
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            if protocol != Protocol::Native && !multiplexing {
                continue;
            }
            let http = HttpOptions::default().multiplexing(multiplexing);
            let cluster = settled(2).protocol(protocol).http(http);
            let name = format!("{protocol}, multiplexing: {multiplexing}");
            clusters.push((name, cluster.start().await.unwrap()));
        }
    }
    let in_process = settled(2).in_process().start().await.unwrap();
    clusters.push(("in process".into(), in_process));
    clusters
}

#[tokio::test]
async fn a_miss_is_one_trace_over_two_nodes_with_the_getters_span_over_every_protocol() {
    let recorder = Recorder::of_everything();
    for (name, cluster) in clusters().await {
        let groups = unmirrored(&cluster, traced_getter());
        let key = cluster.key_owned_by(1, "k");
        recorder.spans();

        let get = groups[0].get(&key).instrument(info_span!("request"));
        let seen = get.await.unwrap();
        let spans = recorder.spans();
        assert_eq!(spans.0.len(), 6, "{name}: {spans}");
        spans.assert_one_trace(None);
        spans.assert_chain(&["request", GET, FETCH, SERVE, LOAD, "read"]);
        let is_remote = spans.one(SERVE).parent_span_is_remote;
        assert_eq!(is_remote, name != "in process", "{name}");
        assert_eq!(spans.one(FETCH).span_kind, SpanKind::Client);
        assert_eq!(spans.one(SERVE).span_kind, SpanKind::Server);
        // The getter sees the place that the request has named.
        let asking = spans.one(FETCH).span_context.clone();
        let (trace, parent) = (asking.trace_id(), asking.span_id());
        assert_eq!(seen, format!("00-{trace}-{parent}-01").as_str(), "{name}");
        for (attribute, value) in [
            ("group", "g"),
            ("source", "peer"),
            ("outcome", "found"),
            ("bytes", "55"),
        ] {
            assert_eq!(spans.attribute(GET, attribute).as_deref(), Some(value));
        }
        let peer = cluster.node(1).member().to_string();
        assert_eq!(spans.attribute(FETCH, "peer"), Some(peer));
        for span in [GET, FETCH, SERVE, LOAD] {
            assert_eq!(spans.attribute(span, "key"), None);
            assert!(!spans.has_failed(span));
        }

        // The owner's hit is served without a load, and seen.
        groups[0].get(&key).await.unwrap();
        let spans = recorder.spans();
        spans.assert_chain(&[GET, FETCH, SERVE]);
        assert_eq!(spans.0.len(), 3, "{name}: {spans}");
        // A hit here is not seen.
        groups[1].get(&key).await.unwrap();
        groups[1].entry(&key).await.unwrap();
        assert_eq!(groups[1].get_many([&key]).await.len(), 1);
        assert!(recorder.spans().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn spans_have_keys_at_the_level_trace_and_hashes_where_the_node_hides_keys() {
    let recorder = Recorder::new("info,groupcache::trace=trace", Sampler::AlwaysOn);
    for hides in [false, true] {
        let cluster = settled(2).configure(move |node| node.hide_keys(hides));
        let cluster = cluster.start().await.unwrap();
        let groups = unmirrored(&cluster, traced_getter());
        let key = cluster.key_owned_by(1, "k");
        groups[0].get(&key).await.unwrap();
        let spans = recorder.spans();
        for span in [GET, FETCH, LOAD] {
            let shown = spans.attribute(span, "key").unwrap();
            assert_eq!(shown.contains(&key), !hides, "{span}: {shown}");
            assert_eq!(shown.contains('#'), hides, "{span}: {shown}");
        }
    }
}

#[tokio::test]
async fn gets_that_go_less_far_and_changes_are_traces_too() {
    let recorder = Recorder::of_everything();
    let cluster = settled(2).start().await.unwrap();
    let groups = unmirrored(&cluster, traced_getter());
    let (keys, own) = (
        [cluster.key_owned_by(1, "a"), cluster.key_owned_by(1, "b")],
        cluster.key_owned_by(0, "c"),
    );
    recorder.spans();

    let peek = GetOptions::default().mode(Mode::Peek);
    let peeked = groups[0].get_with_options(&keys[0], peek).await;
    assert!(peeked.unwrap_err().is_not_found());
    let spans = recorder.spans();
    spans.assert_chain(&[GET, FETCH, SERVE]);
    assert_eq!(spans.attribute(GET, "outcome").unwrap(), "not found");
    assert!(!spans.has_failed(GET), "not found is an answer");

    groups[0].warm_up(&keys[0]).await.unwrap();
    recorder
        .spans()
        .assert_chain(&[GET, FETCH, SERVE, LOAD, "read"]);

    let without = GetOptions::default().mode(Mode::NoPeerLoad);
    groups[0].get_with_options(&keys[1], without).await.unwrap();
    let spans = recorder.spans();
    spans.assert_chain(&[GET, FETCH, SERVE]);
    spans.assert_chain(&[GET, LOAD, "read"]);

    groups[0].get(&own).await.unwrap();
    let spans = recorder.spans();
    spans.assert_chain(&[GET, LOAD, "read"]);
    assert_eq!(spans.attribute(GET, "source").unwrap(), "origin");

    let set = groups[0]
        .set(&keys[0], "v")
        .instrument(info_span!("request"));
    set.await.unwrap();
    let spans = recorder.spans();
    spans.assert_one_trace(None);
    spans.assert_chain(&["request", CHANGE, TELL, SERVE]);
    assert_eq!(spans.attribute(SERVE, "operation").unwrap(), "set");
    // The one peer is told once.
    for (change, count) in [
        ("remove", Some("2")),
        ("remove_if", Some("1")),
        ("clear", None),
    ] {
        let changed = match change {
            "remove" => groups[0].remove_many(&keys).await,
            "remove_if" => groups[0].remove_if(|_| true).await.map(drop),
            _ => groups[0].clear().await,
        };
        changed.unwrap();
        let spans = recorder.spans();
        spans.assert_one_trace(None);
        assert_eq!((spans.count(TELL), spans.count(SERVE)), (1, 1), "{spans}");
        assert_eq!(spans.attribute(CHANGE, "operation").unwrap(), change);
        assert_eq!(spans.attribute(CHANGE, "keys").as_deref(), count);
    }
}

#[tokio::test]
async fn a_get_of_several_keys_is_one_trace() {
    let recorder = Recorder::of_everything();
    for (name, cluster) in clusters().await {
        let groups = unmirrored(&cluster, traced_getter());
        let others = [cluster.key_owned_by(1, "a"), cluster.key_owned_by(1, "b")];
        let own = cluster.key_owned_by(0, "c");
        let keys = [&others[0], &others[1], &own];
        recorder.spans();
        let get = groups[0].get_many(keys).instrument(info_span!("request"));
        for outcome in get.await {
            outcome.unwrap();
        }
        // The task of the call may still run.
        let mut spans = recorder.spans();
        while spans.count(GET_MANY) == 0 {
            tokio::task::yield_now().await;
            spans.0.extend(recorder.spans().0);
        }
        spans.assert_one_trace(None);
        spans.assert_chain(&["request", GET_MANY]);
        let below = |name: &str, parent: &str| {
            let named = spans.0.iter().filter(|span| span.name == name);
            let mut parents = spans.0.iter().filter(|span| span.name == parent);
            let count = named.clone().count();
            assert!(count > 0, "no {name} in {spans}");
            for span in named {
                let is_parent = |above: &opentelemetry_sdk::trace::SpanData| {
                    above.span_context.span_id() == span.parent_span_id
                };
                assert!(
                    parents.clone().any(is_parent),
                    "{name} below {parent}: {spans}"
                );
            }
            assert!(parents.next().is_some());
            count
        };
        below(SERVE, FETCH);
        assert_eq!(below("read", LOAD), 3, "{name}: {spans}");
    }
}

#[tokio::test]
async fn who_shares_a_flight_says_so_and_the_flight_is_in_the_trace_of_the_first() {
    let recorder = Recorder::of_everything();
    let cluster = settled(2).start().await.unwrap();
    let (calls, gate) = (Calls::default(), Gate::closed());
    let groups = unmirrored(&cluster, calls.gated(&gate));
    let key = cluster.key_owned_by(1, "k");
    recorder.spans();
    let get = |name: &'static str| {
        let (group, key) = (groups[0].clone(), key.clone());
        let get = async move { group.get(key).await.unwrap() };
        tokio::spawn(get.instrument(info_span!("request", otel.name = name)))
    };
    let first = get("first");
    gate.arrival().await;
    let second = get("second");
    tokio::task::yield_now().await;
    // The first caller goes away, and its flight goes on.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open(1);
    second.await.unwrap();

    let spans = recorder.spans();
    assert_eq!(spans.count(GET), 2);
    let get_below = |request: &str| {
        let request = spans.one(request).span_context.span_id();
        let mut gets = spans.0.iter().filter(|span| span.name == GET);
        gets.find(|get| get.parent_span_id == request).unwrap()
    };
    let said = |request: &str, attribute: &str| attribute_of(get_below(request), attribute);
    assert_eq!(said("first", "shared"), None);
    assert_eq!(said("first", "outcome").as_deref(), Some("given up"));
    assert_eq!(said("second", "shared").as_deref(), Some("true"));
    assert_eq!(said("second", "outcome").as_deref(), Some("found"));
    let fetch = spans.one(FETCH);
    assert_eq!(
        fetch.parent_span_id,
        get_below("first").span_context.span_id()
    );
    spans.assert_chain(&[FETCH, SERVE, LOAD]);
}

#[tokio::test]
async fn what_is_not_sampled_is_recorded_nowhere_and_the_peer_is_told() {
    for sampler in [Sampler::AlwaysOff, Sampler::AlwaysOn] {
        let is_sampled = matches!(sampler, Sampler::AlwaysOn);
        let recorder = Recorder::new("info,groupcache::trace=debug", sampler);
        for (name, cluster) in clusters().await {
            let groups = unmirrored(&cluster, traced_getter());
            recorder.spans();
            let seen = groups[0].get(cluster.key_owned_by(1, "k")).await.unwrap();
            assert_eq!(recorder.spans().is_empty(), !is_sampled, "{name}");
            let flags = if is_sampled { "-01" } else { "-00" };
            assert!(seen.to_str_lossy().ends_with(flags), "{name}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_recorded_at_the_level_trace_alone() {
    for (level, key) in [("debug", None), ("trace", Some(r#""k\n\u{202e}""#))] {
        let filter = format!("off,groupcache::trace={level}");
        let recorder = Recorder::new(&filter, Sampler::AlwaysOn);
        let node = common::lonely_node().await;
        let group = node.group("g", MIB, traced_getter()).build().unwrap();
        group.get("k\n\u{202e}").await.unwrap();
        let spans = recorder.spans();
        spans.assert_chain(&[GET, LOAD]);
        for span in [GET, LOAD] {
            assert_eq!(spans.attribute(span, "key").as_deref(), key);
        }
    }
}

#[tokio::test]
async fn spans_say_how_work_has_ended() {
    let recorder = Recorder::of_everything();
    let cluster = settled(2).start().await.unwrap();
    let getter = |key: Key| async move {
        match key.to_str_lossy().get(..5) {
            Some("panic") => panic!("as told"),
            Some("gone-") => Err(Box::from(NotFound)),
            Some("slow-") => std::future::pending().await,
            _ => Err::<String, _>(groupcache::GetterError::from("a secret of the getter")),
        }
    };
    let limit = Duration::from_millis(50);
    let groups = cluster
        .group_with("g", MIB, getter, |group| group.load_timeout(limit))
        .unwrap();
    for (kind, outcome, is_failure) in [
        ("panic", "getter panicked", true),
        ("gone-", "not found", false),
        ("slow-", "timed out", true),
        ("bad--", "getter failed", true),
    ] {
        for owner in [0, 1] {
            recorder.spans();
            let key = cluster.key_owned_by(owner, kind);
            groups[0].get(key).await.unwrap_err();
            let spans = recorder.spans();
            let loaded = match kind {
                "panic" => "panicked",
                _ => outcome,
            };
            spans.assert_ended(LOAD, loaded, is_failure);
            // A panic is an error of the getter to another node.
            let got = match (kind, owner) {
                ("panic", 1) => "getter failed",
                _ => outcome,
            };
            spans.assert_ended(GET, got, is_failure);
            assert!(!spans.to_string().contains("secret"), "{spans}");
        }
    }
}

#[tokio::test]
async fn the_next_peer_is_another_attempt() {
    let recorder = Recorder::of_everything();
    let cluster = settled(3).start().await.unwrap();
    let groups = unmirrored(&cluster, traced_getter());
    let mut keys = (0..).map(|n| format!("key-{n}"));
    // A key whose first two owners are other nodes.
    let key = keys.find(|key| {
        let owners = cluster.node(0).owners(key);
        owners[2].id() == cluster.node(0).member().id()
    });
    let key = key.unwrap();
    cluster.kill(cluster.owner(&key));
    recorder.spans();
    groups[0].get(&key).await.unwrap();
    let spans = recorder.spans();
    spans.assert_one_trace(None);
    let fetches = spans.0.iter().filter(|span| span.name == FETCH);
    let mut attempts: Vec<_> = fetches
        .map(|fetch| {
            let attribute = |name: &str| attribute_of(fetch, name).unwrap();
            (attribute("attempt"), attribute("outcome"))
        })
        .collect();
    attempts.sort();
    let attempts: Vec<_> = attempts.iter().map(|(n, end)| (&**n, &**end)).collect();
    assert_eq!(attempts, [("0", "unreachable"), ("1", "found")]);
}

#[tokio::test]
async fn a_hand_over_is_a_fetch_within_the_owners_work() {
    let recorder = Recorder::of_everything();
    let cluster = Cluster::start(2).await.unwrap();
    let groups = unmirrored(&cluster, traced_getter());
    recorder.spans();
    groups[1].get(cluster.key_owned_by(1, "k")).await.unwrap();
    let spans = recorder.spans();
    spans.assert_chain(&[GET, FETCH, SERVE]);
    spans.assert_chain(&[GET, LOAD, "read"]);
    assert_eq!(spans.attribute(FETCH, "mode").unwrap(), "hand-over");
}

#[tokio::test]
async fn a_refresh_is_a_trace_of_its_own_which_names_the_get_and_keeps_nothing_open() {
    let recorder = Recorder::of_everything();
    let clock = groupcache::ManualClock::new();
    let node = common::lonely_node_at(&clock).await;
    let gate = Gate::closed();
    let (ttl, stale) = (Duration::from_secs(1), Duration::from_secs(60));
    let group = node.group("g", MIB, Calls::default().gated(&gate)).ttl(ttl);
    let group = group.stale_while_revalidate(stale).build().unwrap();
    gate.open(1);
    group.get("k").await.unwrap();
    gate.arrival().await;
    clock.advance(2 * ttl);
    recorder.spans();
    let get = async { group.get("k").await.unwrap() };
    get.instrument(info_span!("request")).await;

    // The getter is at work, and the request's span has ended.
    gate.arrival().await;
    let spans = recorder.spans();
    assert_eq!(spans.0.len(), 1, "the get was a hit: {spans}");
    let request = spans.one("request").span_context.clone();

    gate.open(1);
    let mut spans = recorder.spans();
    while spans.count(REFRESH) == 0 {
        tokio::task::yield_now().await;
        spans.0.extend(recorder.spans().0);
    }
    spans.assert_chain(&[REFRESH, LOAD]);
    let refresh = spans.one(REFRESH);
    assert_eq!(refresh.parent_span_id, SpanId::INVALID);
    assert_ne!(refresh.span_context.trace_id(), request.trace_id());
    let links: Vec<_> = refresh
        .links
        .iter()
        .map(|link| &link.span_context)
        .collect();
    assert_eq!(links, [&request]);
}

/// A trace that somebody else has begun.
fn foreign(flags: u8) -> TraceContext {
    TraceContext::new(0xabcd, 0x1234, flags, "vendor=1").unwrap()
}

#[tokio::test]
async fn a_peers_trace_goes_on_here_and_at_the_next_node() {
    let recorder = Recorder::of_everything();
    for (name, cluster) in clusters().await {
        if name == "in process" {
            continue; // where the subscriber of one node is that of the other
        }
        // The values of `outer` are loaded by gets of `inner`.
        let inner = cluster.group_with("inner", MIB, traced_getter(), |group| group);
        let inner = inner.unwrap();
        let own = cluster.key_owned_by(0, "own");
        let of_first = inner[0].clone();
        let getter = move |_: Key| {
            let (inner, key) = (of_first.clone(), own.clone());
            async move { inner.get(key).await }
        };
        let outer = unmirrored(&cluster, getter);
        recorder.spans();
        let place = Context::default().with_trace(foreign(1));
        // No layer knows the trace at the first node, as if its program had none: only its words go along.
        let key = cluster.key_owned_by(1, "k");
        let none = tracing::subscriber::NoSubscriber::default();
        let get = place.scope(outer[0].get(&key));
        let get = tracing::instrument::WithSubscriber::with_subscriber(get, none);
        get.await.unwrap();
        let spans = recorder.spans();
        spans.assert_one_trace(Some(&foreign(1)));
        let serve = spans.one(SERVE);
        assert_eq!(
            serve.parent_span_id.to_bytes(),
            0x1234_u64.to_be_bytes(),
            "{name}"
        );
        assert_eq!(serve.span_context.trace_state().header(), "vendor=1");
    }
}

#[tokio::test]
async fn without_a_layer_the_words_of_a_trace_go_on_as_they_came() {
    for (name, cluster) in clusters().await {
        let groups = unmirrored(&cluster, traced_getter());
        for flags in [0, 1] {
            let place = foreign(flags);
            let context = Context::new("value").with_trace(place.clone());
            let key = cluster.key_owned_by(1, &format!("k{flags}"));
            let seen = context.scope(groups[0].get(&key)).await.unwrap();
            assert_eq!(seen, place.traceparent().as_str(), "{name}");
        }
        let seen = groups[0].get(cluster.key_owned_by(1, "l")).await.unwrap();
        assert_eq!(seen, "none", "{name}");
    }
}
