use std::time::{Duration, Instant};

use byteview::{ByteView, KeptView};
use lru::{Class, Hit, Meta, Present};

use super::aging::{Age, Aged, Aging};
use super::below::Below;
use super::built_in::BuiltIn;
use super::cached::Cached;
use super::custom::{Custom, Store, Stored};
use super::hit_info::HitInfo;
use super::listeners::Listeners;
use super::packing::Packing;
use super::reach::Reach;
use super::tier::Tier;
use super::usage::Usage;
use crate::clock::SharedClock;
use crate::lifetime::Lifetime;
use crate::report::Evictions;
use crate::stats::Stats;
use crate::{Entry, Key, Policy, Source};

/// The store of a group, whichever it is.
///
/// An entry past its freshness and within its stale window is found. One past both is found as a last resort only.
pub(crate) struct Storage {
    pub(super) place: Place,
    clock: SharedClock,
    /// How entries age. An entry itself says only when it is dropped.
    aging: Aging,
    below: Below,
}

pub(super) enum Place {
    /// A group with a budget of zero shares loads and keeps nothing.
    Nowhere,
    BuiltIn(Box<BuiltIn>),
    Custom(Box<Custom>),
}

impl Storage {
    /// The group's own store for `budget` bytes. Hot entries give way while they take up more than one
    /// `hot_ratio`th of the main ones.
    pub(crate) fn built_in(
        budget: usize,
        hot_ratio: usize,
        policy: Policy,
        packing: Packing,
        aging: Aging,
        clock: SharedClock,
        listeners: Listeners,
    ) -> Self {
        let below = listeners.below.clone();
        let place = match budget {
            0 => Place::Nowhere,
            _ => {
                let clock = SharedClock::clone(&clock);
                let store = BuiltIn::new(budget, hot_ratio, policy, packing, clock, listeners);
                Place::BuiltIn(Box::new(store))
            }
        };
        Self {
            place,
            clock,
            aging,
            below,
        }
    }

    /// A user's store.
    pub(crate) fn custom(store: Box<dyn Store>, aging: Aging, clock: SharedClock) -> Self {
        Self {
            place: Place::Custom(Box::new(Custom::new(store))),
            clock,
            aging,
            below: Below::default(),
        }
    }

    /// A store that keeps nothing.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        let clock = std::sync::Arc::new(lru::SystemClock);
        let (policy, packing, aging, listeners) = Default::default();
        Self::built_in(0, 8, policy, packing, aging, clock, listeners)
    }

    /// The entry under `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.view(key, &mut info)?;
        Some(info.entry(value))
    }

    /// The entry under `key`, however old it is.
    pub(crate) fn last_resort(&self, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.find(key, &mut info)?;
        if info
            .fresh_until
            .is_some_and(|until| until <= self.clock.now())
        {
            info.source = Source::Stale;
        }
        Some(info.entry(value))
    }

    /// What is in memory under `key`. It counts as no get, and the entry does not seem used.
    pub(crate) fn inspect(&self, key: &[u8]) -> Option<Cached> {
        match &self.place {
            Place::Nowhere => None,
            Place::BuiltIn(store) => Some(self.cached(store.inspect(key)?)),
            Place::Custom(custom) => {
                let stored = custom.store().get(key)?;
                let meta = Meta::new(key.len() + stored.value.len()).expires(stored.expires);
                let class = if stored.mirror {
                    Class::Hot
                } else {
                    Class::Main
                };
                let cached = self.seen(key.into(), stored.value, meta.class(class), None);
                (cached.kept_for != Some(Duration::ZERO)).then_some(cached)
            }
        }
    }

    /// An entry of the group's own store, as it is kept.
    pub(super) fn unpacked(&self, kept: Present<Key, ByteView>) -> Option<Cached> {
        match &self.place {
            Place::BuiltIn(store) => Some(self.cached(store.unpacked(kept)?)),
            Place::Nowhere | Place::Custom(_) => None,
        }
    }

    fn cached(&self, entry: Present<Key, ByteView>) -> Cached {
        let Present {
            key,
            value,
            meta,
            age,
            ..
        } = entry;
        self.seen(key, value, meta, Some(age))
    }

    fn seen(&self, key: Key, value: ByteView, meta: Meta, age: Option<Duration>) -> Cached {
        let left = |until: Instant| until.saturating_duration_since(self.clock.now());
        let fresh_for = self.fresh_until(meta.expires).map(left);
        Cached {
            key,
            value,
            source: match meta.class {
                _ if fresh_for == Some(Duration::ZERO) => Source::Stale,
                Class::Main => Source::Main,
                Class::Hot => Source::Hot,
            },
            age,
            fresh_for,
            kept_for: meta.expires.map(left),
            bytes: meta.charge,
        }
    }

    /// The value under `key`; the rest of its entry goes into `info`.
    pub(crate) fn view(&self, key: &[u8], info: &mut HitInfo) -> Option<ByteView> {
        let value = self.find(key, info)?;
        self.is_servable(key, info).then_some(value)
    }

    /// Whether [`kept_view`](Self::kept_view) finds all that [`view`](Self::view) does.
    #[inline]
    pub(crate) fn has_kept_views(&self) -> bool {
        matches!(&self.place, Place::BuiltIn(store) if store.is_plain())
    }

    /// As [`view`](Self::view), in one word, which costs a hit less.
    #[inline]
    pub(crate) fn kept_view(&self, key: &[u8], info: &mut HitInfo) -> Option<KeptView> {
        let Place::BuiltIn(store) = &self.place else {
            return None;
        };
        if !store.is_plain() {
            return None;
        }
        let kept = store.get(key, |hit| self.note(&hit, info))?;
        self.is_servable(key, info).then_some(kept)
    }

    /// Whether the entry that was found is not too old for a hit.
    #[inline]
    fn is_servable(&self, key: &[u8], info: &mut HitInfo) -> bool {
        match info.fresh_until {
            Some(fresh_until) => self.may_be_served(key, fresh_until, info),
            None => true,
        }
    }

    fn may_be_served(&self, key: &[u8], fresh_until: Instant, info: &mut HitInfo) -> bool {
        let entry = Aged {
            key,
            fresh_until,
            is_refreshed_ahead: info.is_refreshed_ahead,
            is_mirror: info.source == Source::Hot,
        };
        match self.aging.age(entry, self.clock.now()) {
            Age::Fresh => return true,
            Age::Due => {}
            Age::Stale => info.source = Source::Stale,
            Age::LastResort => return false,
        }
        info.is_due = true;
        true
    }

    fn find(&self, key: &[u8], info: &mut HitInfo) -> Option<ByteView> {
        match &self.place {
            Place::Nowhere => None,
            Place::BuiltIn(store) => store.unpack(store.get(key, |hit| self.note(&hit, info))?),
            Place::Custom(custom) => {
                let stored = custom.store().get(key)?;
                if stored.expires.is_some_and(|at| at <= self.clock.now()) {
                    return None;
                }
                if stored.mirror {
                    info.source = Source::Hot;
                }
                info.fresh_until = self.fresh_until(stored.expires);
                info.is_refreshed_ahead = stored.refresh_ahead;
                Some(stored.value)
            }
        }
    }

    #[inline]
    fn note(&self, hit: &Hit<&()>, info: &mut HitInfo) {
        info.source = match hit.class {
            Class::Main => Source::Main,
            Class::Hot => Source::Hot,
        };
        info.fresh_until = self.fresh_until(hit.expires);
        info.is_refreshed_ahead = hit.flag;
    }

    #[inline]
    fn fresh_until(&self, expires: Option<Instant>) -> Option<Instant> {
        expires.map(|at| self.aging.fresh_until(at))
    }

    /// Keeps a value, which should be [compact](ByteView::compact), in the place of an older one, if the
    /// condition holds under the lock that guards the entry. A value that is larger than the store is not
    /// kept, and the older one goes all the same: it is known to be outdated. So does one on disk.
    pub(crate) fn insert_if(
        &self,
        key: Key,
        view: ByteView,
        tier: Tier,
        lifetime: Lifetime,
        condition: impl Fn() -> bool,
    ) {
        if !self.below.is_there() {
            return self.keep_if(key, view, tier, lifetime, condition);
        }
        let of_below = key.clone();
        self.below.around(
            |below| below.forget(&of_below, Reach::All),
            || self.keep_if(key, view, tier, lifetime, condition),
        );
    }

    /// The same for a value that is on disk, and stays there.
    #[cfg(feature = "disk")]
    pub(crate) fn insert_from_disk_if(
        &self,
        key: Key,
        view: ByteView,
        lifetime: Lifetime,
        condition: impl Fn() -> bool,
    ) {
        self.keep_if(key, view, Tier::Main, lifetime, condition);
    }

    fn keep_if(
        &self,
        key: Key,
        view: ByteView,
        tier: Tier,
        lifetime: Lifetime,
        condition: impl Fn() -> bool,
    ) {
        match &self.place {
            Place::Nowhere => {}
            Place::BuiltIn(store) => {
                let insert = || store.insert_if(&key, view, tier, lifetime, condition);
                self.below.within(insert);
            }
            Place::Custom(custom) => {
                let stored = Stored {
                    value: view,
                    mirror: tier == Tier::Hot,
                    expires: lifetime.kept_until,
                    refresh_ahead: lifetime.is_refreshed_ahead,
                };
                custom.insert_if(key, stored, condition);
            }
        }
    }

    /// Whether there is a value of the key below memory.
    pub(crate) fn is_below(&self, key: &[u8]) -> bool {
        self.below.has(key)
    }

    /// Changes the budget, in small steps if it shrinks. A store that was made without one keeps nothing
    /// all the same.
    pub(crate) fn set_budget(&self, bytes: usize) {
        match &self.place {
            Place::Nowhere => {}
            Place::BuiltIn(store) => self.below.within(|| store.set_budget(bytes)),
            Place::Custom(custom) => custom.store().set_budget(bytes),
        }
    }

    /// Whether a mirror could be kept without displacing another, as far as is known.
    pub(crate) fn has_room_for_mirror(&self, key: &Key, view: &[u8]) -> bool {
        match &self.place {
            Place::Nowhere => false,
            Place::BuiltIn(store) => store.has_room_for_mirror(key, view),
            Place::Custom(custom) => {
                let usage = custom.store().usage();
                usage.bytes.saturating_add(view.len()) <= usage.budget
            }
        }
    }

    /// Takes an entry out, on disk too.
    pub(crate) fn remove(&self, key: &[u8]) {
        self.remove_within(key, Reach::All);
    }

    /// The same, on disk within this reach.
    pub(crate) fn remove_within(&self, key: &[u8], reach: Reach) {
        let remove = || match &self.place {
            Place::Nowhere => {}
            Place::BuiltIn(store) => store.remove(key),
            Place::Custom(custom) => custom.remove(key),
        };
        self.below.around(|below| below.forget(key, reach), remove);
    }

    /// Takes all entries out, on disk within this reach.
    pub(crate) fn clear_within(&self, reach: Reach) {
        let forget = |below: &Below| below.forget_all(reach);
        self.below.around(forget, || self.clear_memory());
    }

    /// What was taken out, or replaced, on disk is so after a restart too, when this returns: for what somebody is told. What a
    /// load finds need not be, and is within a second: until then the older value would do.
    pub(crate) fn settle(&self) {
        self.below.settle();
    }

    /// Takes all entries out of memory.
    pub(crate) fn clear_memory(&self) {
        match &self.place {
            Place::Nowhere => {}
            Place::BuiltIn(store) => store.clear(),
            Place::Custom(custom) => custom.clear(),
        }
    }

    /// What is below memory.
    pub(crate) fn below(&self) -> &Below {
        &self.below
    }

    /// What the entries take up.
    pub(crate) fn usage(&self) -> Usage {
        match &self.place {
            Place::Nowhere => Usage::default(),
            Place::BuiltIn(store) => store.usage(),
            Place::Custom(custom) => custom.store().usage(),
        }
    }

    /// Why entries have left.
    pub(crate) fn evictions(&self) -> Evictions {
        match &self.place {
            Place::BuiltIn(store) => {
                let counts = store.counts();
                Evictions {
                    made_room: counts.evictions,
                    expired: counts.expired,
                    replaced: counts.overwrites,
                    removed: counts.removals - counts.cleared,
                    cleared: counts.cleared,
                    too_large: counts.oversize,
                }
            }
            Place::Nowhere | Place::Custom(_) => Evictions::default(),
        }
    }

    /// Adds what the store knows to the counts of a group.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        self.below.add_to(stats);
        let usage = self.usage();
        stats.bytes = usage.bytes as u64;
        stats.hot_bytes = usage.hot_bytes as u64;
        stats.entries = usage.entries as u64;
        if let Place::BuiltIn(store) = &self.place {
            let counts = store.counts();
            stats.evictions = counts.evictions;
            stats.expirations = counts.expired;
            stats.too_large = counts.oversize;
            (stats.compressed, stats.compression_saved) = store.compressed();
        }
    }
}
