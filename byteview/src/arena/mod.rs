//! Memory for what a store keeps: keys and values in blocks, whose memory goes back to the system when it is not needed.

#![allow(unsafe_code, reason = "the argument is above, and beside each block")]

mod block;
mod class;
mod count;
mod extent;
mod handle;
mod kept;
mod moving;
mod pages;
mod shared;
mod sizes;
mod source;
mod tables;

pub(crate) use block::Repr;
pub use handle::{Arena, ArenaUsage};
pub use kept::Kept;
pub use moving::Moving;
pub use tables::Tables;
