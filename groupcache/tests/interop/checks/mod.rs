//! Checks of mixed clusters for any program. The program's file names the checks that hold for it.

mod changes;
mod errors;
mod expiry;
mod handover;
mod loads;
mod stops;
mod values;

pub use changes::*;
pub use errors::*;
pub use expiry::*;
pub use handover::*;
pub use loads::*;
pub use stops::*;
pub use values::*;

/// Makes a test of each named check, with this program.
macro_rules! checks {
    ($program:expr => $($check:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            $crate::checks::$check($program).await;
        }
    )+};
}

/// The checks that hold for every program.
macro_rules! common_checks {
    ($program:expr) => {
        $crate::checks::checks! { $program =>
            every_key_is_loaded_by_its_owner_alone_whoever_is_asked,
            callers_of_a_slow_key_on_all_nodes_cost_one_getter_call,
            a_warm_up_has_the_owner_load,
            a_space_and_a_plus_sign_are_told_apart_in_both_directions,
            a_clear_is_unsupported_and_done_on_this_node_alone,
            no_get_fails_when_the_go_node_is_told_to_end,
            no_get_fails_when_the_go_node_is_killed,
            a_go_node_that_comes_back_is_used_again,
        }
    };
}

/// The checks that hold for mailgun's module and for the one derived from it.
macro_rules! mailgun_checks {
    ($program:expr) => {
        $crate::checks::checks! { $program =>
            empty_and_large_values_cross_in_both_directions,
            not_found_is_final_for_all,
            a_getters_error_is_final_for_all,
            a_value_lives_as_long_as_its_owners_getter_says,
            a_value_that_ours_set_lives_as_long_as_they_say,
            a_value_that_a_go_node_sets_lives_as_long_as_it_says,
            a_removal_reaches_every_node_whoever_is_told,
            a_value_that_ours_set_replaces_all_others,
            a_value_that_a_go_node_sets_is_the_one_that_all_get,
            a_peek_is_unsupported,
            a_node_of_ours_that_joins_asks_no_go_node_for_its_own_keys,
            our_nodes_ask_no_go_node_that_leaves_for_their_own_keys,
        }
    };
}

/// The checks that hold for galaxycache, over HTTP and gRPC.
macro_rules! galaxycache_checks {
    ($program:expr) => {
        $crate::checks::checks! { $program =>
            not_found_is_final_for_all,
            a_getters_error_is_no_answer_between_programs,
            sets_and_removals_are_unsupported_and_done_on_this_node_alone,
            a_peek_finds_what_the_owner_has_and_has_nothing_loaded,
            a_node_of_ours_that_joins_takes_over_what_a_go_node_has,
            our_nodes_take_over_what_a_go_node_has_that_leaves,
        }
    };
}

pub(crate) use {checks, common_checks, galaxycache_checks, mailgun_checks};
