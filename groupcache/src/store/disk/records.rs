use std::hash::{BuildHasher as _, RandomState};
use std::mem;

use super::fence::Forgotten;
use super::index::Index;
use super::ledger::{Slot, Slots};
use super::record::Record;
use super::seen::Seen;
use crate::store::reach::Reach;

/// What a disk knows of its records, in memory.
#[derive(Debug)]
pub(super) struct Records {
    /// Those from before the start, and those since. No key has one in both.
    before: Index,
    since: Index,
    pub(super) forgotten: Forgotten,
    pub(super) seen: Seen,
    /// How many bytes have been written.
    head: u64,
    /// The engine uses the space of records again that are farther back than this.
    capacity: u64,
    /// Slots of such records go when the head gets there, those of this part.
    next_sweep: u64,
    part: usize,
    /// Ids begin somewhere else with every start: what an earlier one has written under an id that it never put down does not
    /// count.
    next_id: u64,
    /// What the ledger does not say yet.
    unsaid: Unsaid,
    /// How many removals there have been.
    removals: u64,
}

/// Changes of the index that the ledger does not say yet.
#[derive(Debug)]
pub(super) enum Unsaid {
    /// These, in their order.
    Entries(Vec<(u64, Slot)>),
    /// So many that the ledger is to be written anew.
    Anew,
}

/// With more, the ledger is written anew.
const MOST_UNSAID: usize = 1 << 18;

impl Records {
    pub(super) fn new(slots: Slots, capacity: u64) -> Self {
        let last = slots.values().map(|slot| slot.place).max();
        let head = last.map_or(0, |last| last.saturating_add(1));
        let mut records = Self {
            before: Index::of(slots),
            since: Index::default(),
            forgotten: Forgotten::default(),
            seen: Seen::default(),
            head,
            capacity,
            next_sweep: head,
            part: 0,
            next_id: RandomState::new().hash_one("ids"),
            unsaid: Unsaid::Entries(Vec::new()),
            removals: 0,
        };
        records.plan_sweep();
        records
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.since.len()
    }

    /// The record of the key that counts.
    pub(super) fn find(&self, hash: u64) -> Option<Slot> {
        self.since.get(hash).or_else(|| self.before.get(hash))
    }

    /// One part of the records.
    pub(super) fn part(&self, part: usize) -> Vec<(u64, Slot)> {
        let slots = self.before.part(part).iter().chain(self.since.part(part));
        slots.map(|(hash, slot)| (*hash, *slot)).collect()
    }

    /// Whether the record is among the oldest quarter, whose space is soon used again.
    pub(super) fn is_old(&self, slot: Slot) -> bool {
        self.head.saturating_sub(slot.place) > self.capacity / 4 * 3
    }

    /// Whether the space of a record that was written there is used again only after half of all space.
    pub(super) fn is_young(&self, place: u64) -> bool {
        self.head.saturating_sub(place) <= self.capacity / 2
    }

    /// The record of a key that is about to be written. It counts from now on, and no other one of the key.
    pub(super) fn put(&mut self, hash: u64, key: usize, value: usize) -> Slot {
        self.next_id = self.next_id.wrapping_add(1).max(1);
        let (id, place) = (self.next_id, self.head);
        let size = Record::size(key, value) as u64;
        self.head = self.head.saturating_add(size);
        let slot = Slot { id, place };
        self.before.remove(hash);
        self.since.insert(hash, slot);
        self.say(hash, slot);
        while self.head >= self.next_sweep {
            self.plan_sweep();
            self.sweep();
        }
        slot
    }

    fn plan_sweep(&mut self) {
        let step = self.capacity / 16 / Index::PARTS as u64;
        self.next_sweep = self.next_sweep.saturating_add(step.max(1));
        self.part = (self.part + 1) % Index::PARTS;
    }

    /// Lets the records of a part go whose space the engine has used again by now, as far as can be told from here. It may have some
    /// of them yet, so that this is put down as a removal is: a removal of a key without a record puts nothing down.
    fn sweep(&mut self) {
        let (capacity, head) = (self.capacity, self.head);
        let mut gone = self.part(self.part);
        gone.retain(|(_, slot)| slot.place.saturating_add(capacity) <= head);
        gone.iter().for_each(|(hash, _)| self.take_out(*hash));
    }

    /// No record of the key within reach counts any more.
    pub(super) fn remove(&mut self, hash: u64, reach: Reach) {
        self.forgotten.note(hash);
        let is_there = match reach {
            Reach::All => self.find(hash).is_some(),
            Reach::SinceStart => self.since.get(hash).is_some(),
        };
        if is_there {
            self.take_out(hash);
        }
    }

    /// The engine does not give the record back. It may after a restart, so that this is put down too.
    pub(super) fn lose(&mut self, hash: u64, slot: Slot) {
        if self.find(hash) == Some(slot) {
            self.take_out(hash);
        }
    }

    /// No record within reach counts any more. Returns those that did, so that nobody waits for the end of their memory.
    pub(super) fn clear(&mut self, reach: Reach) -> [Index; 2] {
        self.forgotten.note_all();
        let since = self.since.take();
        if reach == Reach::SinceStart {
            let parts = (0..Index::PARTS).flat_map(|part| since.part(part));
            for hash in parts.map(|(hash, _)| *hash) {
                self.removals += 1;
                self.say(hash, Slot::NONE);
            }
            return [since, Index::default()];
        }
        let before = self.before.take();
        if before.len() + since.len() > 0 {
            self.removals += 1;
            self.unsaid = Unsaid::Anew;
        }
        [since, before]
    }

    fn take_out(&mut self, hash: u64) {
        self.before.remove(hash);
        self.since.remove(hash);
        self.removals += 1;
        self.say(hash, Slot::NONE);
    }

    /// Has the ledger say this, when it is written to.
    fn say(&mut self, hash: u64, slot: Slot) {
        match &mut self.unsaid {
            Unsaid::Entries(entries) if entries.len() < MOST_UNSAID => entries.push((hash, slot)),
            unsaid => *unsaid = Unsaid::Anew,
        }
    }

    /// What the ledger does not say yet, and how many removals it says when it does.
    pub(super) fn take_unsaid(&mut self) -> (Unsaid, u64) {
        let unsaid = mem::replace(&mut self.unsaid, Unsaid::Entries(Vec::new()));
        (unsaid, self.removals)
    }

    /// What was taken from here is not said.
    pub(super) fn say_anew(&mut self) {
        self.unsaid = Unsaid::Anew;
    }

    /// How many removals there have been.
    pub(super) fn removals(&self) -> u64 {
        self.removals
    }
}
