use std::{
    borrow::Borrow,
    mem,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

use crate::{
    Cause, Class, Clock, Hit, Meta, Removed, Usage,
    deadline::{Deadline, Epoch},
    expiries::{self, Expiries, Item},
    ghost_clock::MARK_MAX,
    index::{self, Index},
    recency::{self, NIL, Queue, Recency, Record},
    segments::{Blank, Segments},
};

/// The room that all stores of this crate are furnished from: entries in a slab, a hash index over
/// it, the order of use, and the order of expiry. It knows neither hasher, nor budget, nor counters.
///
/// No operation does more than a bounded amount of work (logarithmic, where an entry expires): all
/// parts grow and shrink piecemeal, and without moving what they hold. (Lists of pointers to their
/// segments are copied when they double: some bytes for every few hundred entries.)
///
/// What a hit reads, and what it writes, lies apart from what only a change needs.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    index: Index,
    slots: Segments<Block<K, V>, 1>,
    facts: Segments<Facts, 256>,
    recency: Recency,
    expiries: Expiries,
    epoch: Epoch,
    /// The stamp of the next entry.
    stamp: u32,
}

/// What a hit reads and writes of some slots. A block begins with a cache line, so that an entry of
/// half a line, or of a line, does not straddle two.
#[derive(Debug)]
#[repr(align(64))]
struct Block<K, V> {
    entries: [Option<Entry<K, V>>; BLOCK as usize],
    marks: [Mark; BLOCK as usize],
}

/// So many that the addresses of blocks stay in the processor's cache.
const BLOCK: u32 = 256;

impl<K, V> Blank for Block<K, V> {
    const BLANK: Self = Self {
        entries: [const { None }; BLOCK as usize],
        marks: [const { Mark(AtomicU8::new(0)) }; BLOCK as usize],
    };
}

/// What a hit reads.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) deadline: Deadline,
}

impl Blank for Facts {
    const BLANK: Self = Self {
        charge: 0,
        hash: 0,
        stamp: 0,
        expiry: 0,
    };
}

/// The class of an entry in the highest bit, and in the others its hits since the policy last looked,
/// up to a few. A byte of its own, because hits write it while others read.
#[derive(Debug)]
struct Mark(AtomicU8);

const HOT: u8 = 0x80;

/// What else is known of an entry.
#[derive(Clone, Copy, Debug)]
struct Facts {
    charge: usize,
    hash: u64,
    /// Tells an entry from those that had its slot before. It may wrap: what remembers a stamp
    /// does so for far fewer than 2^32 inserts.
    stamp: u32,
    /// Where its item is in `expiries`, if it expires.
    expiry: u32,
}

/// Fewer slots than this are kept even when nearly all of them are vacant.
const SLOTS_MIN: u32 = 64;

impl<K, V> Table<K, V> {
    /// The bytes that an entry takes up here, its key and value included, but not what these own
    /// elsewhere.
    pub(crate) const BYTES_PER_ENTRY: usize = size_of::<Option<Entry<K, V>>>()
        + size_of::<Mark>()
        + size_of::<Facts>()
        + index::BYTES_PER_ENTRY
        + recency::BYTES_PER_ENTRY;

    /// What one that expires takes up besides.
    pub(crate) const BYTES_PER_EXPIRY: usize = expiries::BYTES_PER_ENTRY;

    pub(crate) fn new() -> Self {
        Self {
            index: Index::new(),
            slots: Segments::new(),
            facts: Segments::new(),
            recency: Recency::new(),
            expiries: Expiries::new(),
            epoch: Epoch::new(),
            stamp: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether slot numbers have run out.
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

    pub(crate) fn recency(&self) -> &Recency {
        &self.recency
    }

    /// The stamp of the next entry.
    pub(crate) fn stamp(&self) -> u32 {
        self.stamp
    }

    /// One past the last slot in use.
    pub(crate) fn slots(&self) -> u32 {
        self.recency.slots()
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.index
            .find(hash, |slot| self.entry(slot).key.borrow() == key)
    }

    /// The entry in a slot that is known to be occupied: one from `find`, `oldest`, or the like.
    #[inline]
    pub(crate) fn entry(&self, slot: u32) -> &Entry<K, V> {
        occupied(self.slots[slot / BLOCK].entries[(slot % BLOCK) as usize].as_ref())
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, slot: u32) -> &mut Entry<K, V> {
        occupied(self.place(slot).as_mut())
    }

    #[inline]
    fn place(&mut self, slot: u32) -> &mut Option<Entry<K, V>> {
        &mut self.slots[slot / BLOCK].entries[(slot % BLOCK) as usize]
    }

    #[inline]
    fn mark_of(&self, slot: u32) -> &Mark {
        &self.slots[slot / BLOCK].marks[(slot % BLOCK) as usize]
    }

    fn mark_mut(&mut self, slot: u32) -> &mut Mark {
        &mut self.slots[slot / BLOCK].marks[(slot % BLOCK) as usize]
    }

    /// The entry in any slot.
    pub(crate) fn get(&self, slot: u32) -> Option<&Entry<K, V>> {
        let block = self.slots.get(slot / BLOCK)?;
        block.entries[(slot % BLOCK) as usize].as_ref()
    }

    /// What the owner of the entry in `slot` said of it.
    pub(crate) fn meta(&self, slot: u32) -> Meta {
        Meta {
            expires: self.epoch.instant(self.entry(slot).deadline),
            charge: self.facts[slot].charge,
            class: self.class(slot),
        }
    }

    #[inline]
    pub(crate) fn charge(&self, slot: u32) -> usize {
        self.facts[slot].charge
    }

    #[inline]
    pub(crate) fn hash(&self, slot: u32) -> u64 {
        self.facts[slot].hash
    }

    #[inline]
    pub(crate) fn stamp_of(&self, slot: u32) -> u32 {
        self.facts[slot].stamp
    }

    #[inline]
    pub(crate) fn class(&self, slot: u32) -> Class {
        self.mark_of(slot).class()
    }

    /// Whether the entry in `slot` has expired. Asks the clock only if it expires at all.
    #[inline]
    pub(crate) fn is_expired(&self, slot: u32, clock: &impl Clock) -> bool {
        self.epoch.has_passed(self.entry(slot).deadline, clock)
    }

    /// What a lookup tells of the entry in `slot`.
    #[inline]
    pub(crate) fn hit(&self, slot: u32) -> Hit<&V> {
        self.hit_of(self.entry(slot), self.mark_of(slot))
    }

    /// Marks the entry in `slot` as asked for, unless it has expired.
    #[inline]
    pub(crate) fn ask(&self, slot: u32, clock: &impl Clock) -> Option<Hit<&V>> {
        let block = &self.slots[slot / BLOCK];
        let at = (slot % BLOCK) as usize;
        let (entry, mark) = (occupied(block.entries[at].as_ref()), &block.marks[at]);
        if self.epoch.has_passed(entry.deadline, clock) {
            return None;
        }
        mark.raise();
        Some(self.hit_of(entry, mark))
    }

    #[inline]
    fn hit_of<'a>(&self, entry: &'a Entry<K, V>, mark: &Mark) -> Hit<&'a V> {
        Hit {
            value: &entry.value,
            class: mark.class(),
            expires: self.epoch.instant(entry.deadline),
        }
    }

    /// Marks the entry in `slot` as asked for.
    #[inline]
    pub(crate) fn raise_mark(&self, slot: u32) {
        self.mark_of(slot).raise();
    }

    /// Hits of the entry in `slot` that the policy has not dealt with.
    #[inline]
    pub(crate) fn mark(&self, slot: u32) -> u8 {
        self.mark_of(slot).hits()
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, slot: u32, hits: u8) {
        *self.mark_mut(slot) = Mark::new(self.class(slot), hits);
    }

    #[inline]
    pub(crate) fn set_record(&mut self, slot: u32, record: Record) {
        self.recency.set_record(slot, record);
    }

    /// Moves the entry in `slot` from the window to main, its hits dealt with.
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
        let facts = Facts {
            charge: meta.charge,
            hash,
            stamp: self.stamp,
            expiry: 0,
        };
        let mark = Mark::new(meta.class, 0);
        let entry = Entry {
            key,
            value,
            deadline: self.epoch.deadline(meta.expires),
        };
        if slot == self.facts.len() {
            self.facts.push();
            if slot.is_multiple_of(BLOCK) {
                self.slots.push();
            }
        }
        self.facts[slot] = facts;
        *self.mark_mut(slot) = mark;
        *self.place(slot) = Some(entry);
        self.recency.link(slot, meta.class, meta.charge, queue);
        self.recency.set_record(slot, record);
        let facts = &self.facts;
        self.index.insert(hash, slot, |slot| facts[slot].hash);
        self.register(slot);
    }

    /// Puts an entry in the place of the one in `slot`, which has the same key, and makes it the
    /// newest of its list. What is known of the old one's use holds for it. The key is exchanged too:
    /// the old one may pin a buffer.
    pub(crate) fn replace(&mut self, slot: u32, key: K, value: V, meta: Meta) -> Removed<K, V> {
        let old_meta = self.meta(slot);
        self.unregister(slot);
        let deadline = self.epoch.deadline(meta.expires);
        let entry = Entry {
            key,
            value,
            deadline,
        };
        let old = mem::replace(self.entry_mut(slot), entry);
        let queue = self.recency.queue(slot);
        self.recency.unlink(slot, old_meta.charge);
        self.recency.link(slot, meta.class, meta.charge, queue);
        let facts = &mut self.facts[slot];
        facts.charge = meta.charge;
        facts.stamp = self.stamp;
        let mark = self.mark_mut(slot);
        *mark = Mark::new(meta.class, mark.hits());
        mark.raise();
        self.register(slot);
        old.removed(old_meta, Cause::Replaced)
    }

    /// Takes out the entry in `slot`, which must be occupied.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let meta = self.meta(slot);
        self.unregister(slot);
        let facts = &self.facts;
        self.index
            .remove(facts[slot].hash, slot, |slot| facts[slot].hash);
        self.recency.unlink(slot, meta.charge);
        self.recency.vacate(slot);
        let entry = occupied(self.place(slot).take());
        self.shrink();
        entry.removed(meta, cause)
    }

    /// Takes out an entry whose time has passed. Asks the clock only if any entry expires.
    pub(crate) fn remove_expired(&mut self, clock: &impl Clock) -> Option<Removed<K, V>> {
        let first = self.expiries.first()?;
        let passed = self.epoch.has_passed(first.deadline, clock);
        passed.then(|| self.remove(first.slot, Cause::Expired))
    }

    /// Gives up to two slots back while more than half of all are vacant, so that memory follows what
    /// is in it.
    fn shrink(&mut self) {
        for _ in 0..2 {
            let slots = self.slots();
            if slots <= SLOTS_MIN || self.len() >= (slots / 2) as usize {
                return;
            }
            let last = slots - 1;
            if let Some(to) = self.recency.pop() {
                self.relocate(last, to);
            }
            self.facts.pop();
            if last.is_multiple_of(BLOCK) {
                self.slots.pop();
            }
        }
    }

    /// Moves an entry to a slot that has become its in `recency`.
    fn relocate(&mut self, from: u32, to: u32) {
        let entry = self.place(from).take();
        if let Some(entry) = &entry
            && !entry.deadline.is_never()
        {
            self.expiries.rename(self.facts[from].expiry, to);
        }
        *self.place(to) = entry;
        self.index.rename(self.facts[from].hash, from, to);
        self.facts[to] = self.facts[from];
        *self.mark_mut(to) = Mark::new(self.class(from), self.mark(from));
    }

    /// Counts an entry that has come to `slot`, and remembers when it expires.
    #[inline]
    fn register(&mut self, slot: u32) {
        let stamp = self.stamp;
        self.stamp = stamp.wrapping_add(1);
        let deadline = self.entry(slot).deadline;
        if !deadline.is_never() {
            let facts = &mut self.facts;
            self.expiries.push(
                Item {
                    deadline,
                    stamp,
                    slot,
                },
                |slot, at| facts[slot].expiry = at,
            );
        }
    }

    /// The counterpart of `register`, before an entry leaves.
    #[inline]
    fn unregister(&mut self, slot: u32) {
        if !self.entry(slot).deadline.is_never() {
            let facts = &mut self.facts;
            self.expiries
                .remove(facts[slot].expiry, |slot, at| facts[slot].expiry = at);
        }
    }
}

impl<K, V> Entry<K, V> {
    #[inline]
    fn removed(self, meta: Meta, cause: Cause) -> Removed<K, V> {
        Removed {
            key: self.key,
            value: self.value,
            meta,
            cause,
        }
    }
}

impl Mark {
    #[inline]
    fn new(class: Class, hits: u8) -> Self {
        let class = match class {
            Class::Main => 0,
            Class::Hot => HOT,
        };
        Self(AtomicU8::new(class | hits))
    }

    #[inline]
    fn class(&self) -> Class {
        if self.0.load(Relaxed) & HOT == 0 {
            Class::Main
        } else {
            Class::Hot
        }
    }

    #[inline]
    fn hits(&self) -> u8 {
        self.0.load(Relaxed) & !HOT
    }

    /// Counts a hit, if there is anything left to count. Two threads that do so at once may be taken
    /// for one, which costs less than an atomic addition would.
    #[inline]
    fn raise(&self) {
        let mark = self.0.load(Relaxed);
        if mark & !HOT < MARK_MAX {
            self.0.store(mark + 1, Relaxed);
        }
    }
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
