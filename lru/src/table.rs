use std::{
    borrow::Borrow,
    mem,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

use hashbrown::HashTable;

use crate::{
    Cause, Class, Clock, Meta, Removed, Usage,
    expiries::{Expiries, Item},
    ghost_clock::MARK_MAX,
    recency::{NIL, Queue, Recency, Record},
};

/// The room that all stores of this crate are furnished from: entries in a slab, a hash index over
/// it, the order of use, and the order of expiry. It knows neither hasher, nor budget, nor counters.
///
/// The index holds nothing but slot numbers. Each entry keeps its hash, so that neither growth of
/// the index nor an eviction computes one.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    index: HashTable<u32>,
    entries: Vec<Option<Entry<K, V>>>,
    /// Vacant slots of `entries`.
    vacant: Vec<u32>,
    recency: Recency,
    expiries: Expiries,
    /// The stamp of the next entry.
    stamp: u32,
}

#[derive(Debug)]
// In this order, because a hit reads key and value: they share a cache line if they can.
#[repr(C)]
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) meta: Meta,
    pub(crate) hash: u64,
    /// Tells an entry from those that had its slot before. It may wrap: what remembers a stamp
    /// does so for far fewer than 2^32 inserts.
    pub(crate) stamp: u32,
    /// Hits since the policy last looked, up to a few. Written by hits, under a shared lock.
    mark: AtomicU8,
}

impl<K, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            vacant: Vec::new(),
            recency: Recency::new(),
            expiries: Expiries::new(),
            stamp: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether slot numbers have run out.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= NIL as usize
    }

    pub(crate) fn usage(&self, class: Class) -> Usage {
        self.recency.usage(class)
    }

    pub(crate) fn usage_of(&self, class: Class, queue: Queue) -> Usage {
        self.recency.usage_of(class, queue)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.usage(Class::Main).bytes + self.usage(Class::Hot).bytes
    }

    pub(crate) fn recency(&self) -> &Recency {
        &self.recency
    }

    /// One past the last slot in use.
    pub(crate) fn slots(&self) -> u32 {
        self.entries.len() as u32
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_it = |&slot: &u32| self.entry(slot).key.borrow() == key;
        self.index.find(hash, is_it).copied()
    }

    /// The entry in a slot that is known to be occupied: one from `find`, `oldest`, or the like.
    #[inline]
    pub(crate) fn entry(&self, slot: u32) -> &Entry<K, V> {
        occupied(self.entries[slot as usize].as_ref())
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, slot: u32) -> &mut Entry<K, V> {
        occupied(self.entries[slot as usize].as_mut())
    }

    /// The entry in any slot.
    pub(crate) fn get(&self, slot: u32) -> Option<&Entry<K, V>> {
        self.entries.get(slot as usize)?.as_ref()
    }

    /// Whether the entry in `slot` has expired. Asks the clock only if it expires at all.
    #[inline]
    pub(crate) fn is_expired(&self, slot: u32, clock: &impl Clock) -> bool {
        self.entry(slot)
            .meta
            .expires
            .is_some_and(|at| at <= clock.now())
    }

    /// Hits of the entry in `slot` that the policy has not dealt with.
    #[inline]
    pub(crate) fn mark(&self, slot: u32) -> u8 {
        self.entry(slot).mark.load(Relaxed)
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, slot: u32, mark: u8) {
        *self.entry_mut(slot).mark.get_mut() = mark;
    }

    #[inline]
    pub(crate) fn set_record(&mut self, slot: u32, record: Record) {
        self.recency.set_record(slot, record);
    }

    /// Moves the entry in `slot` from the window to main, its hits dealt with.
    pub(crate) fn promote(&mut self, slot: u32) {
        self.set_mark(slot, 0);
        let meta = self.entry(slot).meta;
        self.recency.unlink(slot, meta.charge);
        self.recency.link(slot, &meta, Queue::Main);
    }

    /// Makes the entry in `slot` the newest of its list.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        self.recency.touch(slot);
    }

    /// Adds an entry under a key that is not present. The table must not be full.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        meta: Meta,
        queue: Queue,
        record: Record,
    ) {
        let slot = self.vacant.pop().unwrap_or(self.entries.len() as u32);
        let stamp = self.register(slot, &meta);
        let entry = Some(Entry {
            key,
            value,
            meta,
            hash,
            stamp,
            mark: AtomicU8::new(0),
        });
        match self.entries.get_mut(slot as usize) {
            Some(vacant) => *vacant = entry,
            None => self.entries.push(entry),
        }
        self.recency.link(slot, &meta, queue);
        self.recency.set_record(slot, record);
        let entries = &self.entries;
        self.index.insert_unique(hash, slot, |&slot| {
            occupied(entries[slot as usize].as_ref()).hash
        });
    }

    /// Puts an entry in the place of the one in `slot`, which has the same key, and makes it the
    /// newest of its list. What is known of the old one's use holds for it. The key is exchanged too: the old one may pin a buffer.
    pub(crate) fn replace(&mut self, slot: u32, key: K, value: V, meta: Meta) -> Removed<K, V> {
        let stamp = self.register(slot, &meta);
        let entry = self.entry_mut(slot);
        entry.hit();
        let hash = entry.hash;
        let mark = AtomicU8::new(*entry.mark.get_mut());
        let old = mem::replace(
            entry,
            Entry {
                key,
                value,
                meta,
                hash,
                stamp,
                mark,
            },
        );
        let queue = self.recency.queue(slot);
        self.recency.unlink(slot, old.meta.charge);
        self.recency.link(slot, &meta, queue);
        self.unregister(&old.meta);
        old.removed(Cause::Replaced)
    }

    /// Takes out the entry in `slot`, which must be occupied.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let Entry { hash, meta, .. } = *self.entry(slot);
        if let Ok(indexed) = self.index.find_entry(hash, |&other| other == slot) {
            indexed.remove();
        }
        self.recency.unlink(slot, meta.charge);
        self.vacant.push(slot);
        let entry = occupied(self.entries[slot as usize].take());
        self.unregister(&meta);
        entry.removed(cause)
    }

    /// Takes out an entry whose time has passed. Asks the clock only if any entry expires.
    pub(crate) fn remove_expired(&mut self, clock: &impl Clock) -> Option<Removed<K, V>> {
        if self.expiries.is_empty() {
            return None;
        }
        let entries = &self.entries;
        let slot = self
            .expiries
            .due(clock.now(), |item| is_valid(entries, item))?;
        Some(self.remove(slot, Cause::Expired))
    }

    /// Stamps an entry that is about to come to `slot`, and remembers when it expires.
    #[inline]
    fn register(&mut self, slot: u32, meta: &Meta) -> u32 {
        let stamp = self.stamp;
        self.stamp = stamp.wrapping_add(1);
        if let Some(at) = meta.expires {
            self.expiries.push(Item { at, stamp, slot });
        }
        stamp
    }

    /// The counterpart of `register`, once an entry is gone.
    #[inline]
    fn unregister(&mut self, meta: &Meta) {
        if meta.expires.is_some() {
            self.expiries.forget();
            let entries = &self.entries;
            self.expiries.tidy(|item| is_valid(entries, item));
        }
    }
}

impl<K, V> Entry<K, V> {
    /// Marks the entry, if there is anything left to mark. Two threads that do so at once may be
    /// taken for one, which costs less than an atomic addition would.
    #[inline]
    pub(crate) fn hit(&self) {
        let mark = self.mark.load(Relaxed);
        if mark < MARK_MAX {
            self.mark.store(mark + 1, Relaxed);
        }
    }

    #[inline]
    fn removed(self, cause: Cause) -> Removed<K, V> {
        Removed {
            key: self.key,
            value: self.value,
            meta: self.meta,
            cause,
        }
    }
}

/// Whether the entry that an item of the expiry order speaks of is still there.
fn is_valid<K, V>(entries: &[Option<Entry<K, V>>], item: &Item) -> bool {
    let entry = entries.get(item.slot as usize).and_then(Option::as_ref);
    entry.is_some_and(|entry| entry.stamp == item.stamp)
}

/// Index, lists and slab change together, so that a slot reached through one of the former is
/// occupied in the latter.
#[inline]
fn occupied<T>(entry: Option<T>) -> T {
    match entry {
        Some(entry) => entry,
        None => unreachable!("a vacant slot is in no list and not in the index"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::SystemClock;

    fn insert(table: &mut Table<u64, ()>, key: u64, meta: Meta) {
        table.insert(key, key, (), meta, Queue::Main, Record::default());
    }

    #[test]
    fn an_entry_costs_48_bytes_beside_key_and_value() {
        assert_eq!(size_of::<Option<Entry<u64, u64>>>() - 16, 48);
    }

    #[test]
    fn the_order_of_expiry_is_bounded_by_the_entries_that_expire() {
        let later = Instant::now() + Duration::from_secs(3600);
        let meta = |n| Meta::new(1).expires(later + Duration::from_millis(n * 7919 % 1000));
        let mut table = Table::new();
        for key in 0..1000 {
            insert(&mut table, key, meta(key));
        }
        for n in 0..100_000 {
            let key = n % 1000;
            let slot = table.find(key, &key).unwrap();
            if n % 2 == 0 {
                table.replace(slot, key, (), meta(n));
            } else {
                table.remove(slot, Cause::Removed);
                insert(&mut table, key, meta(n));
            }
            assert!(table.expiries.heap_len() <= 2 * 1000 + 64 + 1);
        }
        for key in 0..1000 {
            let slot = table.find(key, &key).unwrap();
            table.remove(slot, Cause::Removed);
        }
        assert!(table.expiries.is_empty() && table.expiries.heap_len() <= 64);
        assert!(table.remove_expired(&SystemClock).is_none());
    }

    #[test]
    fn slots_are_used_again() {
        let mut table = Table::new();
        for key in 0..10_000_u64 {
            insert(&mut table, key, Meta::new(1));
            if let Some(slot) = key.checked_sub(10).and_then(|old| table.find(old, &old)) {
                table.remove(slot, Cause::Removed);
            }
        }
        assert_eq!((table.len(), table.slots()), (10, 11));
    }
}
