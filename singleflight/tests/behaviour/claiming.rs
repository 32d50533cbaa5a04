use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use crate::support::{Task, never, now, poll};

use singleflight::{Claim, Group, Landing};

fn mine(group: &Group<&'static str, u32>, key: &'static str) -> Landing<&'static str, u32> {
    match group.claim(key) {
        Claim::Mine(landing) => landing,
        Claim::Joined(call) => panic!("{call:?}"),
    }
}

#[test]
fn callers_of_a_claimed_key_wait_for_the_result_that_is_brought() {
    let group = Group::new();
    let landing = mine(&group, "key");
    let waiter = Task::new();
    let mut joined = group.join("key", never);
    assert!(waiter.poll(&mut joined).is_pending());
    let Claim::Joined(mut claimed) = group.claim("key") else {
        panic!("the key is claimed already");
    };
    assert!(poll(&mut claimed).is_pending());
    assert!(joined.detach().is_none() && !joined.is_first());
    landing.land(7);
    assert_eq!(waiter.woken(), 1);
    assert!(group.is_empty());
    for call in [joined, claimed] {
        assert_eq!(now(call).unwrap().value, 7);
    }
}

#[test]
fn a_claim_joins_a_flight_that_has_work() {
    let group = Group::new();
    let working = group.join("key", || std::future::ready(7));
    let Claim::Joined(call) = group.claim("key") else {
        panic!("there is a flight");
    };
    assert_eq!(now(working).unwrap().value, 7);
    assert_eq!(now(call).unwrap().value, 7);
}

#[test]
fn a_claim_that_nobody_joins_leaves_nothing() {
    let group = Group::new();
    mine(&group, "key").land(7);
    assert!(group.is_empty());
    let landing = mine(&group, "key");
    drop(group.join("key", never));
    assert!(group.contains("key"), "the claim outlives its callers");
    landing.land(8);
    assert!(group.is_empty());
}

#[test]
fn a_landing_that_is_dropped_abandons_its_callers() {
    let group = Group::new();
    let landing = mine(&group, "key");
    let call = group.join("key", never);
    drop(landing);
    assert!(now(call).unwrap_err().is_abandoned());
    assert!(group.is_empty());
}

#[test]
fn a_forgotten_claim_lands_for_its_callers_and_for_no_others() {
    let group = Group::new();
    let landing = mine(&group, "key");
    let mut old = group.join("key", never);
    assert!(group.forget("key"));
    let new = mine(&group, "key");
    landing.land(1);
    assert!(matches!(poll(&mut old), Poll::Ready(Ok(outcome)) if outcome.value == 1));
    let late = group.join("key", never);
    new.land(2);
    assert_eq!(now(late).unwrap().value, 2);
}

#[test]
fn a_claim_that_is_forgotten_before_anybody_joins_lands_for_nobody() {
    let group = Group::new();
    let forgotten = mine(&group, "key");
    assert!(group.forget("key"));
    let other = mine(&group, "key");
    forgotten.land_with(|| panic!("nobody waits"));
    assert!(group.contains("key"), "the newer claim stays");
    let call = group.join("key", never);
    other.land(2);
    assert_eq!(now(call).unwrap().value, 2);
    assert!(group.is_empty());
}

#[test]
fn a_landing_that_forgets_its_key_lands_for_who_had_joined_and_leaves_a_newer_flight_alone() {
    let group = Group::new();
    let mut landing = mine(&group, "key");
    let old = group.join("key", never);
    landing.forget();
    assert!(!group.contains("key"));
    let newer = mine(&group, "key");
    landing.forget();
    assert!(group.contains("key"), "the newer flight stays");
    landing.land(1);
    assert_eq!(now(old).unwrap().value, 1);
    let call = group.join("key", never);
    newer.land(2);
    assert_eq!(now(call).unwrap().value, 2);
    assert!(group.is_empty());
}

#[test]
fn a_landing_that_forgets_its_key_before_anybody_joins_lands_for_nobody() {
    let group = Group::new();
    let mut landing = mine(&group, "key");
    landing.forget();
    assert!(group.is_empty());
    landing.land_with(|| panic!("nobody waits"));
}

#[test]
fn a_landing_forgets_nothing_of_a_key_that_the_group_has_forgotten() {
    let group = Group::new();
    let mut landing = mine(&group, "key");
    let old = group.join("key", never);
    assert!(group.forget("key"));
    let newer = group.join("key", || std::future::ready(2));
    landing.forget();
    assert!(group.contains("key"), "the newer flight stays");
    landing.land(1);
    assert_eq!(now(old).unwrap().value, 1);
    assert_eq!(now(newer).unwrap().value, 2);
}

#[test]
fn a_landing_that_is_dropped_after_it_forgot_its_key_abandons_its_callers() {
    let group = Group::new();
    let mut landing = mine(&group, "key");
    let call = group.join("key", never);
    landing.forget();
    drop(landing);
    assert!(now(call).unwrap_err().is_abandoned());
}

#[test]
fn a_result_is_made_only_for_who_has_joined() {
    let group = Group::new();
    mine(&group, "key").land_with(|| panic!("nobody waits"));
    let landing = mine(&group, "key");
    let call = group.join("key", never);
    landing.land_with(|| 7);
    assert_eq!(now(call).unwrap().value, 7);
    assert!(group.is_empty());
}

#[test]
fn a_panic_while_a_result_is_made_abandons_the_flight() {
    let group = Group::new();
    let landing = mine(&group, "key");
    let call = group.join("key", never);
    let landed = AssertUnwindSafe(|| landing.land_with(|| panic!("no result")));
    assert!(catch_unwind(landed).is_err());
    assert!(now(call).unwrap_err().is_abandoned());
    assert!(group.is_empty());
}
