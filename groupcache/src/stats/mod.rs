//! The counters of a group, which do not slow hits down, and their sums, tables and serialized form.

mod counters;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod stats;
mod stripe;
mod table;
mod usage;

pub(crate) use counters::{Counters, Event};
pub use stats::Stats;
