//! The memory usage that a group reports, and changes of its budget.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::lonely_node_at;
use groupcache::{Group, Key, ManualClock};

const KIB: usize = 1 << 10;

/// A group whose values are of one size.
async fn group(budget: usize, value: usize, clock: &ManualClock) -> Group {
    let node = lonely_node_at(clock).await;
    let getter = move |_: Key| async move { Ok::<_, Infallible>(vec![7; value]) };
    node.group("usage", budget, getter).build().unwrap()
}

async fn fill(group: &Group, keys: std::ops::Range<u32>, clock: &ManualClock) {
    for key in keys {
        group.get(key.to_be_bytes()).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn usage_follows_what_is_kept_and_the_charge_is_more_than_key_and_value() {
    let clock = ManualClock::new();
    let group = group(1024 * KIB, KIB, &clock).await;
    assert_eq!((group.usage().bytes, group.usage().entries), (0, 0));
    fill(&group, 0..100, &clock).await;
    let usage = group.usage();
    assert_eq!((usage.entries, usage.budget), (100, 1024 * KIB));
    assert!(usage.bytes > 100 * (KIB + 4 + 64), "{usage:?}");
    assert_eq!((usage.hot_bytes, usage.hot_entries), (0, 0));
    assert_eq!(usage.victim_age, None, "nobody had to make room");
    group.remove(0_u32.to_be_bytes()).await.unwrap();
    assert_eq!(group.usage().bytes, usage.bytes / 100 * 99);
}

#[tokio::test]
async fn victims_are_about_as_old_as_the_group_takes_to_turn_over() {
    let clock = ManualClock::new();
    let group = group(1024 * KIB, KIB, &clock).await;
    fill(&group, 0..20_000, &clock).await;
    let usage = group.usage();
    let age = usage.victim_age.expect("many had to make room");
    assert!(group.stats().evictions > 18_000);
    // A new key comes each millisecond, and no get asks for it again.
    let turnover = Duration::from_millis(usage.entries as u64);
    assert!(
        age > Duration::from_millis(1) && age <= turnover * 2,
        "{age:?} of {turnover:?}"
    );
}

#[tokio::test]
async fn a_smaller_budget_is_brought_about_at_once_and_a_larger_one_used() {
    let clock = ManualClock::new();
    let group = group(1024 * KIB, KIB, &clock).await;
    fill(&group, 0..2000, &clock).await;
    group.set_budget(100 * KIB);
    let usage = group.usage();
    assert!(usage.bytes <= 100 * KIB && usage.entries > 50, "{usage:?}");
    group.set_budget(500 * KIB);
    fill(&group, 2000..4000, &clock).await;
    let usage = group.usage();
    assert!(usage.bytes <= 500 * KIB && usage.entries > 300, "{usage:?}");
}
