#![doc = include_str!("../README.md")]
#![deny(unsafe_code)] // but for `lock`

mod ages;
mod budget;
mod builder;
mod cache;
mod charge;
mod clock;
mod deadline;
mod error;
mod evicted;
mod expiries;
mod ghost_clock;
mod ghosts;
mod hit;
mod index;
mod iter;
mod label;
mod linear;
mod lock;
mod lru;
mod meta;
mod patience;
mod policy;
mod present;
mod recency;
mod segments;
mod shard;
mod stats;
mod table;

/// Where the tables of a cache take their memory from: the allocators of the crate `allocator-api2`, until the standard library's
/// are stable.
pub use allocator_api2::alloc::{Allocator, Global};
pub use builder::CacheBuilder;
pub use cache::{Cache, Entries};
pub use clock::{Clock, ManualClock, SystemClock};
/// The types that a key may be looked up by: every type that the key borrows as, and any other type
/// that hashes and compares like the key.
pub use equivalent::Equivalent;
pub use error::InsertError;
pub use evicted::{Cause, Evicted, Removed};
/// The default hash builder: fast, and each instance has a seed of its own.
pub use hashbrown::DefaultHashBuilder;
pub use hit::Hit;
pub use iter::Iter;
pub use lru::Lru;
pub use meta::{Class, Meta};
pub use policy::Policy;
pub use present::Present;
pub use stats::{Stats, Usage};
