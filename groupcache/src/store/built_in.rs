use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use byteview::ByteView;
use lru::{Cache, Class, DefaultHashBuilder, Hit, Meta, Policy, Present};

use super::listeners::Listeners;
use super::packing::Packing;
use super::tier::Tier;
use super::usage::Usage;
use crate::Key;
use crate::clock::SharedClock;
use crate::key::KeyRef;
use crate::lifetime::Lifetime;

/// A group's own store: main and hot entries in one table and one budget.
pub(crate) struct BuiltIn {
    cache: Table,
    hot_ratio: usize,
    packing: Packing,
    /// Values that were compressed to be kept so far.
    compressed: AtomicU64,
    /// By how many bytes they became shorter.
    saved: AtomicU64,
}

type Table = Cache<Key, ByteView, DefaultHashBuilder, SharedClock>;

/// The live entries of a store.
pub(super) type Entries<'a> = lru::Entries<'a, Key, ByteView, DefaultHashBuilder, SharedClock>;

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
        let cache: Table = Cache::<(), ()>::builder(budget)
            .hot_ratio(hot_ratio)
            .policy(policy)
            .clock(clock)
            .build();
        let cache = match listeners.of(packing) {
            Some(listener) => cache.listener(listener),
            None => cache,
        };
        Self {
            cache,
            hot_ratio,
            packing,
            compressed: AtomicU64::new(0),
            saved: AtomicU64::new(0),
        }
    }

    /// The live entry under `key`. It counts as no lookup.
    pub(super) fn inspect(&self, key: &[u8]) -> Option<Present<Key, ByteView>> {
        self.unpacked(self.cache.inspect(&KeyRef(key))?)
    }

    /// All live entries, a few at a time, as they are kept.
    pub(super) fn entries(&self) -> Entries<'_> {
        self.cache.entries()
    }

    /// An entry with its value as its user knows it.
    pub(super) fn unpacked(
        &self,
        mut entry: Present<Key, ByteView>,
    ) -> Option<Present<Key, ByteView>> {
        entry.value = self.packing.unpack(entry.value)?;
        Some(entry)
    }

    /// The value under `key`, and `notice` is told of its entry: one hash, one shard, one probe.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], notice: impl FnOnce(Hit<&ByteView>)) -> Option<ByteView> {
        if !self.packing.is_plain() {
            return self.get_packed(key, notice);
        }
        let (cache, key) = (&self.cache, KeyRef(key));
        // The value of a hit is passed on as it is read. A look at it here would wait until it is written.
        cache.get_with_hashed(cache.hash(&key), &key, notice)
    }

    #[inline(never)]
    fn get_packed(&self, key: &[u8], notice: impl FnOnce(Hit<&ByteView>)) -> Option<ByteView> {
        let (cache, key) = (&self.cache, KeyRef(key));
        // A closure of its own, so that the look-up of a plain value has one caller, and is inlined there.
        let notice = |hit: Hit<&ByteView>| notice(hit);
        let packed = cache.get_with_hashed(cache.hash(&key), &key, notice)?;
        self.packing.unpack(packed)
    }

    /// Keeps a value in the place of an older one, if the condition holds under the lock that guards the
    /// entry. One that is larger than the store is not kept, and the older one goes all the same.
    pub(crate) fn insert_if(
        &self,
        key: Key,
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
        let kept = self.pack(view);
        let charge = charge(&key, &kept, kept_until.is_some());
        let meta = Meta::new(charge).class(class).expires(kept_until);
        let meta = meta.flag(is_refreshed_ahead);
        // A value that is too large is refused before the condition is asked.
        if let Err(refused) = self.cache.insert_if(key, kept, meta, &condition)
            && refused.is_too_large()
            && condition()
        {
            self.cache.remove(refused.key().as_bytes());
        }
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
        self.cache.remove(key);
    }

    /// Takes all entries out.
    pub(crate) fn clear(&self) {
        self.cache.clear();
    }

    /// What the entries take up.
    pub(crate) fn usage(&self) -> Usage {
        let cache = &self.cache;
        let (main, hot) = (cache.usage(Class::Main), cache.usage(Class::Hot));
        Usage {
            budget: cache.budget(),
            bytes: main.bytes + hot.bytes,
            hot_bytes: hot.bytes,
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

/// What an entry takes up of the budget: about what the process grows by.
fn charge(key: &Key, view: &[u8], expires: bool) -> usize {
    let expiry = if expires { Table::BYTES_PER_EXPIRY } else { 0 };
    let [first, second] = ByteView::compact_sizes(view.len());
    Table::BYTES_PER_ENTRY + expiry + taken(key.allocated()) + taken(first) + taken(second)
}

/// What an allocation takes up: allocators keep a word beside it, and deal in multiples of two.
fn taken(allocation: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    match allocation {
        0 => 0,
        bytes => bytes.saturating_add(WORD).next_multiple_of(2 * WORD),
    }
}
