#![doc = include_str!("../README.md")]
//!
//! # Design
//!
//! The idea and the name are those of Go's [`golang/groupcache/singleflight`] and its successor,
//! [`golang.org/x/sync/singleflight`]: a map from keys to calls in flight, behind a mutex. The first caller runs the
//! function on its own goroutine, the others wait for it. Three things are different where callers are futures:
//!
//! **A caller can vanish.** A goroutine that has begun the work ends it. A future can be dropped at any await, or be kept
//! and never polled again. So the work does not belong to the caller who started it but to the flight, and any caller
//! that is polled may poll the work. Progress wakes all callers, because whoever is woken alone may never look.
//!
//! **Nobody might be left.** A flight counts its callers, and work that nobody waits for is dropped with the last of
//! them. (In Go it runs to its end.) Those who prefer the work to go on [detach](Call::detach) it: then it has a task of
//! its own, which is all that its progress wakes.
//!
//! **A panic has to be told.** golang/groupcache's version leaves the other callers waiting for ever if the function
//! panics; the one in x/sync repeats the panic, in a way that takes the process down. Here it is an [`Error`] for all.
//!
//! The key is freed in the same critical section in which the result is published. So a call that begins after another
//! has returned cannot find its flight, and a call that begins after [`forget`](Group::forget) has returned cannot find
//! one from before; a cache can build its invalidation on that.
//!
//! A group is split into shards by hash. The mutex of a shard guards its map and the state of its flights, and is the
//! only lock there is. It is never held while keys (but for `Eq`), values, work or wakers are called or dropped: all of
//! them may do what they like with the group.
//!
//! # Deadlocks
//!
//! Work that awaits a call with its own key, directly or through others, waits for itself. Nothing detects that.
//!
//! [`golang/groupcache/singleflight`]: https://github.com/golang/groupcache/blob/master/singleflight/singleflight.go
//! [`golang.org/x/sync/singleflight`]: https://pkg.go.dev/golang.org/x/sync/singleflight

#![forbid(unsafe_code)]

mod call;
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
pub use driver::Driver;
pub use error::Error;
pub use group::Group;
/// The hash builder used when none is given: fast, and seeded per process.
pub use hashbrown::DefaultHashBuilder;
pub use outcome::Outcome;
