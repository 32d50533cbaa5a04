//! Which records on the disk count.
//!
//! The engine knows where bytes are. It does not know for sure which of them are out of date: a removal may be lost with its
//! process, and then the record is there again. So a *ledger* of this cache's own says which record of a key counts, by the
//! record's id, and all others are as good as not there.
//!
//! The ledger is a file to which entries of 32 bytes are appended: the hash of a key, the id of its record or zero for none,
//! the record's place in the order of writes, and a *chain*, the hash of these and of the chain before. So no entry can be changed, left out or moved without breaking the
//! chain. What breaks it ends the ledger.
//!
//! What was cut off at its end would not show. So a second file, the *mark*, says up to where the ledger must go, and what its
//! chain is there. It is written after each removal, before the removal is acknowledged. A ledger that does not get there may have
//! lost a removal, and is not believed at all: the tier starts empty.
//!
//! Records that were put down and not removed need no mark. If they are lost, values are lost, which is no harm.
//!
//! Both files are written, not synced: they survive the end of the process, however it comes, and not the loss of power. So the
//! mark names the boot of the machine. After another boot it counts only if it was closed in order, which syncs both.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::mem;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::mark::{self, Mark};
use super::words::words;

/// The bytes of an entry: hash, id, place, chain.
const ENTRY: usize = 32;

/// Entries are written when there are so many bytes of them.
const BUFFER: usize = 1024 * ENTRY;

/// A ledger is written anew when it has more than this, and more than twice what counts.
const SMALLEST: u64 = 1 << 16;

/// A record that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) id: u64,
    /// How many bytes had been written to the disk before it.
    pub(super) place: u64,
}

impl Slot {
    /// That of a key without a record.
    pub(super) const NONE: Self = Self { id: 0, place: 0 };
}

/// The records that count, by the hashes of their keys.
pub(super) type Slots = HashMap<u64, Slot>;

/// The files. Every method is a short write, which the page cache takes, but [`rewrite`](Self::rewrite), and
/// [`close`](Self::close), which syncs.
#[derive(Debug)]
pub(super) struct Ledger {
    folder: PathBuf,
    /// What the ledger is about: those of other groups are not believed.
    definition: u64,
    boot: [u8; 16],
    /// The number of the file: it is written anew under the next one.
    number: u64,
    file: File,
    mark: File,
    /// The bytes of all entries, with those in the buffer.
    end: u64,
    chain: u64,
    buffer: Vec<u8>,
    /// Whether the mark says that the ledger was closed.
    is_closed: bool,
}

/// Why a tier starts empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    /// There was nothing, or what was there is of another group or version.
    New,
    /// The machine has been started since, and the tier was not closed in order.
    OtherBoot,
    /// The ledger is damaged, or does not reach as far as it must.
    Damaged,
}

/// A ledger that was opened, and what it says.
pub(super) struct Opened {
    pub(super) ledger: Ledger,
    pub(super) slots: Slots,
    /// `None` if the entries count that were there.
    pub(super) fresh: Option<Fresh>,
}

impl Ledger {
    /// Opens the ledger in a folder, or begins one.
    pub(super) fn open(folder: &Path, definition: u64, boot: [u8; 16]) -> io::Result<Opened> {
        let mark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("mark"))?;
        let (contents, fresh) = match Contents::read(folder, &mark, definition, boot)? {
            Ok(contents) => (contents, None),
            Err((last, fresh)) => {
                let contents = Contents::none(folder, definition, last.wrapping_add(1))?;
                (contents, Some(fresh))
            }
        };
        let mut ledger = Self {
            folder: folder.into(),
            definition,
            boot,
            number: contents.number,
            file: contents.file,
            mark,
            end: contents.end,
            chain: contents.chain,
            buffer: Vec::new(),
            is_closed: false,
        };
        // From now on it has not been closed in order, also if the power is lost at once.
        ledger.write_mark(false)?;
        ledger.mark.sync_data()?;
        ledger.remove_others();
        let slots = contents.slots;
        Ok(Opened {
            ledger,
            slots,
            fresh,
        })
    }

    /// This record of the key counts from now on, or none. It may be a while until this is written; a removal is when it is
    /// [marked](Self::mark).
    pub(super) fn add(&mut self, hash: u64, Slot { id, place }: Slot) -> io::Result<()> {
        self.chain = link(self.chain, hash, id, place);
        let entry = [hash, id, place, self.chain].map(u64::to_le_bytes);
        self.buffer.extend_from_slice(entry.as_flattened());
        self.end += ENTRY as u64;
        match self.buffer.len() >= BUFFER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// What was added is written when this returns, and is not lost without being missed.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        self.flush()?;
        self.write_mark(false)
    }

    /// Writes what has gathered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Whether most of the entries say nothing any more, if so many count.
    pub(super) fn is_worn(&self, count: usize) -> bool {
        self.end > SMALLEST.max(2 * (count * ENTRY) as u64)
    }

    /// Begins a new ledger with these entries. They count, and all others do not, when this returns.
    pub(super) fn rewrite(
        &mut self,
        slots: impl IntoIterator<Item = (u64, Slot)>,
    ) -> io::Result<()> {
        self.buffer.clear();
        self.number = self.number.wrapping_add(1);
        self.file = create(&self.folder, self.number)?;
        (self.end, self.chain) = (0, seed(self.definition, self.number));
        for (hash, slot) in slots {
            self.add(hash, slot)?;
        }
        // Up to here the mark speaks of the ledger before.
        self.mark()?;
        _ = fs::remove_file(path(&self.folder, self.number.wrapping_sub(1)));
        Ok(())
    }

    /// Ends the ledger in order: it counts also when the machine has been started again.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()?;
        self.write_mark(true)?;
        self.mark.sync_data()
    }

    /// Has nobody believe the ledger any more.
    pub(super) fn void(&mut self) -> io::Result<()> {
        let removed = fs::remove_file(self.folder.join("mark"));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.mark.set_len(0),
            _ => Ok(()),
        }
    }

    /// Has the next [`open`](Self::open) find nothing.
    pub(super) fn discard(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join("mark")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_mark(&mut self, is_closed: bool) -> io::Result<()> {
        debug_assert!(self.buffer.is_empty());
        // A mark that says so is believed after a loss of power too, and so must not outlive what it says.
        let is_reopened = mem::replace(&mut self.is_closed, is_closed) && !is_closed;
        let mark = Mark {
            definition: self.definition,
            number: self.number,
            end: self.end,
            chain: self.chain,
            boot: self.boot,
            is_closed,
        };
        self.mark.seek(SeekFrom::Start(0))?;
        self.mark.write_all(&mark.encode())?;
        match is_reopened {
            true => self.mark.sync_data(),
            false => Ok(()),
        }
    }

    /// Removes ledgers that were given up.
    fn remove_others(&self) {
        for (number, path) in ledgers(&self.folder) {
            if number != self.number {
                _ = fs::remove_file(path);
            }
        }
    }
}

/// What a file of a ledger says.
struct Contents {
    number: u64,
    file: File,
    slots: Slots,
    end: u64,
    chain: u64,
}

impl Contents {
    /// What the files say: the ledger up to its last sound entry, or why it does not count, with the number of its file.
    fn read(
        folder: &Path,
        mut mark: &File,
        definition: u64,
        boot: [u8; 16],
    ) -> io::Result<Result<Self, (u64, Fresh)>> {
        let mut bytes = Vec::new();
        mark.seek(SeekFrom::Start(0))?;
        mark.take(mark::LEN as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(Err((0, Fresh::New)));
        }
        let mark = match Mark::decode(&bytes) {
            Some(mark) if mark.definition == definition => mark,
            Some(_) => return Ok(Err((newest(folder), Fresh::New))),
            None => return Ok(Err((newest(folder), Fresh::Damaged))),
        };
        if !mark.is_closed && (mark.boot != boot || boot == [0; 16]) {
            return Ok(Err((mark.number, Fresh::OtherBoot)));
        }
        let path = path(folder, mark.number);
        let damaged = Ok(Err((mark.number, Fresh::Damaged)));
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return damaged,
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes)?;
        let (mut slots, mut end, mut chain) = (Slots::new(), 0, seed(definition, mark.number));
        let mut reaches = mark.end == 0 && mark.chain == chain;
        for entry in bytes.chunks_exact(ENTRY) {
            let [hash, id, place, linked] = words(entry);
            let next = link(chain, hash, id, place);
            if next != linked {
                break;
            }
            chain = next;
            end += ENTRY as u64;
            match id {
                0 => drop(slots.remove(&hash)),
                id => drop(slots.insert(hash, Slot { id, place })),
            }
            reaches |= end == mark.end && chain == mark.chain;
        }
        if !reaches {
            return damaged;
        }
        file.set_len(end)?;
        Ok(Ok(Self {
            number: mark.number,
            file,
            slots,
            end,
            chain,
        }))
    }

    /// A new file.
    fn none(folder: &Path, definition: u64, number: u64) -> io::Result<Self> {
        Ok(Self {
            number,
            file: create(folder, number)?,
            slots: Slots::new(),
            end: 0,
            chain: seed(definition, number),
        })
    }
}

fn seed(definition: u64, number: u64) -> u64 {
    xxh3_64_with_seed(&number.to_le_bytes(), definition)
}

fn link(chain: u64, hash: u64, id: u64, place: u64) -> u64 {
    let entry = [hash, id, place].map(u64::to_le_bytes);
    xxh3_64_with_seed(entry.as_flattened(), chain)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("ledger-{number}"))
}

fn create(folder: &Path, number: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    options.open(path(folder, number))?;
    OpenOptions::new().append(true).open(path(folder, number))
}

/// All ledgers in the folder, by their numbers.
fn ledgers(folder: &Path) -> impl Iterator<Item = (u64, PathBuf)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let name = file.file_name();
        let number = name.to_str()?.strip_prefix("ledger-")?.parse().ok()?;
        Some((number, file.path()))
    })
}

fn newest(folder: &Path) -> u64 {
    ledgers(folder).map(|(number, _)| number).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOT: [u8; 16] = [1; 16];

    fn open(folder: &Path) -> Opened {
        Ledger::open(folder, 7, BOOT).unwrap()
    }

    fn slot(id: u64) -> Slot {
        Slot { id, place: id }
    }

    fn remove(ledger: &mut Ledger, hash: u64) {
        ledger.add(hash, Slot::NONE).unwrap();
        ledger.mark().unwrap();
    }

    fn all(slots: &Slots) -> impl Iterator<Item = (u64, Slot)> {
        slots.iter().map(|(hash, slot)| (*hash, *slot))
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn what_was_written_counts_after_the_process_has_ended_in_whatever_way() {
        let folder = tempfile::tempdir().unwrap();
        let Opened {
            mut ledger, fresh, ..
        } = open(folder.path());
        assert_eq!(fresh, Some(Fresh::New));
        ledger.add(1, slot(10)).unwrap();
        ledger.add(2, slot(20)).unwrap();
        remove(&mut ledger, 1);
        ledger.add(3, slot(30)).unwrap(); // and is in the buffer
        drop(ledger);
        let Opened { slots, fresh, .. } = open(folder.path());
        assert_eq!((slots, fresh), (Slots::from([(2, slot(20))]), None));
    }

    #[test]
    fn after_another_boot_only_what_was_closed_counts() {
        let folder = tempfile::tempdir().unwrap();
        let Opened { mut ledger, .. } = open(folder.path());
        ledger.add(1, slot(10)).unwrap();
        ledger.close().unwrap();
        drop(ledger);
        let again = Ledger::open(folder.path(), 7, [2; 16]).unwrap();
        assert_eq!((again.slots.len(), again.fresh), (1, None));
        drop(again);
        let again = Ledger::open(folder.path(), 7, BOOT).unwrap();
        assert_eq!(
            (again.slots.len(), again.fresh),
            (0, Some(Fresh::OtherBoot))
        );
    }

    #[test]
    fn a_ledger_of_another_definition_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let Opened { mut ledger, .. } = open(folder.path());
        ledger.add(1, slot(10)).unwrap();
        ledger.close().unwrap();
        let other = Ledger::open(folder.path(), 8, BOOT).unwrap();
        assert_eq!((other.slots.len(), other.fresh), (0, Some(Fresh::New)));
    }

    #[test]
    fn a_ledger_that_was_given_up_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let Opened { mut ledger, .. } = open(folder.path());
        ledger.add(1, slot(10)).unwrap();
        remove(&mut ledger, 2);
        ledger.void().unwrap();
        drop(ledger);
        assert!(open(folder.path()).slots.is_empty());
    }

    #[test]
    fn a_ledger_is_written_anew_before_it_is_much_longer_than_what_counts() {
        let folder = tempfile::tempdir().unwrap();
        let Opened {
            mut ledger,
            mut slots,
            ..
        } = open(folder.path());
        for id in 1..100_000 {
            slots.insert(id % 100, slot(id));
            ledger.add(id % 100, slot(id)).unwrap();
            if ledger.is_worn(slots.len()) {
                ledger.rewrite(all(&slots)).unwrap();
            }
            assert!(ledger.end <= SMALLEST + ENTRY as u64);
        }
        ledger.flush().unwrap();
        assert_eq!(files(folder.path()).len(), 2);
        drop(ledger);
        assert_eq!(open(folder.path()).slots, slots);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// The oracle: a map, and which keys have been removed after their last record.
        #[test]
        fn no_removed_record_counts_again_whatever_happens_to_the_files(
            changes in prop::collection::vec((0_u64..20, any::<bool>()), 1..200),
            harms in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 0..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let Opened { mut ledger, mut slots, .. } = open(folder.path());
            for (id, (hash, is_put)) in (1..).zip(changes) {
                if is_put {
                    slots.insert(hash, slot(id));
                    ledger.add(hash, slot(id)).unwrap();
                } else {
                    slots.remove(&hash);
                    remove(&mut ledger, hash);
                }
                if id % 64 == 0 {
                    ledger.rewrite(all(&slots)).unwrap();
                }
            }
            ledger.flush().unwrap();
            drop(ledger);
            let is_unharmed = harms.is_empty();
            for (file, place, is_cut) in harms {
                let file = file.get(&files(folder.path())).clone();
                let mut bytes = fs::read(&file).unwrap();
                if bytes.is_empty() {
                    continue;
                }
                if is_cut {
                    bytes.truncate(place.index(bytes.len()));
                } else {
                    let bit = place.index(bytes.len() * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                fs::write(&file, bytes).unwrap();
            }
            let found = open(folder.path()).slots;
            if is_unharmed {
                prop_assert_eq!(&found, &slots);
            }
            for (hash, slot) in &found {
                // An older record of a key that was written again is no removed one, but it is not the engine's last either.
                prop_assert!(slots.get(hash).is_some_and(|held| held.id >= slot.id), "{hash}");
            }
        }
    }
}
