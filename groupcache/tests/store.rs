//! Groups that keep their values in a store of the user's own.

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::lonely_node_at;
use groupcache::testing::{Cluster, MapStore};
use groupcache::{Always, Group, Key, ManualClock, Source, Value};
use tokio::sync::Semaphore;

async fn source(group: &Group, key: &str) -> Source {
    group.entry(key).await.unwrap().source()
}

#[tokio::test]
async fn values_live_in_the_users_store_and_are_served_from_there() {
    let (clock, store) = (ManualClock::new(), MapStore::default());
    let echo = |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) };
    let group = lonely_node_at(&clock)
        .await
        .group("g", 0, echo)
        .store(store.clone())
        .build()
        .unwrap();
    assert_eq!(source(&group, "a").await, Source::Origin);
    assert_eq!(source(&group, "a").await, Source::Main);
    let [(key, stored)] = &store.entries()[..] else {
        panic!("one entry");
    };
    assert_eq!((&**key, &*stored.value), (b"a".as_slice(), b"a".as_slice()));
    assert!(!stored.mirror && stored.expires.is_none());
    assert_eq!((group.usage().entries, group.stats().bytes), (1, 2));

    group.set("b", Value::from("two")).await.unwrap();
    assert_eq!(group.get("b").await.unwrap(), "two");
    group.remove("a").await.unwrap();
    assert_eq!(store.entries().len(), 1);
    group.clear().await.unwrap();
    assert!(store.entries().is_empty());
}

#[tokio::test]
async fn a_value_past_its_time_is_not_served_though_the_store_still_has_it() {
    let (clock, store) = (ManualClock::new(), MapStore::default());
    let echo = |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) };
    let group = lonely_node_at(&clock)
        .await
        .group("g", 0, echo)
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .store(store.clone())
        .build()
        .unwrap();
    group.get("k").await.unwrap();
    clock.advance(Duration::from_secs(59));
    assert_eq!(source(&group, "k").await, Source::Main);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.entries().len(), 1);
    assert_eq!(source(&group, "k").await, Source::Origin);
}

#[tokio::test]
async fn what_was_removed_while_it_was_loaded_does_not_come_to_the_store() {
    let (clock, store) = (ManualClock::new(), MapStore::default());
    let (gate, calls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let getter = {
        let (gate, calls) = (Arc::clone(&gate), Arc::clone(&calls));
        move |_: Key| {
            let (gate, call) = (Arc::clone(&gate), calls.fetch_add(1, SeqCst));
            async move {
                gate.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(format!("call {call}"))
            }
        }
    };
    let group = lonely_node_at(&clock)
        .await
        .group("g", 0, getter)
        .store(store.clone())
        .build()
        .unwrap();
    let first = tokio::spawn({
        let group = group.clone();
        async move { group.get("k").await }
    });
    while calls.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    group.remove("k").await.unwrap();
    gate.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), "call 0");
    assert!(store.entries().is_empty());
    assert_eq!(group.get("k").await.unwrap(), "call 1");
    assert_eq!(store.entries().len(), 1);
}

#[tokio::test]
async fn a_mirror_is_told_from_an_own_value() {
    let store = MapStore::default();
    let cluster = Cluster::start(2).await.unwrap();
    let echo = |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) };
    let kept = store.clone();
    let groups = cluster
        .group_with("g", 1 << 20, echo, move |group| {
            group.promoter(Always).store(kept.clone())
        })
        .unwrap();
    let key = cluster.key_owned_by(1, "key ");
    assert_eq!(source(&groups[0], &key).await, Source::Peer);
    // Both nodes share one map here, so the last node to insert has marked the entry.
    assert!(store.entries()[0].1.mirror);
    assert_eq!(source(&groups[0], &key).await, Source::Hot);
}
