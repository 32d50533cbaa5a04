//! What the benches `versus` of this crate and of `groupcache` share: the requests, the rounds, the measurement of memory
//! in child processes, and the report. The bench must have the simulator's `zipf` as a module at its root.

mod args;
mod child;
mod files;
mod memory;
mod moka;
mod plot;
mod quick_cache;
mod report;
mod requests;
mod rounds;
mod subject;

pub(crate) use self::args::Args;
#[allow(unused_imports, reason = "the bench of a group runs itself as servers")]
pub(crate) use self::child::command;
#[allow(unused_imports, reason = "the bench of a group has more tasks")]
pub(crate) use self::child::run as run_task;
pub(crate) use self::child::task;
pub(crate) use self::files::write;
#[allow(unused_imports, reason = "the bench of a group looks at its servers")]
pub(crate) use self::memory::resident_of;
pub(crate) use self::memory::{Memory, Plan, SIZES, resident};
pub(crate) use self::moka::Moka;
pub(crate) use self::plot::Plot;
pub(crate) use self::quick_cache::QuickCache;
pub(crate) use self::report::Report;
pub(crate) use self::requests::{Draw, Request};
#[allow(
    unused_imports,
    reason = "the bench of a group has rounds of other subjects"
)]
pub(crate) use self::rounds::median;
pub(crate) use self::rounds::{Contest, Round, reads, time};
pub(crate) use self::subject::{Capacity, Key, Subject, VALUE, values, weight};
