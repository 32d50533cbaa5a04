//! Settings that cannot work are errors that name the setting and its limits.

mod common;

use std::time::Duration;

use common::{Calls, MIB, lonely_node};
use groupcache::{CircuitOptions, CoherenceOptions, Error, Group, GroupBuilder, HttpOptions, Node};

const SECOND: Duration = Duration::from_secs(1);

/// The error of a group with these settings.
async fn group_error(settings: impl FnOnce(GroupBuilder) -> GroupBuilder) -> Error {
    let node = lonely_node().await;
    let group = settings(node.group("g", MIB, Calls::default().echo()));
    let error = group.build().unwrap_err();
    assert!(error.is_configuration(), "{error}");
    assert!(node.groups().is_empty());
    error
}

/// The error of a node with these settings.
async fn coherence_error(options: CoherenceOptions) -> Error {
    let node = Node::builder("http://a").coherence(options);
    let error = node.start().await.unwrap_err();
    assert!(error.is_configuration(), "{error}");
    error
}

fn assert_names(error: &Error, words: &[&str]) {
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[tokio::test]
async fn a_groups_name_is_taken_once_and_fits_into_a_path() {
    let node = lonely_node().await;
    let build = |name: &str| node.group(name, MIB, Calls::default().echo()).build();
    let error = |result: Result<Group, Error>| result.unwrap_err();

    let _taken = build("taken").unwrap();
    assert!(error(build("taken")).is_group_exists());
    for (name, reason) in [("", "empty"), ("a/b", "slash"), ("..", "path")] {
        let error = error(build(name));
        assert!(error.is_configuration());
        assert_names(&error, &[reason]);
    }
    assert_names(&error(build(&"x".repeat(2000))), &["1024 bytes"]);
}

#[tokio::test]
async fn limits_of_zero_are_refused_by_name() {
    assert_names(
        &group_error(|g| g.max_key_bytes(0)).await,
        &["max_key_bytes"],
    );
    assert_names(
        &group_error(|g| g.max_value_bytes(0)).await,
        &["max_value_bytes"],
    );
    assert_names(&group_error(|g| g.max_flights(0)).await, &["max_flights"]);
    let forgetful = CoherenceOptions::default().change_log_bytes(0);
    assert_names(
        &coherence_error(forgetful).await,
        &["change_log_bytes", "1024"],
    );
    let zero = Duration::ZERO;
    assert_names(
        &group_error(|g| g.load_timeout(zero)).await,
        &["load_timeout"],
    );
    assert_names(
        &group_error(|g| g.peek_timeout(zero)).await,
        &["peek_timeout"],
    );
    assert_names(
        &group_error(|g| g.candidate_idle(zero)).await,
        &["candidate_idle"],
    );
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_both_named() {
    let jitter = group_error(|g| g.ttl(SECOND).ttl_jitter(2 * SECOND)).await;
    assert_names(&jitter, &["ttl_jitter", "ttl of 1s"]);
    let ahead = group_error(|g| g.ttl(SECOND).refresh_ahead(SECOND / 2)).await;
    assert_names(&ahead, &["refresh_ahead", "half", "ttl of 900ms"]);
    let hedge = group_error(|g| g.hedge_after(0.9)).await;
    assert_names(&hedge, &["hedge_after", "standby"]);
    let hedge = group_error(|g| g.standby(true).hedge_after(1.0)).await;
    assert_names(&hedge, &["hedge_after", "just below 1"]);
    let lease = group_error(|g| g.mirror_lease(SECOND).stale_if_error(SECOND)).await;
    assert_names(&lease, &["mirror_lease", "stale_if_error of 1s"]);

    let node = lonely_node().await;
    let hot = node.group("g", 0, Calls::default().echo()).hot_ratio(4);
    assert_names(&hot.build().unwrap_err(), &["hot_ratio", "budget of zero"]);

    let slow = group_error(|g| g.load_timeout(30 * SECOND)).await;
    assert_names(&slow, &["load_timeout", "request_timeout of 30s"]);
    let impatient = HttpOptions::default().request_timeout(2 * SECOND);
    let node = Node::builder("http://a").http(impatient).start().await;
    let node = node.unwrap();
    let group = || node.group("g", MIB, Calls::default().echo());
    let default = group().build().unwrap_err();
    assert_names(&default, &["load_timeout", "25s", "request_timeout of 2s"]);
    group().load_timeout(SECOND).build().unwrap();
}

#[tokio::test]
async fn endless_and_tiny_durations_are_refused_where_they_make_no_sense() {
    let endless = Duration::MAX;
    for interval in [Duration::from_nanos(1), endless] {
        let often = CoherenceOptions::default().exchange_interval(interval);
        let error = coherence_error(often).await;
        assert_names(&error, &["exchange_interval", "10 ms", "a year"]);
    }
    let loads = group_error(|g| g.load_timeout(endless)).await;
    assert_names(&loads, &["load_timeout", "request_timeout"]);
}

#[tokio::test]
async fn times_to_live_may_be_endless() {
    let node = lonely_node().await;
    let group = node
        .group("g", MIB, Calls::default().echo())
        .ttl(Duration::MAX)
        .ttl_jitter(Duration::MAX)
        .peek_ttl(Duration::MAX)
        .stale_while_revalidate(Duration::MAX)
        .candidate_idle(Duration::MAX)
        .failovers(usize::MAX)
        .candidates(usize::MAX)
        .build()
        .unwrap();
    for _ in 0..2 {
        assert_eq!(group.get("k").await.unwrap(), "value of k");
    }
}

#[tokio::test]
async fn a_node_refuses_what_cannot_work() {
    for url in ["", "10.0.0.1:8080", "http://10.0.0.1:8080//", "https://"] {
        let error = Node::builder(url).start().await.unwrap_err();
        assert!(error.is_configuration(), "{url:?}: {error}");
    }
    let node = || Node::builder("http://a");
    for node in [
        node().peers(["http://b//"]),
        node().replicas(0),
        node().listen("nowhere.invalid:x"),
    ] {
        assert!(node.start().await.unwrap_err().is_configuration());
    }
    let handoff = node().handoff(Duration::MAX).start().await.unwrap_err();
    assert_names(&handoff, &["handoff", "a year"]);
    let endless = CircuitOptions::default().max_back_off(Duration::MAX);
    let circuit = node().circuit(endless).start().await.unwrap_err();
    assert!(circuit.is_configuration());
    assert_names(&circuit, &["max_back_off"]);
}
