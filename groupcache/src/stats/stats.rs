use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// The counters of a group since it was made, and the size of its contents now; from
/// [`Group::stats`](crate::Group::stats).
///
/// Every get that was called and polled is exactly one of [`main_hits`](Self::main_hits),
/// [`hot_hits`](Self::hot_hits), [`stale_hits`](Self::stale_hits), [`fetched`](Self::fetched),
/// [`loaded`](Self::loaded), [`not_found`](Self::not_found) and [`failed`](Self::failed). Gets that
/// shared one flight count one each. The sums are exact while no get is under way.
///
/// Counters of several groups or nodes add up, print as a table, and with the feature `serde`
/// serialize:
///
/// ```
/// use groupcache::{Key, Node, Stats};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let group = node.group("g", 1 << 20, |key: Key| async move {
///     Ok::<_, std::convert::Infallible>(key.to_vec())
/// });
/// let group = group.build()?;
/// for _ in 0..4 {
///     group.get("k").await?;
/// }
///
/// let total: Stats = node.groups().iter().map(|group| group.stats()).sum();
/// assert_eq!(total.hit_ratio(), Some(0.75));
/// println!("{total}");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Gets on this node: the sum of the seven outcomes.
    pub gets: u64,
    /// Gets answered from the values this node owns.
    pub main_hits: u64,
    /// Gets answered from mirrors of values that others own.
    pub hot_hits: u64,
    /// Gets answered with a value past its freshness, which was then refreshed in the background, or for which no other could be
    /// had.
    pub stale_hits: u64,
    /// Gets answered by another node.
    pub fetched: u64,
    /// Gets answered by this node's getter.
    pub loaded: u64,
    /// Gets for which there is no value.
    pub not_found: u64,
    /// Gets that ended in another error, or that their caller gave up.
    pub failed: u64,
    /// Gets of peers that this node has answered.
    pub peer_gets: u64,
    /// Requests to a peer that got no answer, so that this node turned to the next one.
    pub peer_errors: u64,
    /// Calls of the getter. A [bulk load](crate::Getter::get_many) is one call.
    pub getter_calls: u64,
    /// Refreshes that this node has begun in the background, of values that were stale or about to be.
    pub refreshes: u64,
    /// Gets for which a second node was [asked](crate::GroupBuilder::hedge_after), because the owner took long.
    pub hedges: u64,
    /// Values that this node took from other nodes' memory, in place of a load: after a change of the members, or as copies on
    /// [standby](crate::GroupBuilder::standby).
    pub taken_over: u64,
    /// Bytes, from memory or from a peer, that a [typed group](crate::TypedGroup) could not decode,
    /// so that it called this node's getter.
    pub undecodable: u64,
    /// Live entries that were evicted to make room.
    pub evictions: u64,
    /// Entries that were dropped because their time to live had ended.
    pub expirations: u64,
    /// Values that were not kept because they are larger than the store can hold.
    pub too_large: u64,
    /// Values that were compressed to be kept: `GroupBuilder::compression`, of the feature `lz4`.
    pub compressed: u64,
    /// The bytes by which these became shorter.
    pub compression_saved: u64,
    /// Loads that were answered by the group's disk, in place of another node or the getter: `GroupBuilder::disk`, of the
    /// feature `disk`. The gets that waited for them count as main hits here, and as fetched on other nodes.
    pub disk_hits: u64,
    /// Values that were given to the disk.
    pub disk_writes: u64,
    /// Values that were not, because too much waited to be written.
    pub disk_shed: u64,
    /// Records that the disk did not give back: damaged, or their space was used again.
    pub disk_lost: u64,
    /// Reads and writes of the disk that failed.
    pub disk_errors: u64,
    /// Entries on disk.
    pub disk_entries: u64,
    /// Charged bytes of the entries, main and hot.
    pub bytes: u64,
    /// Charged bytes of the hot entries.
    pub hot_bytes: u64,
    /// Entries, main and hot.
    pub entries: u64,
}

impl Stats {
    /// The share of the gets that this node answered from its own memory, from 0 to 1; `None` before
    /// the first get.
    ///
    /// Values from other nodes do not count as hits, although their owners may have had them in
    /// memory: over all nodes, `1 - getter_calls / gets` is the share of gets that cost no load.
    pub fn hit_ratio(&self) -> Option<f64> {
        let hits = self.main_hits + self.hot_hits + self.stale_hits;
        (self.gets > 0).then(|| hits as f64 / self.gets as f64)
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        let Self {
            gets,
            main_hits,
            hot_hits,
            stale_hits,
            fetched,
            loaded,
            not_found,
            failed,
            peer_gets,
            peer_errors,
            getter_calls,
            refreshes,
            hedges,
            taken_over,
            undecodable,
            evictions,
            expirations,
            too_large,
            compressed,
            compression_saved,
            disk_hits,
            disk_writes,
            disk_shed,
            disk_lost,
            disk_errors,
            disk_entries,
            bytes,
            hot_bytes,
            entries,
        } = other;
        self.gets += gets;
        self.main_hits += main_hits;
        self.hot_hits += hot_hits;
        self.stale_hits += stale_hits;
        self.fetched += fetched;
        self.loaded += loaded;
        self.not_found += not_found;
        self.failed += failed;
        self.peer_gets += peer_gets;
        self.peer_errors += peer_errors;
        self.getter_calls += getter_calls;
        self.refreshes += refreshes;
        self.hedges += hedges;
        self.taken_over += taken_over;
        self.undecodable += undecodable;
        self.evictions += evictions;
        self.expirations += expirations;
        self.too_large += too_large;
        self.compressed += compressed;
        self.compression_saved += compression_saved;
        self.disk_hits += disk_hits;
        self.disk_writes += disk_writes;
        self.disk_shed += disk_shed;
        self.disk_lost += disk_lost;
        self.disk_errors += disk_errors;
        self.disk_entries += disk_entries;
        self.bytes += bytes;
        self.hot_bytes += hot_bytes;
        self.entries += entries;
    }
}

impl Add for Stats {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(stats: I) -> Self {
        stats.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Stats> for Stats {
    fn sum<I: Iterator<Item = &'a Stats>>(stats: I) -> Self {
        stats.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_is_a_get_that_memory_answers() {
        assert_eq!(Stats::default().hit_ratio(), None);
        let stats = Stats {
            gets: 8,
            main_hits: 1,
            hot_hits: 2,
            stale_hits: 3,
            fetched: 1,
            loaded: 1,
            ..Stats::default()
        };
        assert_eq!(stats.hit_ratio(), Some(0.75));
        assert_eq!((stats + stats).hit_ratio(), Some(0.75));
    }

    #[test]
    fn the_counters_of_several_groups_add_up() {
        let one = Stats {
            gets: 1,
            entries: 2,
            ..Stats::default()
        };
        let sum: Stats = [one, one, Stats::default()].iter().sum();
        let twice = Stats {
            gets: 2,
            entries: 4,
            ..Stats::default()
        };
        assert_eq!(sum, twice);
    }
}
