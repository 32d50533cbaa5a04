use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::index::Index;
use super::ledger::{Ledger, Slots};
use super::records::{Records, Unsaid};
use crate::store::reach::Reach;

/// What a disk knows of its records, in memory and in its ledger.
///
/// There are two locks. That of the records is held for moments, and never over work of the disk. Whoever changes them leaves
/// there what the ledger has to say. Whoever has the lock of the ledger takes that, all of it, and writes it down. So the ledger
/// says things in the order in which they happened, and nobody who only looks waits for the disk.
#[derive(Debug)]
pub(super) struct Books {
    records: Mutex<Records>,
    /// `None` when there is none, or nobody believes it any more. Locked before the records.
    ledger: Mutex<Option<Ledger>>,
    /// How many keys were forgotten, for those who come often.
    forgotten: AtomicU64,
    /// How many removals the ledger says.
    said: AtomicU64,
}

impl Books {
    pub(super) fn new(ledger: Option<Ledger>, slots: Slots, capacity: u64) -> Self {
        Self {
            records: Mutex::new(Records::new(slots, capacity)),
            ledger: Mutex::new(ledger),
            forgotten: AtomicU64::new(0),
            said: AtomicU64::new(0),
        }
    }

    /// What is in memory.
    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock()
    }

    /// How many keys were forgotten so far.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    /// A change by which keys are forgotten. It counts after a restart when it is [said](Self::settle).
    pub(super) fn forget<T>(&self, change: impl FnOnce(&mut Records) -> T) -> T {
        let mut records = self.records.lock();
        let result = change(&mut records);
        let count = records.forgotten.count();
        self.forgotten.store(count, Ordering::SeqCst);
        result
    }

    /// What has been removed by now is so after a restart too, when this returns. Nothing is written if the ledger says it all.
    pub(super) fn settle(&self) -> io::Result<()> {
        let removals = self.records.lock().removals();
        let is_said = || self.said.load(Ordering::SeqCst) >= removals;
        if is_said() {
            return Ok(());
        }
        let mut ledger = self.ledger.lock();
        match is_said() {
            true => Ok(()),
            false => self.write(&mut ledger, |ledger| self.say(ledger)),
        }
    }

    /// Writes what has gathered, and the ledger anew if most of it says nothing any more.
    pub(super) fn tidy(&self) -> io::Result<()> {
        self.write(&mut self.ledger.lock(), |ledger| {
            self.say(ledger)?;
            let count = self.records.lock().len();
            match ledger.is_worn(count) {
                true => self.rewrite(ledger),
                false => ledger.flush(),
            }
        })
    }

    /// Ends the ledger in order: it counts also when the machine has been started again.
    pub(super) fn close(&self) -> io::Result<()> {
        self.write(&mut self.ledger.lock(), |ledger| {
            self.say(ledger)?;
            ledger.close()
        })
    }

    /// From now on no record counts, and none is put down. Says whether that is certain after a restart too. Until it is, what is
    /// removed is said as always.
    pub(super) fn give_up(&self) -> bool {
        let is_void = self.void(&mut self.ledger.lock());
        drop(self.forget(|records| records.clear(Reach::All)));
        is_void
    }

    /// Writes to the ledger. One that has failed to say something is not believed any more.
    fn write(
        &self,
        ledger: &mut Option<Ledger>,
        write: impl FnOnce(&mut Ledger) -> io::Result<()>,
    ) -> io::Result<()> {
        let written = ledger.as_mut().map_or(Ok(()), write);
        if written.is_err() {
            self.void(ledger);
        }
        written
    }

    /// Has nobody believe the ledger any more, so that there is nothing to be said. Says whether that worked.
    fn void(&self, ledger: &mut Option<Ledger>) -> bool {
        let voided = ledger.as_mut().map_or(Ok(()), Ledger::void);
        match voided {
            Ok(()) => {
                *ledger = None;
                self.said.store(u64::MAX, Ordering::SeqCst);
            }
            // Something may have been taken from there, and not been written.
            Err(_) => self.records.lock().say_anew(),
        }
        voided.is_ok()
    }

    /// Has the ledger say what it does not say yet.
    fn say(&self, ledger: &mut Ledger) -> io::Result<()> {
        let (unsaid, removals) = self.records.lock().take_unsaid();
        match unsaid {
            Unsaid::Entries(entries) => {
                for (hash, slot) in entries {
                    ledger.add(hash, slot)?;
                }
                if self.said.load(Ordering::SeqCst) < removals {
                    ledger.mark()?;
                }
            }
            Unsaid::Anew => self.rewrite(ledger)?,
        }
        self.said.store(removals, Ordering::SeqCst);
        Ok(())
    }

    /// Writes the ledger anew, part by part. What changes meanwhile is said afterwards, in its order, also what the new ledger has
    /// already.
    fn rewrite(&self, ledger: &mut Ledger) -> io::Result<()> {
        let parts = (0..Index::PARTS).flat_map(|part| self.records.lock().part(part));
        ledger.rewrite(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::ledger::{Opened, Slot};

    fn open(folder: &std::path::Path) -> Books {
        let Opened { ledger, slots, .. } = Ledger::open(folder, 7, [1; 16]).unwrap();
        Books::new(Some(ledger), slots, 1 << 20)
    }

    fn put(books: &Books, hash: u64, value: usize) -> Slot {
        books.records().put(hash, 1, value)
    }

    fn remove(books: &Books, hash: u64) {
        books.forget(|records| records.remove(hash, Reach::All));
        books.settle().unwrap();
    }

    #[test]
    fn what_was_lost_or_swept_and_then_removed_does_not_count_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        let slot = put(&books, 1, 1);
        books.tidy().unwrap();
        books.records().lose(1, slot);
        // Nobody knows of a record that would have to be put down.
        remove(&books, 1);
        drop(books);
        let books = open(folder.path());
        assert_eq!(books.records().find(1), None);
        for hash in 2..1000 {
            put(&books, hash, 4096);
        }
        assert_eq!(books.records().find(2), None, "its space was used again");
        remove(&books, 2);
        let held = books.records().len();
        books.tidy().unwrap();
        drop(books);
        let books = open(folder.path());
        assert_eq!(books.records().find(2), None);
        assert_eq!(books.records().len(), held);
    }

    #[test]
    fn what_was_removed_and_settled_does_not_count_after_a_restart_whoever_wrote_it_down() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        let removed: Vec<u64> = (0..2000).collect();
        for hash in &removed {
            put(&books, *hash, 1);
        }
        books.tidy().unwrap();
        std::thread::scope(|scope| {
            for of in 0..4 {
                let (books, removed) = (&books, &removed);
                scope.spawn(move || {
                    for hash in removed {
                        if hash % 4 == of || hash % 7 == of {
                            remove(books, *hash);
                        }
                    }
                });
            }
            // Writes the ledger anew under way.
            scope.spawn(|| {
                for hash in 10_000..12_000 {
                    books.records().put(hash, 1, 1);
                    if hash % 100 == 0 {
                        books.tidy().unwrap();
                    }
                }
            });
        });
        // As after a kill: what was not written is lost.
        std::mem::forget(books);
        let books = open(folder.path());
        let found = removed
            .iter()
            .find(|hash| books.records().find(**hash).is_some());
        assert_eq!(found, None);
    }

    #[test]
    fn what_happens_while_the_ledger_is_written_anew_is_said_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        for hash in 0..100 {
            put(&books, hash << 56, 1);
        }
        let mut ledger = books.ledger.lock();
        let ledger = ledger.as_mut().unwrap();
        books.say(ledger).unwrap();
        let parts = (0..Index::PARTS).flat_map(|part| {
            let entries = books.records().part(part);
            if part == 50 {
                // One was copied, the other has yet to be, as has a new one.
                books.forget(|records| records.remove(10 << 56, Reach::All));
                books.forget(|records| records.remove(90 << 56, Reach::All));
                put(&books, 200 << 56, 1);
            }
            entries
        });
        ledger.rewrite(parts).unwrap();
        books.say(ledger).unwrap();
        let again = open(folder.path());
        let found = [10, 90, 200, 50].map(|hash| again.records().find(hash << 56).is_some());
        assert_eq!(found, [false, false, true, true]);
        assert_eq!(again.records().len(), books.records().len());
    }

    #[test]
    fn who_only_looks_waits_for_nobody_who_writes() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        let hanging = books.ledger.lock();
        put(&books, 1, 1);
        books.forget(|records| records.remove(2, Reach::All));
        assert!(books.settle().is_ok(), "nothing was removed");
        assert!(books.records().find(1).is_some());
        drop(hanging);
        assert!(books.give_up());
        assert_eq!(books.records().find(1), None);
    }

    #[test]
    fn only_what_was_written_since_the_start_is_within_the_reach_of_that() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        for hash in 1..=4 {
            put(&books, hash, 1);
        }
        drop(books.tidy());
        let books = open(folder.path());
        let again = put(&books, 2, 1);
        put(&books, 5, 1);
        books.forget(|records| records.remove(1, Reach::SinceStart));
        assert_eq!(books.records().find(2), Some(again));
        books.forget(|records| records.remove(4, Reach::All));
        books.forget(|records| records.clear(Reach::SinceStart));
        books.settle().unwrap();
        let reopened = open(folder.path());
        for books in [books, reopened] {
            let found = [1, 2, 3, 4, 5].map(|hash| books.records().find(hash).is_some());
            assert_eq!(found, [true, false, true, false, false]);
        }
    }

    #[test]
    fn a_ledger_that_could_not_say_something_is_not_believed_and_nothing_is_said_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let books = open(folder.path());
        put(&books, 1, 1);
        books.tidy().unwrap();
        books.forget(|records| records.remove(1, Reach::All));
        let full = |_: &mut Ledger| Err(std::io::ErrorKind::StorageFull.into());
        assert!(books.write(&mut books.ledger.lock(), full).is_err());
        assert!(books.settle().is_ok());
        drop(books);
        assert_eq!(open(folder.path()).records().len(), 0);
    }
}
