//! "Not found" and a getter's error. Both are final where the protocol can express them. Otherwise
//! the caller loads the value itself. Either way our errors are typed.

use crate::mixed::{GO, Mixed, NODES, Refusal, loads_by};
use crate::program::Program;
use crate::source::FAILURE;

pub async fn not_found_is_final_for_all(program: Program) {
    is_final(program, "missing:", Refusal::NotFound).await;
}

pub async fn a_getters_error_is_final_for_all(program: Program) {
    is_final(program, "err:", Refusal::Getter).await;
}

pub async fn not_found_is_no_answer_between_programs(program: Program) {
    is_no_answer(program, "missing:", Refusal::NotFound).await;
}

pub async fn a_getters_error_is_no_answer_between_programs(program: Program) {
    is_no_answer(program, "err:", Refusal::Getter).await;
}

/// Only the owner loads, whichever node is asked.
async fn is_final(program: Program, prefix: &str, refusal: Refusal) {
    let mixed = Mixed::start(program).await;
    for owner in NODES {
        for asked in NODES {
            let key = mixed.key_owned_by(owner, &format!("{prefix}{asked}:"));
            assert_eq!(mixed.get(asked, &key).await, Err(refusal.clone()), "{key}");
            assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1), "{key}");
            if let Some(group) = mixed.groups.get(asked) {
                let error = group.get(&key).await.unwrap_err();
                let words = match refusal {
                    Refusal::NotFound => "not found",
                    _ => FAILURE,
                };
                // Errors are not cached, so the owner loads once more. The message is the getter's
                // own, but galaxycache puts the request before it.
                let message = error.getter_message().unwrap();
                assert!(message.ends_with(words), "{key}: {message}");
                assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 2), "{key}");
            }
        }
    }
}

/// A Go owner's error makes our node load, and our owner's error makes a Go caller load. Between
/// our nodes the error is final.
async fn is_no_answer(program: Program, prefix: &str, refusal: Refusal) {
    let mixed = Mixed::start(program).await;
    for asked in [0, 1] {
        let key = mixed.key_owned_by(GO, &format!("{prefix}{asked}:"));
        assert_eq!(mixed.get(asked, &key).await, Err(refusal.clone()), "{key}");
        // The owner's successor on the ring loads, which may be the caller itself.
        let [ours, ours_too, go] = mixed.loads_of(&key).await;
        assert_eq!((ours + ours_too, go), (1, 1), "{key}");
    }
    let key = mixed.key_owned_by(0, prefix);
    assert_eq!(mixed.get(GO, &key).await, Err(refusal.clone()));
    assert_eq!(mixed.loads_of(&key).await, [1, 0, 1], "{key}");
    let key = mixed.key_owned_by(0, &format!("{prefix}again:"));
    assert_eq!(mixed.get(1, &key).await, Err(refusal));
    assert_eq!(mixed.loads_of(&key).await, [1, 0, 0], "{key}");
}
