use std::time::Duration;

use byteview::ByteView;
use lru::{Cache, Class, DefaultHashBuilder, Meta, Policy};

use crate::clock::SharedClock;
use crate::lifetime::Lifetime;
use crate::stats::Stats;
use crate::{Entry, Key, Source, Usage};

/// What a group holds in memory: main and hot entries in one table and one budget.
///
/// An entry past its freshness and within its stale window is found; one past both is not.
pub(crate) struct Store {
    /// `None` for a budget of zero: such a group shares loads and keeps nothing.
    cache: Option<Table>,
    hot_ratio: usize,
    /// How long entries are kept past their freshness, which they need not know therefore.
    stale_window: Duration,
}

type Table = Cache<Key, ByteView, DefaultHashBuilder, SharedClock>;

/// Whose value an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// This node's own.
    Main,
    /// A mirror of another's.
    Hot,
}

impl Store {
    /// An empty store for `budget` bytes. Hot entries give way while they take up more than one
    /// `hot_ratio`th of the main ones.
    pub(crate) fn new(
        budget: usize,
        hot_ratio: usize,
        policy: Policy,
        stale_window: Duration,
        clock: SharedClock,
    ) -> Self {
        let cache = (budget > 0).then(|| {
            Cache::<(), ()>::builder(budget)
                .hot_ratio(hot_ratio)
                .policy(policy)
                .clock(clock)
                .build()
        });
        Self {
            cache,
            hot_ratio,
            stale_window,
        }
    }

    /// A store that keeps nothing.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        let clock = std::sync::Arc::new(lru::SystemClock);
        Self::new(0, 8, Policy::default(), Duration::ZERO, clock)
    }

    /// The entry under `key`: one hash, one shard, one probe.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Entry> {
        let cache = self.cache.as_ref()?;
        cache.lookup_with_hashed(cache.hash(key), key, |hit| Entry {
            value: hit.value.clone(),
            source: match hit.class {
                Class::Main => Source::Main,
                Class::Hot => Source::Hot,
            },
            fresh_until: hit
                .expires
                .map(|at| at.checked_sub(self.stale_window).unwrap_or(at)),
        })
    }

    /// Keeps a value, which should be [compact](ByteView::compact), in the place of an older one, if the condition holds under the lock that
    /// guards the entry. A value that is larger than the store is not kept, and the older one goes
    /// all the same: it is known to be outdated.
    pub(crate) fn insert_if(
        &self,
        key: Key,
        view: ByteView,
        tier: Tier,
        lifetime: Lifetime,
        condition: impl Fn() -> bool,
    ) {
        let Some(cache) = &self.cache else { return };
        let class = match tier {
            Tier::Main => Class::Main,
            Tier::Hot => Class::Hot,
        };
        let charge = charge(&key, &view, lifetime.kept_until.is_some());
        let meta = Meta::new(charge).class(class).expires(lifetime.kept_until);
        // A value that is too large is refused before the condition is asked.
        if let Err(refused) = cache.insert_if(key, view, meta, &condition)
            && refused.is_too_large()
            && condition()
        {
            cache.remove(refused.key().as_bytes());
        }
    }

    /// Changes the budget, in small steps if it shrinks. A store that was made without one keeps nothing
    /// all the same.
    pub(crate) fn set_budget(&self, bytes: usize) {
        if let Some(cache) = &self.cache {
            cache.set_budget(bytes);
        }
    }

    /// Whether a mirror could be kept without displacing another: there is room for all, or hot
    /// entries take up clearly less than their part, so that a main one would give way.
    ///
    /// Clearly, because each shard sees to the ratio for itself: in some of them hot entries give
    /// way already while in all together they are a little short of their part.
    ///
    /// Adds up the shards' books one after the other; the answer may be outdated when it is given.
    pub(crate) fn has_room_for_mirror(&self, key: &Key, view: &[u8]) -> bool {
        let Some(cache) = &self.cache else {
            return false;
        };
        let charge = charge(key, view, true);
        cache.bytes().saturating_add(charge) <= cache.budget() || {
            let hot = cache.usage(Class::Hot).bytes + charge;
            hot.saturating_mul(self.hot_ratio) <= cache.usage(Class::Main).bytes / 4 * 3
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&self, key: &[u8]) {
        if let Some(cache) = &self.cache {
            cache.remove(key);
        }
    }

    /// Takes all entries out.
    pub(crate) fn clear(&self) {
        if let Some(cache) = &self.cache {
            cache.clear();
        }
    }

    /// What the entries take up.
    pub(crate) fn usage(&self) -> Usage {
        let Some(cache) = &self.cache else {
            return Usage::default();
        };
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

    /// Adds what the store knows to the counts of a group.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let Some(cache) = &self.cache else { return };
        let (usage, counts) = (self.usage(), cache.stats());
        stats.bytes = usage.bytes as u64;
        stats.hot_bytes = usage.hot_bytes as u64;
        stats.entries = usage.entries as u64;
        stats.evictions = counts.evictions;
        stats.expirations = counts.expired;
        stats.too_large = counts.oversize;
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
