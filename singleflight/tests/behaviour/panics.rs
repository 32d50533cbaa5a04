use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use crate::support::{never, now, poll};

use singleflight::Group;

#[test]
fn a_panic_while_polling_is_an_error_for_all_who_waited() {
    let group = Group::<_, u32>::new();
    let text = String::from("text");
    let calls = [
        group.join("key", || async move { panic!("no luck with {text}") }),
        group.join("key", pending),
    ];
    for call in calls {
        let error = now(call).unwrap_err();
        assert!(error.is_panic() && !error.is_abandoned());
        assert_eq!(error.panic_message(), Some("no luck with text"));
        assert_eq!(
            error.to_string(),
            "the shared work panicked: no luck with text"
        );
    }
    assert!(group.is_empty());
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
}

#[test]
fn a_panic_while_the_work_is_created_is_an_error_for_all_who_waited() {
    let group = Group::<_, u32>::new();
    let early = Mutex::new(None);
    let first = group.join("key", || {
        *early.lock().unwrap() = Some(group.join("key", never));
        never()
    });
    assert!(group.is_empty());
    for call in [first, early.into_inner().unwrap().unwrap()] {
        assert_eq!(
            now(call).unwrap_err().panic_message(),
            Some("a flight is there already")
        );
    }
}

#[test]
fn a_panic_with_something_else_than_text_has_no_message() {
    let group = Group::<_, u32>::new();
    let error = now(group.join("key", || async { panic_any(7) })).unwrap_err();
    assert!(error.is_panic() && error.panic_message().is_none());
    assert_eq!(error.to_string(), "the shared work panicked");
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("on drop");
    }
}

#[test]
fn a_panic_while_ended_work_is_dropped_is_an_error_too() {
    let group = Group::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            Poll::Ready(7)
        })
    });
    assert_eq!(now(call).unwrap_err().panic_message(), Some("on drop"));
    assert!(group.is_empty());
}

#[test]
fn work_that_panics_when_polled_and_again_when_dropped_tells_the_first() {
    let group = Group::<_, u32>::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            panic!("on poll")
        })
    });
    assert_eq!(now(call).unwrap_err().panic_message(), Some("on poll"));
    assert!(group.is_empty());
}

#[test]
fn a_payload_that_panics_when_dropped_is_survived() {
    let group = Group::<_, u32>::new();
    assert!(
        now(group.join("key", || async { panic_any(PanicOnDrop) }))
            .unwrap_err()
            .is_panic()
    );
    assert!(group.is_empty());
}

#[test]
fn abandoned_work_that_panics_when_dropped_leaves_the_key_free() {
    let group = Group::<_, u32>::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            Poll::Pending
        })
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(call))).is_err());
    assert!(group.is_empty());
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
}

#[test]
fn a_panic_while_cloning_the_value_is_its_callers_own() {
    #[derive(Debug)]
    struct Fragile(Arc<AtomicUsize>);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(self.0.fetch_add(1, SeqCst) > 0, "the first clone fails");
            Fragile(Arc::clone(&self.0))
        }
    }
    let group = Group::new();
    let mut calls: Vec<_> = (0..3)
        .map(|_| group.join("key", || ready(Fragile(Arc::default()))))
        .collect();
    let mut unlucky = calls.remove(0);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut unlucky).is_ready())).is_err());
    drop(unlucky);
    for call in calls {
        assert!(now(call).is_ok());
    }
    assert!(group.is_empty());
}

#[test]
#[should_panic(expected = "a call must not be polled after it was ready")]
fn polling_a_call_that_was_ready_panics() {
    let mut call = Group::new().join("key", || ready(7));
    assert!(poll(&mut call).is_ready());
    let _ = poll(&mut call);
}
