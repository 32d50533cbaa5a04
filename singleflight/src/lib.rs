#![doc = include_str!("../README.md")]
//!
//! # Design
//!
//! The idea and the name are those of Go's [`golang/groupcache/singleflight`] and its successor,
//! [`golang.org/x/sync/singleflight`]: a map from keys to calls in flight, behind a mutex. The
//! first caller runs the function on its own goroutine, and the others wait for it. Callers that
//! are futures differ in three ways:
//!
//! **A caller can vanish.** A goroutine that has begun the work ends it. A future can be dropped at
//! any await, or be kept and never polled again. So the work belongs to the flight, not to the
//! caller that started it, and any caller that is polled may poll the work. Progress wakes all
//! callers, because a single woken caller may never poll again.
//!
//! **No caller might be left.** A flight counts its callers, and drops the work when its last
//! caller leaves. (In Go the work runs to its end.) To keep the work going, [detach](Call::detach)
//! it. The work then has a task of its own, and its progress wakes only that task.
//!
//! **A panic has to reach all callers.** If the function panics in golang/groupcache's version, the
//! other callers wait for ever. The version in x/sync repeats the panic in a way that takes the
//! process down. Here a panic becomes an [`Error`] for all callers.
//!
//! One critical section both publishes the result and frees the key. So a call that begins after
//! another has returned cannot find the other's flight. Nor can a call that begins after
//! [`forget`](Group::forget) has returned find a flight from before. A cache can build its
//! invalidation on this guarantee.
//!
//! A group is split into shards by hash. The mutex of a shard guards the shard's map and the state
//! of its flights. No code of the user's runs under that mutex except `Eq` and `Borrow` of keys:
//! hashes, values, work, wakers and destructors run without it. So they may use the group as they
//! like.
//!
//! # Deadlocks
//!
//! Work that awaits a call with its own key, directly or through other work, waits for itself for
//! ever. The crate does not detect such a cycle.
//!
//! [`golang/groupcache/singleflight`]: https://github.com/golang/groupcache/blob/master/singleflight/singleflight.go
//! [`golang.org/x/sync/singleflight`]: https://pkg.go.dev/golang.org/x/sync/singleflight

#![forbid(unsafe_code)]

mod call;
mod claim;
mod discard;
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
pub use claim::{Claim, Landing};
pub use driver::Driver;
pub use error::Error;
pub use group::Group;
/// The default hash builder of a [`Group`]: fast, and seeded per process.
pub use hashbrown::DefaultHashBuilder;
pub use outcome::Outcome;
