use std::fmt;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use byteview::ByteView;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use peers::{ChangeId, VersionVector, WallClock};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::books::Books;
use super::counts::{Counts, count};
use super::engine::Engine;
use super::failed_reads::FailedReads;
use super::heard::Heard;
use super::ledger::{Fresh, Opened, Slot, Slots};
use super::options::DiskOptions;
use super::probes::Probes;
use super::record::{DiskKey, NEVER, Queued, Record};
use super::report::{DiskReport, DiskState};
use super::{fence, folder};
use crate::Key;
use crate::clock::SharedClock;
use crate::stats::Stats;
use crate::store::reach::Reach;

/// Where a group keeps on disk what its memory has no room for.
///
/// Below this are the engine, which has the bytes, and the books, which say what counts. Above it is the group, which says what is
/// forgotten, and what the node has heard of changes.
pub(crate) struct Disk {
    options: DiskOptions,
    folder: PathBuf,
    definition: u64,
    books: Books,
    engine: OnceLock<Engine>,
    state: Mutex<(DiskState, Option<String>)>,
    /// Whether the state is open, for those who come often.
    is_open: AtomicBool,
    queued: Arc<AtomicUsize>,
    counts: Counts,
    probes: Mutex<Probes>,
    failed_reads: FailedReads,
    /// What the node had heard when the entries from before the start were written; `None` if it is not known.
    heard: Option<Heard>,
    /// The changes that have taken out what they must of these entries. The node hears of many of them again.
    known: Mutex<VersionVector>,
    /// What was written of this last.
    written: Mutex<Option<Heard>>,
    /// Keeps the folder this tier's; `None` if it could not be opened.
    lock: Option<File>,
    clock: SharedClock,
    wall_clock: WallClock,
}

/// A value that was found on disk.
pub(crate) struct Found {
    pub(crate) value: ByteView,
    /// How long memory would have kept it; `None` for ever.
    pub(crate) left: Option<Duration>,
    hash: u64,
    slot: Slot,
}

/// A record that was written by a clock that was so much ahead is not old by this one.
const CLOCK_STEP: u64 = 1000;

/// A read that takes longer has failed: the group has other ways to the value.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// How long the end of a node waits for what has yet to be written, and then for the files.
const LONGEST_CLOSE: Duration = Duration::from_secs(10);

/// Values with less left to live are not worth a write.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

impl Disk {
    /// The disk of the group of this name. What is in its folder counts once it is [opened](Self::begin) and
    /// [restored](Self::open_up). If the folder cannot be used, the disk is degraded from the start.
    ///
    /// Reads the ledger, and syncs a mark. O(entries).
    pub(crate) fn new(
        options: DiskOptions,
        group: &str,
        clock: SharedClock,
        wall_clock: WallClock,
    ) -> Arc<Self> {
        // Names the group, and what its values mean.
        let definition = xxh3_64_with_seed(group.as_bytes(), options.version);
        let folder = options.folder.join(folder::name(group));
        let opened = folder::open(&folder, definition);
        let (lock, opened, trouble) = match opened {
            Ok((lock, opened)) => (Some(lock), Some(opened), None),
            Err(error) => (None, None, Some(error)),
        };
        let (ledger, slots) = match opened {
            Some(Opened {
                ledger,
                slots,
                fresh,
            }) => {
                match fresh {
                    None => {}
                    Some(Fresh::New) => tracing::debug!(group, "a disk begins empty"),
                    Some(fresh) => {
                        tracing::info!(group, ?fresh, "a disk is not believed, and begins empty");
                    }
                }
                (Some(ledger), slots)
            }
            None => (None, Slots::new()),
        };
        let heard = Heard::read(&folder, definition);
        let known = heard.as_ref().map(|heard| VersionVector::of(&heard.made));
        let known = known.unwrap_or_default();
        let disk = Self {
            books: Books::new(ledger, slots, options.capacity()),
            engine: OnceLock::new(),
            state: Mutex::new((DiskState::Opening, None)),
            is_open: AtomicBool::new(false),
            queued: Arc::default(),
            counts: Counts::default(),
            probes: Mutex::default(),
            failed_reads: FailedReads::default(),
            known: Mutex::new(known),
            heard,
            written: Mutex::new(None),
            lock,
            clock,
            wall_clock,
            options,
            folder,
            definition,
        };
        if let Some(error) = trouble {
            disk.fail("open", &error);
            disk.give_up();
        }
        Arc::new(disk)
    }

    /// Whether it has failed, or was closed.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state.lock().0, DiskState::Degraded | DiskState::Closed)
    }

    /// How it does, but for what only the group knows.
    pub(crate) fn report(&self) -> DiskReport {
        let (state, trouble) = self.state.lock().clone();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        DiskReport {
            state,
            trouble,
            budget: self.options.bytes as u64,
            entries: self.len() as u64,
            restored: load(&self.counts.restored),
            dropped: load(&self.counts.dropped),
            is_restorable: false,
            not_worth: load(&self.counts.not_worth),
            queued_bytes: self.queued.load(Ordering::Relaxed) as u64,
        }
    }

    /// Adds what it has counted.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        self.counts.add_to(stats);
        stats.disk_entries = self.len() as u64;
    }

    /// How long the start may take.
    pub(crate) fn restore_timeout(&self) -> Duration {
        self.options.restore_timeout
    }

    /// The group goes on without its disk. Said once.
    ///
    /// What is removed is put down as always, until [`tidy`](Self::tidy) has seen to it that nothing counts any more.
    fn fail(&self, what: &'static str, error: &io::Error) {
        count(&self.counts.errors);
        {
            let mut state = self.state.lock();
            self.is_open.store(false, Ordering::SeqCst);
            if state.0 == DiskState::Degraded {
                return;
            }
            *state = (DiskState::Degraded, Some(format!("{what}: {error}")));
        }
        let folder = self.folder.display();
        tracing::warn!(%folder, what, %error, "the disk of a group fails: the group goes on in memory");
    }

    fn is_degraded(&self) -> bool {
        self.state.lock().0 == DiskState::Degraded
    }

    /// No record counts any more, also after a restart. Blocks.
    fn give_up(&self) {
        if !self.books.give_up() {
            tracing::debug!(folder = %self.folder.display(), "a disk that has failed may be believed after a restart");
        }
        // Whoever has not got the folder cannot say so in the ledger.
        if self.lock.is_none()
            && let Err(error) = folder::void(&self.folder)
        {
            let folder = self.folder.display();
            tracing::debug!(%folder, %error, "a folder may be believed that somebody goes on without");
        }
    }
}

/// # What is forgotten
impl Disk {
    /// What was forgotten so far. Whoever may evict entries [notes](fence::within) it before.
    pub(crate) fn forgotten(&self) -> u64 {
        self.books.forgotten()
    }

    /// No value of the key that was written until now is found any more; after a restart none is once it is [settled](Self::settle).
    /// Whoever changes the key in memory calls this before that and after it: see [`Below::around`](crate::store::Below).
    pub(crate) fn forget(&self, key: &[u8], reach: Reach) {
        let hash = xxh3_64(key);
        self.books.forget(|records| records.remove(hash, reach));
    }

    /// The same for all keys.
    pub(crate) fn forget_all(&self, reach: Reach) {
        drop(self.books.forget(|records| records.clear(reach)));
    }

    /// What has been forgotten by now stays so, also after a restart. Writes to a file, if it was on disk.
    pub(crate) fn settle(&self) {
        if let Err(error) = self.books.settle() {
            self.fail("remove", &error);
        }
    }

    /// Whether the entries from before the start have been through this change.
    pub(crate) fn knew(&self, change: ChangeId) -> bool {
        self.known.lock().contains(change)
    }

    /// Whether they have been through all of `made` up to these changes.
    pub(crate) fn knew_all(&self, made: &VersionVector, up_to: &[ChangeId]) -> bool {
        let known = self.known.lock();
        up_to.iter().all(|id| !made.has_more_than(&known, *id))
    }

    /// From now on they have been through these changes too.
    pub(crate) fn note_known(&self, made: &[(u64, Vec<RangeInclusive<u64>>)]) {
        self.known.lock().insert_all(made);
    }
}

/// # What comes and goes
impl Disk {
    /// Takes a value that has left memory to make room, if it is worth it. What is on disk already stays as it is.
    pub(crate) fn offer(
        &self,
        key: &Key,
        value: impl FnOnce() -> Option<ByteView>,
        kept_until: Option<Instant>,
        was_wanted: bool,
    ) {
        if !self.is_open.load(Ordering::SeqCst) {
            return;
        }
        let Some(engine) = self.engine.get() else {
            return;
        };
        let now = self.clock.now();
        let left = kept_until.map(|until| until.saturating_duration_since(now));
        if left.is_some_and(|left| left < SHORTEST_LIFE) {
            return;
        }
        let hash = xxh3_64(key);
        {
            let mut records = self.books.records();
            let is_fresh_copy = |slot| !records.is_old(slot);
            if records.forgotten.has_since(hash, fence::began())
                || records.find(hash).is_some_and(is_fresh_copy)
            {
                return;
            }
            let is_on_disk = records.find(hash).is_some();
            if !was_wanted && !is_on_disk && !records.seen.note(hash) {
                return count(&self.counts.not_worth);
            }
        }
        let Some(value) = value() else { return };
        let size = Record::size(key.len(), value.len());
        if size > self.options.block() / 2 {
            return;
        }
        let queued = Queued::claim(&self.queued, size, self.options.write_queue());
        let Some(queued) = queued else {
            return count(&self.counts.shed);
        };
        let Slot { id, place } = {
            let mut records = self.books.records();
            // Since the look above it may have been forgotten.
            if records.forgotten.has_since(hash, fence::began()) {
                return;
            }
            records.put(hash, key.len(), value.len())
        };
        let written = millis(self.wall_clock.now());
        let record = Record {
            id,
            written,
            until: left.map_or(NEVER, |left| {
                let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                written.saturating_add(left)
            }),
            value,
            queued: Some(Arc::clone(&queued)),
        };
        count(&self.counts.writes);
        let key = DiskKey(key.clone());
        self.probes.lock().note(&key, place, &queued);
        drop(queued);
        engine.write(key, record);
    }

    /// The value of the key, if it is on disk, and sound. Waits for the disk, on no thread of the runtime.
    pub(crate) async fn load(&self, key: &Key) -> Option<Found> {
        if !self.is_open.load(Ordering::SeqCst) || self.failed_reads.is_resting(Instant::now()) {
            return None;
        }
        let hash = xxh3_64(key);
        let (slot, engine) = (self.books.records().find(hash)?, self.engine.get()?);
        let key = DiskKey(key.clone());
        // A damaged record must not end more than its own read.
        let read = AssertUnwindSafe(engine.read(&key)).catch_unwind();
        let read = match tokio::time::timeout(LONGEST_READ, read).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(io::Error::other("a read has panicked")),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let record = match read {
            Ok(Some(record)) if record.id == slot.id => {
                self.failed_reads.end();
                record
            }
            Ok(_) => {
                count(&self.counts.lost);
                self.books.records().lose(hash, slot);
                return None;
            }
            Err(error) => {
                tracing::debug!(%error, "a record cannot be read");
                count(&self.counts.errors);
                let is_late = error.kind() == io::ErrorKind::TimedOut;
                // A record that comes late is sound.
                if !is_late {
                    self.books.records().lose(hash, slot);
                }
                if self.failed_reads.note(Instant::now(), is_late) {
                    self.fail("read", &error);
                }
                return None;
            }
        };
        let found = Found {
            left: self.left(&record)?,
            value: record.value,
            hash,
            slot,
        };
        self.is_current(&found).then_some(found)
    }

    /// How long a record may be kept yet; `None` if its time is over, or cannot be told because the clock was put back.
    #[allow(clippy::option_option, reason = "the inner one stands for no end")]
    fn left(&self, record: &Record) -> Option<Option<Duration>> {
        let now = millis(self.wall_clock.now());
        if record.until == NEVER {
            return Some(None);
        }
        if now.saturating_add(CLOCK_STEP) < record.written {
            return None;
        }
        let left = record.until.checked_sub(now).filter(|left| *left > 0)?;
        Some(Some(Duration::from_millis(left)))
    }

    /// Whether there is a record of the key, or will be if those from before the start count.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.books.records().find(xxh3_64(key)).is_some()
    }

    /// Whether what was found has not been forgotten since.
    pub(crate) fn is_current(&self, found: &Found) -> bool {
        self.books.records().find(found.hash) == Some(found.slot)
    }

    /// What was found answers a get.
    pub(crate) fn note_hit(&self) {
        count(&self.counts.hits);
    }
}

/// # Start and end
impl Disk {
    /// Opens the engine. Afterwards the disk may be [opened up](Self::open_up).
    pub(crate) async fn begin(&self) {
        if self.is_over() {
            return;
        }
        let folder = self.folder.join("data");
        let open = async || {
            let open = AssertUnwindSafe(Engine::open(&folder, &self.options)).catch_unwind();
            let opened = open.await;
            opened.unwrap_or_else(|_| Err(io::Error::other("the engine has panicked")))
        };
        let opened = match open().await {
            Err(error) if is_there(&folder).await => {
                tracing::info!(%error, "a disk cannot be read, and begins empty");
                self.drop_entries();
                _ = tokio::fs::remove_dir_all(&folder).await;
                open().await
            }
            opened => opened,
        };
        match opened {
            Ok(engine) => drop(self.engine.set(engine)),
            Err(error) => self.fail("open", &error),
        }
    }

    /// The entries from before the start that count.
    pub(crate) fn len(&self) -> usize {
        self.books.records().len()
    }

    /// What the node had heard when the entries were written.
    pub(crate) fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }

    /// Drops all entries from before the start.
    pub(crate) fn drop_entries(&self) {
        let dropped = self.len() as u64;
        self.counts.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.forget_all(Reach::All);
        self.settle();
    }

    /// From now on the disk serves. What it has was restored, or dropped.
    pub(crate) fn open_up(&self) {
        self.counts
            .restored
            .store(self.len() as u64, Ordering::Relaxed);
        let mut state = self.state.lock();
        if state.0 == DiskState::Opening && self.engine.get().is_some() {
            state.0 = DiskState::Open;
            self.is_open.store(true, Ordering::SeqCst);
        }
    }

    /// Writes down what the node has heard by now, unless that is as before: all of it has been forgotten here. Blocks.
    pub(crate) fn write_heard(&self, heard: Heard) {
        // One at a time, so that the last one stays.
        let mut last = self.written.lock();
        if self.is_over() || last.as_ref() == Some(&heard) {
            return;
        }
        self.settle();
        match heard.write(&self.folder, self.definition, false) {
            Ok(()) => *last = Some(heard),
            Err(error) => self.fail("write", &error),
        }
    }

    /// Writes what has gathered, or sees to it that a disk that has failed is not believed. Blocks.
    pub(crate) fn tidy(&self) {
        if self.is_degraded() {
            // As long as the old ledger may be believed after a restart, that is to be prevented.
            return self.give_up();
        }
        if self.is_over() {
            return;
        }
        if let Err(error) = self.books.tidy() {
            return self.fail("tidy", &error);
        }
        let is_young = |place| self.books.records().is_young(place);
        if let Some(engine) = self.engine.get()
            && self.probes.lock().look(|key| engine.has(key), is_young)
        {
            let error = io::Error::other("what was written is not there: the disk may be full");
            self.fail("write", &error);
        }
    }

    /// Ends the disk in order: all of it counts again after the next start, also of the machine.
    pub(crate) async fn close(self: &Arc<Self>, heard: Option<Heard>) {
        self.is_open.store(false, Ordering::SeqCst);
        if !self.is_over()
            && let Some(engine) = self.engine.get()
        {
            match tokio::time::timeout(LONGEST_CLOSE, engine.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.fail("close", &error),
                // What was not written will not be found, which is no harm.
                Err(_) => {
                    tracing::warn!(folder = %self.folder.display(), "a disk has yet to write when it is closed");
                }
            }
        }
        let disk = Arc::clone(self);
        let ended = tokio::task::spawn_blocking(move || disk.end(heard));
        _ = tokio::time::timeout(LONGEST_CLOSE, ended).await;
    }

    fn end(&self, heard: Option<Heard>) {
        let _last = self.written.lock();
        if self.is_degraded() {
            return self.give_up();
        }
        if self.is_over() {
            return;
        }
        let ended = match heard {
            Some(heard) => heard.write(&self.folder, self.definition, true),
            None => Ok(()),
        };
        let ended = ended.and_then(|()| self.books.close());
        if let Err(error) = ended {
            self.fail("close", &error);
            return self.give_up();
        }
        // What is forgotten from now on is put down all the same.
        *self.state.lock() = (DiskState::Closed, None);
    }
}

impl Drop for Disk {
    /// What was written and not put down would not count. Blocks for a short write, unless the disk hangs.
    fn drop(&mut self) {
        if self.is_degraded() {
            self.give_up();
        } else if !self.is_over() {
            _ = self.books.tidy();
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("folder", &self.folder)
            .field("state", &self.state.lock().0)
            .finish_non_exhaustive()
    }
}

async fn is_there(folder: &Path) -> bool {
    tokio::fs::try_exists(folder).await.unwrap_or(false)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn disk(folder: &Path) -> Arc<Disk> {
        let options = DiskOptions::new(folder, 4 << 20);
        let disk = Disk::new(
            options,
            "g",
            Arc::new(lru::SystemClock),
            WallClock::default(),
        );
        disk.begin().await;
        disk.open_up();
        disk
    }

    fn offer(disk: &Disk, key: &Key, began: u64) {
        let value = || Some("value".into());
        fence::within(began, || disk.offer(key, value, None, true));
    }

    #[tokio::test]
    async fn a_value_that_left_memory_before_its_key_was_forgotten_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, key) = (disk(folder.path()).await, Key::from("k"));
        let began = disk.forgotten();
        // The entry has left memory, and the disk has yet to hear of it.
        disk.forget(&key, Reach::All);
        offer(&disk, &key, began);
        assert!(disk.load(&key).await.is_none());
        let began = disk.forgotten();
        disk.forget_all(Reach::All);
        offer(&disk, &key, began);
        assert!(disk.load(&key).await.is_none());
        offer(&disk, &key, disk.forgotten());
        assert!(disk.load(&key).await.is_some());
    }

    #[tokio::test]
    async fn what_was_found_is_not_current_once_it_was_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, key) = (disk(folder.path()).await, Key::from("k"));
        offer(&disk, &key, disk.forgotten());
        let found = disk.load(&key).await.unwrap();
        assert!(disk.is_current(&found));
        disk.forget(&key, Reach::All);
        assert!(!disk.is_current(&found));
        offer(&disk, &key, disk.forgotten());
        assert!(!disk.is_current(&found), "it is another one");
    }
}
