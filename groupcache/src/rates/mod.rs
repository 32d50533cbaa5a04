//! How often keys are asked for, and which are asked for most.

mod hot_list;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod rates;

pub(crate) use rates::{Rate, Rates};
