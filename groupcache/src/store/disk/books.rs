use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;

use super::fence::Forgotten;
use super::ledger::{Index, Ledger, Slot};
use super::record::Record;
use super::seen::Seen;
use crate::store::reach::Reach;

/// What a disk knows of its records, under one lock. It is held over writes to the ledger: short ones, but for a ledger that is
/// written anew, and for a sweep.
#[derive(Debug)]
pub(super) struct Books {
    index: Index,
    /// `None` when there is none, or it is not to be believed any more.
    pub(super) ledger: Option<Ledger>,
    pub(super) forgotten: Forgotten,
    pub(super) seen: Seen,
    /// How many bytes have been written.
    head: u64,
    /// How many had been when this began: the records of this start are there or farther on.
    start: u64,
    /// The engine uses the space of records again that are farther back than this.
    capacity: u64,
    /// Slots of such records go when the head gets there.
    next_sweep: u64,
    /// Ids begin somewhere else with every start: what an earlier one has written under an id that it never put down does not
    /// count.
    next_id: u64,
}

impl Books {
    pub(super) fn new(ledger: Option<Ledger>, index: Index, capacity: u64) -> Self {
        let last = index.values().map(|slot| slot.place).max();
        let head = last.map_or(0, |last| last.saturating_add(1));
        Self {
            index,
            ledger,
            forgotten: Forgotten::default(),
            seen: Seen::default(),
            head,
            start: head,
            capacity,
            next_sweep: head.saturating_add(capacity / 16),
            next_id: RandomState::new().hash_one("ids"),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The record of the key that counts.
    pub(super) fn find(&self, hash: u64) -> Option<Slot> {
        self.index.get(&hash).copied()
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
    pub(super) fn put(&mut self, hash: u64, key: usize, value: usize) -> io::Result<Slot> {
        self.next_id = self.next_id.wrapping_add(1).max(1);
        let (id, place) = (self.next_id, self.head);
        let size = Record::size(key, value) as u64;
        self.head = self.head.saturating_add(size);
        let slot = Slot { id, place };
        if let Some(ledger) = &mut self.ledger {
            ledger.put(hash, slot)?;
        }
        self.index.insert(hash, slot);
        if self.head >= self.next_sweep {
            self.next_sweep = self.head.saturating_add(self.capacity / 16);
            self.sweep()?;
        }
        Ok(slot)
    }

    /// Lets records go whose space the engine has used again by now, as far as can be told from here. It may have some of them
    /// yet, so that this is put down as a removal is: a removal of a key without a record puts nothing down.
    fn sweep(&mut self) -> io::Result<()> {
        let (head, capacity) = (self.head, self.capacity);
        let gone = self
            .index
            .extract_if(|_, slot| slot.place.saturating_add(capacity) <= head);
        let gone = gone.map(|(hash, _)| hash);
        match &mut self.ledger {
            Some(ledger) => ledger.remove(gone),
            None => {
                gone.for_each(drop);
                Ok(())
            }
        }
    }

    /// No record of the key within reach counts any more, here and after a restart.
    pub(super) fn remove(&mut self, hash: u64, reach: Reach) -> io::Result<()> {
        self.forgotten.note(hash);
        match self.find(hash) {
            Some(slot) if self.is_within(reach, slot) => self.lose(hash, slot),
            _ => Ok(()),
        }
    }

    fn is_within(&self, reach: Reach, slot: Slot) -> bool {
        reach == Reach::All || slot.place >= self.start
    }

    /// The engine does not give the record back. It may after a restart, so that this is put down too.
    pub(super) fn lose(&mut self, hash: u64, slot: Slot) -> io::Result<()> {
        if self.find(hash) == Some(slot) {
            self.index.remove(&hash);
            if let Some(ledger) = &mut self.ledger {
                ledger.remove([hash])?;
            }
        }
        Ok(())
    }

    /// No record within reach counts any more, here and after a restart.
    pub(super) fn clear(&mut self, reach: Reach) -> io::Result<()> {
        self.forgotten.note_all();
        let start = self.start;
        match reach {
            Reach::All => self.index = HashMap::new(),
            Reach::SinceStart => self.index.retain(|_, slot| slot.place < start),
        }
        match &mut self.ledger {
            Some(ledger) if !ledger.is_empty() => ledger.rewrite(&self.index),
            _ => Ok(()),
        }
    }

    /// Writes what has gathered, and the ledger anew if most of it says nothing any more.
    pub(super) fn tidy(&mut self) -> io::Result<()> {
        match &mut self.ledger {
            Some(ledger) if ledger.is_worn(&self.index) => ledger.rewrite(&self.index),
            Some(ledger) => ledger.flush(),
            None => Ok(()),
        }
    }

    /// From now on no record counts, and none is put down. Says whether that is certain after a restart too.
    pub(super) fn give_up(&mut self) -> bool {
        self.forgotten.note_all();
        self.index = HashMap::new();
        let voided = self.ledger.as_mut().map_or(Ok(()), Ledger::void);
        if voided.is_ok() {
            self.ledger = None;
        }
        voided.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::ledger::Opened;

    fn open(folder: &std::path::Path) -> Books {
        let Opened { ledger, index, .. } = Ledger::open(folder, 7, [1; 16]).unwrap();
        Books::new(Some(ledger), index, 1 << 20)
    }

    #[test]
    fn what_was_lost_or_swept_and_then_removed_does_not_count_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut books = open(folder.path());
        let slot = books.put(1, 1, 1).unwrap();
        books.tidy().unwrap();
        books.lose(1, slot).unwrap();
        // Nobody knows of a record that would have to be put down.
        books.remove(1, Reach::All).unwrap();
        drop(books);
        let mut books = open(folder.path());
        assert_eq!(books.find(1), None);
        for hash in 2..1000 {
            books.put(hash, 1, 4096).unwrap();
        }
        assert_eq!(books.find(2), None, "its space was used again");
        books.remove(2, Reach::All).unwrap();
        let held = books.len();
        books.tidy().unwrap();
        drop(books);
        let books = open(folder.path());
        assert_eq!((books.find(2), books.len()), (None, held));
    }
}
