//! After a getter fails for a key, the group does not call it for that key for a while.

mod common;

use std::time::Duration;

use common::database::{Database, Mood};
use common::{MIB, lonely_node_at, until};
use groupcache::testing::Cluster;
use groupcache::{Always, Group, GroupBuilder, ManualClock, Source};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn group_at(
    clock: &ManualClock,
    database: &Database,
    settings: impl FnOnce(GroupBuilder) -> GroupBuilder,
) -> Group {
    let group = lonely_node_at(clock)
        .await
        .group("g", MIB, database.getter());
    settings(group).build().unwrap()
}

/// Gets the stale value of `k` many times, so that its refreshes can run.
async fn get_stale(group: &Group) {
    for _ in 0..200 {
        assert_eq!(group.entry("k").await.unwrap().source(), Source::Stale);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failing_refresh_is_tried_again_after_a_pause_that_grows() {
    for mood in [Mood::Fails, Mood::Panics] {
        let (clock, database) = (ManualClock::new(), Database::default());
        let group = group_at(&clock, &database, |group| {
            group.ttl(SECOND).stale_while_revalidate(HOUR)
        });
        let group = group.await;
        group.get("k").await.unwrap();
        clock.advance(2 * SECOND);
        database.is(mood);
        for (n, pause) in [100, 200, 400, 800].into_iter().enumerate() {
            get_stale(&group).await;
            assert_eq!(database.count(), 2 + n as u64, "{mood:?}");
            clock.advance(Duration::from_millis(pause - 1));
            get_stale(&group).await;
            assert_eq!(database.count(), 2 + n as u64, "{mood:?}");
            clock.advance(Duration::from_millis(1));
        }
        database.is(None);
        group.get("k").await.unwrap();
        until(|| database.count() == 6).await;
        until(|| group.stats().entries == 1).await;
        while group.entry("k").await.unwrap().source() != Source::Main {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_key_whose_loads_fail_again_ends_its_gets_with_the_last_error() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group).await;
    database.is(Mood::Fails);
    for _ in 0..100 {
        let error = group.get("k").await.unwrap_err();
        assert_eq!(error.getter_message(), Some("the database is down"));
    }
    assert_eq!(
        database.count(),
        2,
        "the second failure is the first that pauses"
    );
    group.get("other").await.unwrap_err();
    assert_eq!(database.count(), 3, "another key has its own pauses");

    clock.advance(SECOND);
    database.is(None);
    assert_eq!(group.get("k").await.unwrap(), "k 4");
    database.is(Mood::Fails);
    group.remove("k").await.unwrap();
    for _ in 0..2 {
        group.get("k").await.unwrap_err();
    }
    assert_eq!(
        database.count(),
        6,
        "a success has ended the row of failures"
    );
}

#[tokio::test]
async fn not_found_is_an_answer_and_pauses_nothing() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group).await;
    database.is(Mood::HasNothing);
    for _ in 0..10 {
        assert!(group.get("k").await.unwrap_err().is_not_found());
    }
    assert_eq!(database.count(), 10);
}

#[tokio::test]
async fn a_change_of_the_key_ends_its_pause_and_zero_turns_pauses_off() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group).await;
    database.is(Mood::Fails);
    for expected in [2, 4, 6] {
        for _ in 0..5 {
            group.get("k").await.unwrap_err();
        }
        assert_eq!(database.count(), expected);
        if expected == 2 {
            group.remove("k").await.unwrap();
        } else {
            group.clear().await.unwrap();
        }
    }
    let off = group_at(&clock, &database, |group| {
        group.failure_pause(Duration::ZERO)
    })
    .await;
    for _ in 0..5 {
        off.get("k").await.unwrap_err();
    }
    assert_eq!(database.count(), 11);
}

#[tokio::test]
async fn a_refresh_that_finds_no_value_takes_the_stale_one_out_on_every_node() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let shared = clock.clone();
    let cluster = Cluster::builder(3).configure(move |node| node.clock(shared.clone()));
    let cluster = cluster.start().await.unwrap();
    let groups = cluster.group_with("g", MIB, database.getter(), |group| {
        let group = group.promoter(Always).ttl(SECOND);
        group.stale_while_revalidate(HOUR)
    });
    let groups = groups.unwrap();
    let key = cluster.key_owned_by(1, "k");
    for group in &groups {
        group.get(&key).await.unwrap();
        assert_eq!(group.stats().entries, 1);
    }
    database.is(Mood::HasNothing);
    clock.advance(2 * SECOND);
    assert_eq!(groups[0].entry(&key).await.unwrap().source(), Source::Stale);
    until(|| groups.iter().all(|group| group.stats().entries == 0)).await;
    for group in &groups {
        assert!(group.get(&key).await.unwrap_err().is_not_found());
    }
}
