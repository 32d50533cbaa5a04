//! mailgun/groupcache, version 2.
//!
//! # Escaping
//!
//! Its client escapes a key for a path (`url.PathEscape`): a space is `%20`, a plus sign stays as it is,
//! and its server reads it so. There is nothing to put right; see `shared_path.rs` for how this goes
//! together with golang's way on the same path.
//!
//! # Errors
//!
//! 404 is "not found" and 503 a failure of the getter. Both are final for whoever asked: the getter
//! runs once, and ours get the getter's own words.
//!
//! # Sets
//!
//! A Go node that is given a value tells the key's owner and nobody else. What the others mirror, the
//! Go node itself included, stays as it was until it expires or is evicted. Ours tell everybody.

use groupcache::{Always, Protocol};

use crate::checks::checks;
use crate::mixed::{GO, Mixed};
use crate::program::Program;
use crate::source::value_of;

pub const MAILGUN: Program = Program::new("mailgun", Protocol::Mailgun);

checks! { MAILGUN =>
    every_key_is_loaded_by_its_owner_alone_whoever_is_asked,
    callers_of_a_slow_key_on_all_nodes_cost_one_getter_call,
    a_warm_up_has_the_owner_load,
    a_space_and_a_plus_sign_are_told_apart_in_both_directions,
    empty_and_large_values_cross_in_both_directions,
    not_found_is_final_for_all,
    a_getters_error_is_final_for_all,
    a_value_lives_as_long_as_its_owners_getter_says,
    a_value_that_ours_set_lives_as_long_as_they_say,
    a_value_that_a_go_node_sets_lives_as_long_as_it_says,
    a_removal_reaches_every_node_whoever_is_told,
    a_value_that_ours_set_replaces_all_others,
    a_value_that_a_go_node_sets_is_the_one_that_all_get,
    a_clear_is_unsupported_and_done_on_this_node_alone,
    a_peek_is_unsupported,
    our_nodes_ask_no_go_node_that_leaves_for_their_own_keys,
    no_get_fails_when_the_go_node_is_told_to_end,
    no_get_fails_when_the_go_node_is_killed,
    a_go_node_that_comes_back_is_used_again,
}

#[tokio::test]
async fn a_value_that_a_go_node_sets_reaches_the_owner_and_no_mirror() {
    let mixed = Mixed::start_with(MAILGUN, |node| node, |group| group.promoter(Always)).await;
    let key = mixed.key_owned_by(0, "mirrored ");
    for asked in [1, GO] {
        mixed.get(asked, &key).await.unwrap();
    }
    mixed.set(GO, key.as_bytes(), "set").await;
    assert_eq!(mixed.get(0, &key).await.unwrap(), b"set");
    for mirror in [1, GO] {
        assert_eq!(mixed.get(mirror, &key).await, Ok(value_of(key.as_bytes())));
    }
}
