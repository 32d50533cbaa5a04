//! Concurrent async calls with one key become one call: duplicate suppression that survives cancellation and panics.

#![forbid(unsafe_code)]

mod call;
mod driver;
mod error;
mod flight;
mod group;
mod leftovers;
mod outcome;
mod receipt;
mod shard;
mod slab;
mod sync;
mod ticket;
mod waker_set;
mod work;

pub use call::Call;
pub use driver::Driver;
pub use error::Error;
pub use group::Group;
pub use outcome::Outcome;
