//! What memory has no room for, on disk.
//!
//! # The parts
//!
//! - The *engine* keeps the bytes: foyer's disk cache, without its memory.
//! - The *[ledger]* says which records count. It is a file of this cache's own, and small.
//! - The *[books]* are the ledger and, in memory, what it says. A look there says whether a key is on disk: a miss that is not
//!   costs no read, and waits for nobody who writes.
//! - The *[fence]* keeps a value on its way to the disk from coming after the change that took it out. A value on its way up is looked for
//!   in the books once more, under the lock of its entry: what is forgotten is forgotten here before it leaves memory, and afterwards
//!   (`store/below.rs`).
//! - *Heard* is what the node knew of changes when the entries were written. What follows from it after a restart, `group/on_disk.rs`
//!   says.
//!
//! # Why this engine
//!
//! A disk cache needs an engine that drops the oldest by itself and costs little memory, and it needs removals that are on disk
//! when they are acknowledged. The engines of a Rust program have the one or the other. 6,444 values of 1 KiB to 1 MiB, 921 MiB in all,
//! on two cores with a virtual disk, the files in the page cache; then 20,000 reads by four tasks; then `kill -9`:
//!
//! | | foyer 0.22 | fjall 3.1 | redb 4.6 |
//! |---|--:|--:|--:|
//! | written in | 2.2 s | 1.0 s | 1.8 s |
//! | disk for 921 MiB | 935 MiB | grows, is compacted later | 1,268 MiB |
//! | memory after the writes, the reads | 41, 47 MiB | 169, 216 MiB | 21, 70 MiB |
//! | reads a second | 32,000 | 23,000 | 24,000 |
//! | median, 99th percentile of a read | 35 µs, 1.6 ms | 40 µs, 1.7 ms | 75 µs, 1.2 ms |
//! | a removal | 0.4 µs | 1.3 µs | 3.8 ms, synced |
//! | opened after the kill in | 11 ms | 129 ms | 327 ms |
//! | removed values that came back | all | none | none |
//! | keeps to a budget | yes | by compaction | no |
//!
//! (A program of the experiment's own, one run. foyer's space is that of its files; its writer was held to 64 values at a time, the
//! others block by themselves.)
//!
//! So foyer has the bytes, and the ledger has the removals. What the ledger does not name does not count, so nothing depends on
//! what the engine finds after a crash, and any other engine could take its place. A removal costs one short write to the ledger and
//! one to its mark, about 3 µs, also while the engine is busy with its own. Only what somebody is told of is written at once.
//!
//! foyer 0.22.3 is the last version that builds with this crate's Rust. Later ones need 1.91.
//!
//! # What goes there
//!
//! Own values that make room in memory and were asked for twice, as far as the policy knows ([`lru::Removed::was_wanted`]), or
//! which made room before, lately. A value that is on disk and comes back to memory stays there, and is not written again
//! until its place is among the oldest quarter, whose space is about to be used again: so what is asked for stays, as in a CLOCK.
//! A newer value in memory takes out the record of the older one.
//!
//! Writes wait in a queue with a bound in bytes. The engine reads and writes on threads of its own.

mod books;
mod boot;
mod counts;
mod disk_tier;
mod engine;
mod failed_reads;
pub(crate) mod fence;
mod folder;
mod heard;
mod index;
mod ledger;
mod mark;
mod options;
mod probes;
mod record;
mod records;
mod report;
mod seen;
mod words;

pub(crate) use disk_tier::Disk;
pub(crate) use heard::Heard;
pub use options::DiskOptions;
pub use report::{DiskReport, DiskState};
