//! The get path of a local caller, a step a file:
//!
//! 1. `lookup`: the value from memory.
//! 2. `fetch`: the fetch flight, which all callers share that miss the same key.
//! 3. `route`: which peers to ask, and in which order. `hedge` asks a second one when the first is slow.
//! 4. `mirror`: whether the value of another node is kept here.
//! 5. `load`: the load flight, the one place that calls the getter. Before it does, `from_disk` looks on disk, and `take_over`
//!    asks former owners.
//!
//! `refresh` replaces values in the background that are stale or about to be, `modes` has the gets that do not go all the way,
//! `last_resort` is what a get answers that would fail, `future` carries a get and `outcome` counts it.

mod fetch;
#[cfg(feature = "disk")]
mod from_disk;
mod future;
mod hedge;
mod last_resort;
mod load;
mod lookup;
mod mirror;
mod modes;
mod outcome;
mod refresh;
mod route;
mod take_over;

pub(super) use future::Get;
pub(super) use outcome::event_of;
pub(super) use route::Verdict;
