//! "Not found" and a getter's error: final where the protocol can say so, otherwise a reason for
//! whoever asked to load the value itself. Either way ours are typed.

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

/// Nobody but the owner loads, whoever is asked.
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
                // Once more, as errors are not kept. The message is the getter's own, though
                // galaxycache puts the request before it.
                let message = error.getter_message().unwrap();
                assert!(message.ends_with(words), "{key}: {message}");
                assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 2), "{key}");
            }
        }
    }
}

/// What a Go owner says makes one of ours load, and what ours say makes a Go caller load. Between
/// ours it is final.
async fn is_no_answer(program: Program, prefix: &str, refusal: Refusal) {
    let mixed = Mixed::start(program).await;
    for asked in [0, 1] {
        let key = mixed.key_owned_by(GO, &format!("{prefix}{asked}:"));
        assert_eq!(mixed.get(asked, &key).await, Err(refusal.clone()), "{key}");
        // The owner's successor, or this one if that is the next on the ring.
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
