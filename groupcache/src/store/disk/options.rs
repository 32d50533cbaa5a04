use std::path::PathBuf;
use std::time::Duration;

use crate::Error;

/// Where a group keeps on disk what its memory has no room for, and how much of it. For
/// [`GroupBuilder::disk`](crate::GroupBuilder::disk); the guide is [`docs::disk`](crate::docs::disk).
///
/// ```
/// use groupcache::DiskOptions;
///
/// let disk = DiskOptions::new("/var/cache/thumbnails", 1 << 30).version(2);
/// # drop(disk);
/// ```
#[derive(Clone, Debug)]
pub struct DiskOptions {
    pub(super) folder: PathBuf,
    pub(super) bytes: usize,
    pub(super) version: u64,
    pub(super) write_queue_bytes: usize,
    pub(crate) restore_timeout: Duration,
}

/// Blocks are the pieces in which space is used again, and there must be some.
const SMALLEST: usize = 4 << 20;

/// What the pieces of 4 KiB of the index may take of memory.
const LARGEST: usize = 1 << 44;

/// As with the other time-outs, more is a mistake.
const LONGEST: Duration = Duration::from_secs(3600);

impl DiskOptions {
    /// Keeps up to `bytes` in a folder, which is made if it is not there. Several groups may share one: each has a folder of its
    /// own in it. Two processes may not: the second one goes on without. At least 4 MiB.
    ///
    /// Space is used again in pieces of a 32nd of it, or of 16 MiB. A value larger than half a piece stays away: with 1 GiB, one
    /// of more than 8 MiB. A record takes whole pages of 4 KiB, and about 40 bytes of memory, which are not charged to the group's budget.
    pub fn new(folder: impl Into<PathBuf>, bytes: usize) -> Self {
        Self {
            folder: folder.into(),
            bytes,
            version: 0,
            write_queue_bytes: 16 << 20,
            restore_timeout: Duration::from_secs(10),
        }
    }

    /// The version of what the values mean, such as that of their codec. Values that were written under another one are not
    /// read: the tier starts empty. Default: 0.
    pub fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// How many bytes of values may wait to be written. What comes beyond is not written, and
    /// [`Stats::disk_shed`](crate::Stats::disk_shed) counts it. No more than an eighth of the disk may wait, and the engine's buffers take
    /// twice as much memory, besides the budget. Default: 16 MiB; from 64 KiB to 1 GiB.
    pub fn write_queue_bytes(mut self, bytes: usize) -> Self {
        self.write_queue_bytes = bytes;
        self
    }

    /// How long the start may take to find out from the other nodes what was changed while this one was down. The group serves
    /// meanwhile, without its disk. What has not been found out by then costs the tier its entries. Default: 10 s; from 10 ms to
    /// an hour.
    pub fn restore_timeout(mut self, timeout: Duration) -> Self {
        self.restore_timeout = timeout;
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let within = |what, is_within, reason: &str| match is_within {
            true => Ok(()),
            false => Err(Error::invalid(what, reason)),
        };
        let sizes = SMALLEST..=LARGEST;
        within(
            "disk",
            sizes.contains(&self.bytes),
            "it has less than 4 MiB, or more than 16 TiB",
        )?;
        within(
            "write_queue_bytes",
            (64 << 10..=1 << 30).contains(&self.write_queue_bytes),
            "it is not between 64 KiB and 1 GiB",
        )?;
        within(
            "restore_timeout",
            (Duration::from_millis(10)..=LONGEST).contains(&self.restore_timeout),
            "it is not between 10 ms and an hour",
        )
    }

    /// The bytes of records that may wait to be written. What is written together lies in no order on disk, so that with more, what
    /// is new would give way with what is old.
    pub(super) fn write_queue(&self) -> usize {
        self.write_queue_bytes.min(self.bytes / 8)
    }

    /// The size of the pieces in which space is used again. No record is larger than half of one.
    pub(super) fn block(&self) -> usize {
        (self.bytes / 32).clamp(256 << 10, 16 << 20) / 4096 * 4096
    }

    /// The bytes of records that there is room for: one piece is being filled, and one is empty.
    pub(super) fn capacity(&self) -> u64 {
        (self.bytes - 2 * self.block()) as u64
    }
}
