//! The settings of a group, a file for each thing that they are about.

mod freshness;
mod group_builder;
mod limits;
mod name;
#[cfg(feature = "disk")]
mod on_disk;
mod promotion;
mod standby;
mod storage;

pub use group_builder::GroupBuilder;
