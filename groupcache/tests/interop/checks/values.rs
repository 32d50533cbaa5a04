//! The keys and values that cross between the programs.

use crate::mixed::{Mixed, NODES, loads_by, starting_with};
use crate::program::Program;
use crate::source::value_of;

pub async fn a_space_and_a_plus_sign_are_told_apart_in_both_directions(program: Program) {
    cross(program, &["a b", "a+b", "a%20b", "a%2Bb"]).await;
}

pub async fn empty_and_large_values_cross_in_both_directions(program: Program) {
    cross(program, &["empty:", "size:1048576:", "size:8388608:"]).await;
}

/// Every node gets the values of such keys from their owner, whichever node that is.
pub async fn cross(program: Program, prefixes: &[&str]) {
    let mixed = Mixed::start(program).await;
    for owner in NODES {
        for prefix in prefixes {
            let key = mixed.key_owned_by(owner, prefix);
            // Ask the owner last.
            for asked in starting_with((owner + 1) % 3) {
                let value = mixed.get(asked, &key).await.unwrap();
                let length = value.len();
                assert!(
                    value == value_of(key.as_bytes()),
                    "{key} of {asked}: {length}"
                );
            }
            assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1), "{key}");
        }
    }
}
