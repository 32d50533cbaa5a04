//! The policies, one a file.

mod belady;
mod car;
mod ghost_clock;
mod ghosts;
mod lists;
mod lru;
mod patience;
mod rivals;
mod s3_fifo;
mod sharded;
mod sieve;
mod sketch;
mod store;
mod w_tiny_lfu;

pub(crate) use self::belady::belady;
pub(crate) use self::car::Car;
pub(crate) use self::ghost_clock::{GhostClock, Tuning};
pub(crate) use self::lru::Lru;
pub(crate) use self::patience::Rule;
pub(crate) use self::rivals::{FoyerLfu, FoyerS3Fifo, Moka, QuickCache, TendedMoka};
pub(crate) use self::s3_fifo::S3Fifo;
pub(crate) use self::sharded::Sharded;
pub(crate) use self::sieve::Sieve;
pub(crate) use self::store::Store;
pub(crate) use self::w_tiny_lfu::WTinyLfu;

/// An eviction policy under simulation.
pub(crate) trait Policy {
    /// Reads an object. On a miss, loads the object and offers it to the cache. Returns whether the read was a hit.
    fn access(&mut self, id: u32, weight: u64) -> bool;
}
