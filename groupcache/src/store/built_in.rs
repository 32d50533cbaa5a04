use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use byteview::{Arena, ByteView, Kept, KeptView, Moving, Tables};
use lru::{Cache, Class, DefaultHashBuilder, Hit, Meta, Policy, Present};

use super::listeners::Listeners;
use super::packing::Packing;
use super::tier::Tier;
use super::usage::Usage;
use crate::Key;
use crate::clock::SharedClock;
use crate::key::KeyRef;
use crate::lifetime::Lifetime;

/// A group's own store: main and hot entries in one table and one budget, and their memory in one arena.
pub(crate) struct BuiltIn {
    cache: Table,
    arena: Arena,
    hot_ratio: usize,
    packing: Packing,
    /// Values that were compressed to be kept so far.
    compressed: AtomicU64,
    /// By how many bytes they became shorter.
    saved: AtomicU64,
}

/// The key of an entry is the whole entry: a pointer to its block.
type Table = Cache<Kept, (), DefaultHashBuilder, SharedClock, Tables>;

/// The live entries of a store.
pub(super) type Entries<'a> =
    lru::Entries<'a, Kept, (), DefaultHashBuilder, SharedClock, Tables, Key, ByteView>;

/// By how much the arena may exceed the budget before entries are moved or give way, as a part of the budget and in bytes. The
/// part is for sizes that come and go, the bytes for pages that hold few blocks because there are many sizes.
const SLACK: (usize, usize) = (16, 1 << 20);

/// What the tables of a shard keep once it has been full, and the least part of the budget of a shard for which that is no matter.
/// The number of shards is that of the first budget.
const TABLES: (usize, usize) = (64 << 10, 1 << 20);

/// The bytes of moves that one look for idle pages counts as: it may call the system some dozens of times.
const LOOK: usize = 8 << 10;

/// The bytes of blocks that an insert moves at most, and those that it evicts at most to get room that the charges do not tell of: so
/// many, and so many for each byte that it has inserted.
const WORK: (usize, usize) = (32 << 10, 8);

impl BuiltIn {
    /// An empty store for `budget` bytes. Hot entries give way while they take up more than one
    /// `hot_ratio`th of the main ones.
    pub(crate) fn new(
        budget: usize,
        hot_ratio: usize,
        policy: Policy,
        packing: Packing,
        clock: SharedClock,
        listeners: Listeners,
    ) -> Self {
        let arena = Arena::new();
        let cache: Table = Cache::<(), ()>::builder(budget)
            .hot_ratio(hot_ratio)
            .policy(policy)
            .clock(clock)
            .build_in(arena.tables());
        let cache = match listeners.of(packing) {
            Some(listener) => cache.listener(listener),
            None => cache,
        };
        Self {
            cache,
            arena,
            hot_ratio,
            packing,
            compressed: AtomicU64::new(0),
            saved: AtomicU64::new(0),
        }
    }

    /// The live entry under `key`. It counts as no lookup.
    pub(super) fn inspect(&self, key: &[u8]) -> Option<Present<Key, ByteView>> {
        self.unpacked(self.cache.inspect_with(&KeyRef(key), parts)?)
    }

    /// All live entries, a few at a time, as they are kept.
    pub(super) fn entries(&self) -> Entries<'_> {
        self.cache.entries_with(parts)
    }

    /// An entry with its value as its user knows it.
    pub(super) fn unpacked(
        &self,
        mut entry: Present<Key, ByteView>,
    ) -> Option<Present<Key, ByteView>> {
        entry.value = self.packing.unpack(entry.value)?;
        Some(entry)
    }

    /// Whether values are kept as their user knows them.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.packing.is_plain()
    }

    /// What is kept under `key`, and `notice` is told of its entry: one hash, one shard, one probe.
    #[inline]
    pub(super) fn get(&self, key: &[u8], notice: impl FnOnce(Hit<&()>)) -> Option<KeptView> {
        let (cache, key) = (&self.cache, KeyRef(key));
        cache.read_hashed(cache.hash(&key), &key, |kept, hit| {
            notice(hit);
            Some(kept.share())
        })
    }

    /// The value that is kept like this.
    #[inline]
    pub(super) fn unpack(&self, kept: KeptView) -> Option<ByteView> {
        self.packing.unpack(kept.into())
    }

    /// Keeps a value in the place of an older one, if the condition holds under the lock that guards the
    /// entry. One that is larger than the store is not kept, and the older one goes all the same.
    pub(crate) fn insert_if(
        &self,
        key: &[u8],
        view: ByteView,
        tier: Tier,
        lifetime: Lifetime,
        condition: impl Fn() -> bool,
    ) {
        let class = match tier {
            Tier::Main => Class::Main,
            Tier::Hot => Class::Hot,
        };
        let Lifetime {
            kept_until,
            is_refreshed_ahead,
            ..
        } = lifetime;
        let packed = self.pack(view);
        let charge = charge(key, &packed, kept_until.is_some());
        let meta = Meta::new(charge).class(class).expires(kept_until);
        let meta = meta.flag(is_refreshed_ahead);
        // A value that the system has no memory for is one that is too large.
        let is_refused = match self.arena.keep(key, &packed) {
            None => true,
            // A value that is too large is refused before the condition is asked.
            Some(kept) => match self.cache.insert_if(kept, (), meta, &condition) {
                Ok(_) => false,
                Err(refused) => refused.is_too_large(),
            },
        };
        if is_refused && condition() {
            self.cache.remove(&KeyRef(key));
        }
        self.relieve(WORK.0.saturating_add(charge.saturating_mul(WORK.1)));
    }

    /// Gives memory back while the arena has taken much more from the system than the budget: pages without blocks, and those that
    /// become so when entries are moved. Moves blocks of up to `work` bytes or a few more; entries of as many bytes give way if that does
    /// not do. What is still too much then is left to the next insert.
    ///
    /// What views hold of entries that have left is on top of the budget.
    #[inline]
    fn relieve(&self, work: usize) {
        let limit = limit(self.cache.budget(), self.cache.shards());
        if self.arena.unpinned() > limit {
            self.give_memory_back(limit, work);
        }
    }

    #[cold]
    #[inline(never)]
    fn give_memory_back(&self, limit: usize, work: usize) {
        let (mut to_move, mut to_evict) = (work, work);
        while self.arena.unpinned() > limit {
            if self.arena.give_back_idle() > 0 {
                if to_move == 0 {
                    return;
                }
                to_move = to_move.saturating_sub(LOOK);
                continue;
            }
            let moved = match to_move {
                0 => 0,
                _ => self.arena.move_some(|moving| self.rehouse(moving)),
            };
            to_move = to_move.saturating_sub(moved);
            if moved > 0 {
                continue;
            }
            let evicted = match to_evict {
                0 => None,
                _ => self.cache.evict(),
            };
            let Some(evicted) = evicted else {
                return;
            };
            to_evict = to_evict.saturating_sub(evicted.meta.charge);
        }
    }

    /// Moves an entry, unless it has gone meanwhile or somebody has a view of its value.
    fn rehouse(&self, moving: Moving<'_>) {
        let key = KeyRef(moving.key());
        let elsewhere = |kept: &Kept, (): &()| Some((kept.moved(&moving)?, ()));
        let old = self
            .cache
            .rehouse_hashed(self.cache.hash(&key), &key, elsewhere);
        // The block is freed at once if the store is its last user.
        drop(moving);
        drop(old);
    }

    fn pack(&self, view: ByteView) -> ByteView {
        let len = view.len();
        let kept = self.packing.pack(view);
        if self.packing.is_compressed(&kept) {
            self.compressed.fetch_add(1, Relaxed);
            self.saved.fetch_add((len - kept.len()) as u64, Relaxed);
        }
        kept
    }

    pub(crate) fn set_budget(&self, bytes: usize) {
        self.cache.set_budget(bytes);
        self.relieve(usize::MAX);
    }

    /// Whether a mirror could be kept without displacing another: there is room for all, or hot
    /// entries take up clearly less than their part, so that a main one would give way.
    ///
    /// Clearly, because each shard sees to the ratio for itself: in some of them hot entries give
    /// way already while in all together they are a little short of their part.
    ///
    /// Adds up the shards' books one after the other; the answer may be outdated when it is given.
    pub(crate) fn has_room_for_mirror(&self, key: &Key, view: &[u8]) -> bool {
        let cache = &self.cache;
        let charge = charge(key, view, true);
        cache.bytes().saturating_add(charge) <= cache.budget() || {
            let hot = cache.usage(Class::Hot).bytes + charge;
            hot.saturating_mul(self.hot_ratio) <= cache.usage(Class::Main).bytes / 4 * 3
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&self, key: &[u8]) {
        self.cache.remove(&KeyRef(key));
    }

    /// Takes all entries out.
    pub(crate) fn clear(&self) {
        self.cache.clear();
    }

    /// What the entries take up.
    pub(crate) fn usage(&self) -> Usage {
        let cache = &self.cache;
        let (main, hot) = (cache.usage(Class::Main), cache.usage(Class::Hot));
        let arena = self.arena.usage();
        Usage {
            budget: cache.budget(),
            bytes: main.bytes + hot.bytes,
            hot_bytes: hot.bytes,
            reserved: arena.reserved,
            pinned: arena.pinned,
            entries: main.entries + hot.entries,
            hot_entries: hot.entries,
            victim_age: cache.victim_age(),
        }
    }

    /// The values that were compressed to be kept so far, and the bytes by which they became shorter.
    pub(crate) fn compressed(&self) -> (u64, u64) {
        (self.compressed.load(Relaxed), self.saved.load(Relaxed))
    }

    /// What has left, and what was refused.
    pub(crate) fn counts(&self) -> lru::Stats {
        self.cache.stats()
    }
}

/// What the arena may take up without what views hold.
#[inline]
fn limit(budget: usize, shards: usize) -> usize {
    let (part, bytes) = SLACK;
    let limit = budget.saturating_add(budget / part + bytes);
    let (of_shard, least) = TABLES;
    if budget / shards < least {
        limit.saturating_add(shards * of_shard)
    } else {
        limit
    }
}

/// What an entry takes up of the budget: about what the process grows by.
fn charge(key: &[u8], value: &[u8], expires: bool) -> usize {
    let expiry = if expires { Table::BYTES_PER_EXPIRY } else { 0 };
    let block = Arena::charge(key.len(), value.len());
    block.saturating_add(Table::BYTES_PER_ENTRY + expiry)
}

/// The key and the value of an entry, as their user knows them.
pub(super) fn parts(kept: &Kept, (): &()) -> (Key, ByteView) {
    (kept.key().into(), kept.view())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const ENDLESS: Lifetime = Lifetime {
        fresh_until: None,
        kept_until: None,
        is_refreshed_ahead: false,
        is_of_moment: false,
    };

    /// Its tables are larger than that budget, and evicting makes them no smaller.
    #[test]
    fn a_budget_that_becomes_small_for_its_shards_still_keeps_entries() {
        let (budget, small, shards) = (64 << 20, 2 << 20, 64);
        let clock: SharedClock = Arc::new(lru::SystemClock);
        let arena = Arena::new();
        let cache = Cache::<(), ()>::builder(budget)
            .shards(shards)
            .clock(clock)
            .build_in(arena.tables());
        let store = BuiltIn {
            cache,
            arena,
            hot_ratio: 8,
            packing: Packing::default(),
            compressed: AtomicU64::new(0),
            saved: AtomicU64::new(0),
        };
        let insert = |n: u32| {
            let value = ByteView::copy_from_slice(&[7; 64]);
            store.insert_if(&n.to_le_bytes(), value, Tier::Main, ENDLESS, || true);
        };
        (0..500_000).for_each(insert);
        store.set_budget(small);
        (1_000_000..1_001_000).for_each(insert);
        let usage = store.usage();
        assert!(usage.bytes > small / 2, "{usage:?}");
        assert!(usage.reserved <= limit(small, shards), "{usage:?}");
    }
}
