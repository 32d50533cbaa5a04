//! The counters of a group, which do not slow hits down, and their sums, tables and serialized form.

mod counters;
mod measures;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod stats;
mod stripe;
mod table;
mod usage;

pub(crate) use counters::{Counters, Event};
pub(crate) use measures::Measures;
pub use stats::Stats;
