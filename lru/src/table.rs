use std::mem;

use allocator_api2::alloc::{Allocator, Global};
use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, Hit, Meta, Removed, Usage,
    charge::Charge,
    deadline::{Deadline, Epoch},
    expiries::{self, Expiries, Item},
    index::{self, Index},
    label::Label,
    recency::{self, NIL, Queue, Recency, Record},
    segments::{Blank, Segments},
};

/// The data structure behind all stores of this crate: entries in a slab, a hash index over the slab,
/// the order of use, and the order of expiry. A table has no hasher, no budget and no counters.
///
/// Each operation does a bounded amount of work, or logarithmic work if the entry has an expiry. All
/// parts grow and shrink piecemeal. (The lists of pointers to their segments are copied when they
/// double: some bytes for every few hundred entries.)
///
/// The data that a hit reads and writes lies apart from the data that only a change needs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Table<K, V, A: Allocator = Global> {
    index: Index<A>,
    slots: Segments<Block<K, V>, 1, A>,
    facts: Segments<Facts, 256, A>,
    recency: Recency<A>,
    expiries: Expiries<A>,
    epoch: Epoch,
    /// The stamp of the next entry.
    stamp: u32,
}

/// The entries of some slots: the data that a hit reads and writes. A block is aligned to a cache
/// line, so that an entry of half a line, or of a line, does not straddle two.
#[derive(Debug)]
#[repr(align(64))]
struct Block<K, V>([Option<Entry<K, V>>; BLOCK as usize]);

/// Slots in a block: enough that the list of block addresses stays in the processor's cache.
const BLOCK: u32 = 256;

impl<K, V> Blank for Block<K, V> {
    const BLANK: Self = Self([const { None }; BLOCK as usize]);
}

/// The key and the value, which a hit reads, and the one word that a hit may write.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) label: Label,
}

impl Blank for Facts {
    const BLANK: Self = Self {
        charge: Charge::NONE,
        hash: 0,
        stamp: 0,
        expiry: 0,
    };
}

/// What a hit does not need of an entry.
#[derive(Clone, Copy, Debug)]
struct Facts {
    charge: Charge,
    /// The low half of the hash. [`Recency`] has what is needed of the high half.
    hash: u32,
    /// Tells an entry from the earlier entries of its slot. Stamps may wrap: no code remembers a
    /// stamp for anywhere near 2^32 inserts.
    stamp: u32,
    /// The place of the entry's item in `expiries`, if the entry has an expiry.
    expiry: u32,
}

/// With so many slots or fewer, the table does not shrink.
const SLOTS_MIN: u32 = 64;

impl<K, V, A: Allocator + Clone> Table<K, V, A> {
    /// The bytes that an entry takes up in a table. They include the key and the value themselves, but
    /// not the memory that these have allocated.
    pub(crate) const BYTES_PER_ENTRY: usize = size_of::<Option<Entry<K, V>>>()
        + size_of::<Facts>()
        + index::BYTES_PER_ENTRY
        + recency::BYTES_PER_ENTRY;

    /// The bytes that an entry with an expiry takes up in addition.
    pub(crate) const BYTES_PER_EXPIRY: usize = expiries::BYTES_PER_ENTRY;

    /// An empty table, whose parts will come from `memory`.
    pub(crate) fn new(memory: A) -> Self {
        Self {
            index: Index::new(memory.clone()),
            slots: Segments::new(memory.clone()),
            facts: Segments::new(memory.clone()),
            recency: Recency::new(memory.clone()),
            expiries: Expiries::new(memory),
            epoch: Epoch::new(),
            stamp: 0,
        }
    }

    pub(crate) fn memory(&self) -> &A {
        self.slots.memory()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the table holds as many entries as it can: 2,147,483,647.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= (NIL / 2) as usize
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

    pub(crate) fn recency(&self) -> &Recency<A> {
        &self.recency
    }

    /// The stamp of the next entry.
    pub(crate) fn stamp(&self) -> u32 {
        self.stamp
    }

    pub(crate) fn set_stamp(&mut self, stamp: u32) {
        self.stamp = stamp;
    }

    /// The number of slots, vacant ones included.
    pub(crate) fn slots(&self) -> u32 {
        self.recency.slots()
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.index.find(hash, |slot| {
            let entry = self.indexed(slot)?;
            key.equivalent(&entry.key).then_some(slot)
        })
    }

    /// As [`find`](Self::find), but returns the entry.
    #[inline]
    pub(crate) fn find_entry<Q>(&self, hash: u64, key: &Q) -> Option<&Entry<K, V>>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.index.find(hash, |slot| {
            let entry = self.indexed(slot)?;
            key.equivalent(&entry.key).then_some(entry)
        })
    }

    /// The slot of the entry with this stamp, if its key has this hash.
    pub(crate) fn find_stamped(&self, hash: u64, stamp: u32) -> Option<u32> {
        self.index
            .find(hash, |slot| (self.stamp_of(slot) == stamp).then_some(slot))
    }

    /// The entry in a slot that is in the index. Such a slot is occupied.
    #[inline]
    fn indexed(&self, slot: u32) -> Option<&Entry<K, V>> {
        let entry = self.get(slot);
        debug_assert!(entry.is_some(), "a vacant slot is in the index");
        entry
    }

    /// The entry in a slot that is known to be occupied, for instance one from `find` or `oldest`.
    #[inline]
    pub(crate) fn entry(&self, slot: u32) -> &Entry<K, V> {
        occupied(self.get(slot))
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, slot: u32) -> &mut Entry<K, V> {
        occupied(self.place(slot).as_mut())
    }

    #[inline]
    fn place(&mut self, slot: u32) -> &mut Option<Entry<K, V>> {
        &mut self.slots[slot / BLOCK].0[(slot % BLOCK) as usize]
    }

    /// The entry in any slot, if the slot is occupied.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Entry<K, V>> {
        let block = self.slots.get_or_blank(slot / BLOCK)?;
        block.0[(slot % BLOCK) as usize].as_ref()
    }

    /// The charge, the class, the expiry and the flag of the entry in `slot`.
    pub(crate) fn meta(&self, slot: u32) -> Meta {
        Meta {
            expires: self.epoch.instant(self.entry(slot).label.deadline()),
            charge: self.charge(slot),
            class: self.class(slot),
            flag: self.entry(slot).label.flag(),
        }
    }

    #[inline]
    pub(crate) fn charge(&self, slot: u32) -> usize {
        self.facts[slot].charge.bytes()
    }

    #[inline]
    pub(crate) fn hash(&self, slot: u32) -> u64 {
        hash(&self.facts, &self.recency, slot)
    }

    #[inline]
    pub(crate) fn stamp_of(&self, slot: u32) -> u32 {
        self.facts[slot].stamp
    }

    #[inline]
    pub(crate) fn class(&self, slot: u32) -> Class {
        self.entry(slot).label.class()
    }

    /// Whether the entry in `slot` has expired. Reads the clock only if the entry has an expiry.
    #[inline]
    pub(crate) fn is_expired(&self, slot: u32, clock: &impl Clock) -> bool {
        self.has_expired(self.entry(slot), clock)
    }

    /// As [`is_expired`](Self::is_expired).
    #[inline]
    pub(crate) fn has_expired(&self, entry: &Entry<K, V>, clock: &impl Clock) -> bool {
        self.epoch.has_passed(entry.label.deadline(), clock)
    }

    /// What a lookup returns of an entry.
    #[inline]
    pub(crate) fn hit<'a>(&self, entry: &'a Entry<K, V>) -> Hit<&'a V> {
        Hit {
            value: &entry.value,
            class: entry.label.class(),
            expires: self.epoch.instant(entry.label.deadline()),
            flag: entry.label.flag(),
        }
    }

    /// The hits of the entry in `slot` that the policy has not dealt with yet.
    #[inline]
    pub(crate) fn mark(&self, slot: u32) -> u8 {
        self.entry(slot).label.mark()
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, slot: u32, mark: u8) {
        self.entry_mut(slot).label.set_mark(mark);
    }

    #[inline]
    pub(crate) fn set_record(&mut self, slot: u32, record: Record) {
        self.recency.set_record(slot, record);
    }

    /// Moves the entry in `slot` from the window to main, and clears its mark.
    pub(crate) fn promote(&mut self, slot: u32) {
        self.set_mark(slot, 0);
        let (class, charge) = (self.class(slot), self.charge(slot));
        self.recency.unlink(slot, charge);
        self.recency.link(slot, class, charge, Queue::Main);
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
        let slot = self.recency.take_vacant();
        let deadline = self.epoch.deadline(meta.expires);
        let facts = Facts {
            charge: Charge::new(meta.charge),
            hash: hash as u32,
            stamp: self.stamp,
            expiry: 0,
        };
        let entry = Entry {
            key,
            value,
            label: Label::new(deadline, meta.class, meta.flag, 0),
        };
        if slot == self.facts.len() {
            self.push_slot();
        }
        self.facts[slot] = facts;
        *self.place(slot) = Some(entry);
        self.recency
            .enter(slot, meta.class, meta.charge, queue, record, hash);
        let (facts, recency) = (&self.facts, &self.recency);
        let hash_of = |slot| self::hash(facts, recency, slot);
        self.index.insert(hash, slot, hash_of);
        self.register(slot, deadline);
    }

    /// Adds a vacant slot. Out of line, as most newcomers find one.
    #[inline(never)]
    fn push_slot(&mut self) {
        if self.facts.push().is_multiple_of(BLOCK) {
            self.slots.push();
        }
    }

    /// Replaces the entry in `slot` by another with an equal key. The new entry takes over the mark and
    /// the record of the old one, and the overwrite counts as another hit. The key is replaced too,
    /// because the old key may pin a buffer.
    #[inline]
    pub(crate) fn replace(&mut self, slot: u32, key: K, value: V, meta: Meta) -> Removed<K, V> {
        let deadline = self.epoch.deadline(meta.expires);
        let place = self.entry_mut(slot);
        let label = Label::new(deadline, meta.class, meta.flag, place.label.mark());
        label.raise();
        let old = mem::replace(place, Entry { key, value, label });
        let had_expiry = !old.label.deadline().is_never();
        let facts = &mut self.facts[slot];
        let old_facts = mem::replace(
            facts,
            Facts {
                charge: Charge::new(meta.charge),
                stamp: self.stamp,
                ..*facts
            },
        );
        let old = self.removed(old, old_facts, self.recency.record(slot), Cause::Replaced);
        if meta.class == old.meta.class {
            self.recency.recharge(slot, old.meta.charge, meta.charge);
        } else {
            let queue = self.recency.queue(slot);
            self.recency.unlink(slot, old.meta.charge);
            self.recency.link(slot, meta.class, meta.charge, queue);
        }
        if had_expiry {
            self.unregister(old_facts.expiry);
        }
        self.register(slot, deadline);
        old
    }

    /// Puts another key and value into the place of those in `slot`, which are equal, and returns the old ones. The entry stays
    /// what it is otherwise.
    pub(crate) fn rehouse(&mut self, slot: u32, key: K, value: V) -> (K, V) {
        let entry = self.entry_mut(slot);
        let key = mem::replace(&mut entry.key, key);
        (key, mem::replace(&mut entry.value, value))
    }

    /// Takes out the entry in `slot`, which must be occupied.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let entry = occupied(self.place(slot).take());
        let facts = self.facts[slot];
        if !entry.label.deadline().is_never() {
            self.unregister(facts.expiry);
        }
        let hash = self.hash(slot);
        let record = self.recency.leave(slot, facts.charge.bytes());
        let (all_facts, recency) = (&self.facts, &self.recency);
        let hash_of = |slot| self::hash(all_facts, recency, slot);
        self.index.remove(hash, slot, hash_of);
        self.shrink();
        self.removed(entry, facts, record, cause)
    }

    /// An entry that has left, and what was known of it.
    #[inline]
    fn removed(
        &self,
        entry: Entry<K, V>,
        facts: Facts,
        record: Record,
        cause: Cause,
    ) -> Removed<K, V> {
        let label = &entry.label;
        Removed {
            meta: Meta {
                expires: self.epoch.instant(label.deadline()),
                charge: facts.charge.bytes(),
                class: label.class(),
                flag: label.flag(),
            },
            cause,
            was_wanted: label.mark() > 0 || record.count > 1 || record.returned,
            key: entry.key,
            value: entry.value,
        }
    }

    /// Takes out one entry after the other, from the last slot to the first.
    pub(crate) fn into_removed(mut self, cause: Cause) -> impl Iterator<Item = Removed<K, V>> {
        let mut slots = (0..self.slots()).rev();
        std::iter::from_fn(move || {
            let slot = slots.find(|&slot| self.get(slot).is_some())?;
            Some(self.remove(slot, cause))
        })
    }

    /// Takes out the entry with the soonest expiry if it has expired. Reads the clock only if any entry
    /// has an expiry.
    pub(crate) fn remove_expired(&mut self, clock: &impl Clock) -> Option<Removed<K, V>> {
        let first = self.expiries.first()?;
        let passed = self.epoch.has_passed(first.deadline, clock);
        passed.then(|| self.remove(first.slot, Cause::Expired))
    }

    /// Gives up to two slots back if more than an eighth of all slots are vacant, so that memory follows the
    /// number of entries.
    #[inline]
    fn shrink(&mut self) {
        for _ in 0..2 {
            let slots = self.slots();
            if slots <= SLOTS_MIN || self.len() >= (slots - slots / 8) as usize {
                return;
            }
            self.pop_slot();
        }
    }

    /// Gives up the last slot. Out of line, as most removals keep all slots.
    #[inline(never)]
    fn pop_slot(&mut self) {
        let last = self.slots() - 1;
        if let Some(to) = self.recency.pop() {
            self.relocate(last, to);
        }
        self.facts.pop();
        if last.is_multiple_of(BLOCK) {
            self.slots.pop();
        }
    }

    /// Moves an entry to the slot that `recency` has already moved it to.
    fn relocate(&mut self, from: u32, to: u32) {
        let entry = self.place(from).take();
        if let Some(entry) = &entry
            && !entry.label.deadline().is_never()
        {
            self.expiries.rename(self.facts[from].expiry, to);
        }
        *self.place(to) = entry;
        self.facts[to] = self.facts[from];
        // `recency` has moved its part of the hash.
        self.index.rename(self.hash(to), from, to);
    }

    /// Advances the stamp after an entry has come to `slot`, and adds its expiry, if any, to `expiries`.
    #[inline]
    fn register(&mut self, slot: u32, deadline: Deadline) {
        let stamp = self.stamp;
        self.stamp = stamp.wrapping_add(1);
        if !deadline.is_never() {
            self.push_expiry(Item {
                deadline,
                stamp,
                slot,
            });
        }
    }

    /// Out of line, as many entries have no expiry.
    #[inline(never)]
    fn push_expiry(&mut self, item: Item) {
        let facts = &mut self.facts;
        self.expiries.push(item, |slot, at| facts[slot].expiry = at);
    }

    /// Takes the expiry at this place out of `expiries`, as its entry leaves or gets another. Out of line, as
    /// [`push_expiry`](Self::push_expiry).
    #[inline(never)]
    fn unregister(&mut self, expiry: u32) {
        let facts = &mut self.facts;
        self.expiries
            .remove(expiry, |slot, at| facts[slot].expiry = at);
    }
}

/// What is known of the hash of the entry in `slot`: all bits that matter within a shard.
#[inline]
fn hash<A: Allocator + Clone>(
    facts: &Segments<Facts, 256, A>,
    recency: &Recency<A>,
    slot: u32,
) -> u64 {
    recency.high_hash(slot) | u64::from(facts[slot].hash)
}

/// The entry of a slot from the index or from a list of entries. Index, lists and slab change
/// together, so such a slot is occupied in the slab.
#[inline]
fn occupied<T>(entry: Option<T>) -> T {
    match entry {
        Some(entry) => entry,
        None => unreachable!("a vacant slot is in no list and not in the index"),
    }
}
