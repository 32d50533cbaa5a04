/// Which entries a [`Cache`](crate::Cache) gives up when room is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// The default: a FIFO window, a CLOCK, and ghosts with counts. Has a higher hit ratio than strict
    /// LRU on almost any load, and resists scans and loops. Hits run side by side, because a hit moves
    /// no entry. An overwrite counts as a hit, and moves the entry only if its class changes.
    #[default]
    GhostClock,
    /// Strict least recently used, within each shard. A hit takes the shard's lock for itself.
    Lru,
}
