use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use byteview::ByteView;
use foyer::{Code, Error, ErrorKind};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::words::words;
use crate::Key;

/// A key as the engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DiskKey(pub(super) Key);

/// A value on disk, with what is to be known of it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Names this writing of the key: of all records that the engine may find, only the one that the ledger names counts.
    pub(super) id: u64,
    /// When it was written, in milliseconds since 1970.
    pub(super) written: u64,
    /// Until when memory would have kept it; [`NEVER`] for no end.
    pub(super) until: u64,
    pub(super) value: ByteView,
    /// Counts the bytes that wait to be written; `None` for a record that was read.
    #[allow(dead_code, reason = "it counts when it is dropped")]
    pub(super) queued: Option<Arc<Queued>>,
}

/// The end of a value that has none.
pub(super) const NEVER: u64 = u64::MAX;

/// No record is longer; a length that says so is damaged.
const LONGEST: usize = 1 << 30;

/// The bytes before the value: id, times, length and checksum.
const HEAD: usize = 40;

/// Room in the queue of writes. It is given back when the engine has let go of the record: written or not.
#[derive(Debug)]
pub(super) struct Queued {
    bytes: usize,
    in_all: Arc<AtomicUsize>,
}

impl Queued {
    /// `None` if the queue has no room.
    pub(super) fn claim(in_all: &Arc<AtomicUsize>, bytes: usize, most: usize) -> Option<Arc<Self>> {
        let claim = |queued: usize| queued.checked_add(bytes).filter(|queued| *queued <= most);
        in_all.fetch_update(Relaxed, Relaxed, claim).ok()?;
        let in_all = Arc::clone(in_all);
        Some(Arc::new(Self { bytes, in_all }))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.in_all.fetch_sub(self.bytes, Relaxed);
    }
}

impl Record {
    /// Of the head. The engine has one of all, which it checks when it reads the record; this one does not depend on it.
    fn checksum(&self) -> u64 {
        let head = [self.id, self.written, self.until, self.value.len() as u64];
        let head = head.map(u64::to_le_bytes);
        xxh3_64_with_seed(head.as_flattened(), 0)
    }

    /// The bytes that it takes on disk, about.
    pub(super) fn size(key: usize, value: usize) -> usize {
        // The engine has a head of its own, and begins each record at a page.
        (HEAD + 64 + key + value).next_multiple_of(4096)
    }
}

impl Code for DiskKey {
    fn encode(&self, writer: &mut impl Write) -> Result<(), Error> {
        writer.write_all(&self.0).map_err(Error::io_error)
    }

    fn decode(reader: &mut impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(Error::io_error)?;
        Ok(Self(bytes.into()))
    }

    fn estimated_size(&self) -> usize {
        self.0.len()
    }
}

impl Code for Record {
    fn encode(&self, writer: &mut impl Write) -> Result<(), Error> {
        let len = self.value.len() as u64;
        let head = [self.id, self.written, self.until, len, self.checksum()];
        let head = head.map(u64::to_le_bytes);
        writer
            .write_all(head.as_flattened())
            .and_then(|()| writer.write_all(&self.value))
            .map_err(Error::io_error)
    }

    fn decode(reader: &mut impl Read) -> Result<Self, Error> {
        let mut head = [0; HEAD];
        reader.read_exact(&mut head).map_err(Error::io_error)?;
        let [id, written, until, len, checksum] = words(&head);
        let damaged = || Error::new(ErrorKind::ChecksumMismatch, "a record is damaged");
        let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST);
        let len = len.ok_or_else(damaged)?;
        // More room comes with the bytes: the length may be wrong.
        let mut value = Vec::with_capacity(len.min(16 << 20));
        let read = reader.take(len as u64).read_to_end(&mut value);
        let read = read.map_err(Error::io_error)?;
        let record = Self {
            id,
            written,
            until,
            value: value.into(),
            queued: None,
        };
        if read != len || record.checksum() != checksum {
            return Err(damaged());
        }
        Ok(record)
    }

    fn estimated_size(&self) -> usize {
        HEAD + self.value.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            id: 7,
            written: 1,
            until: NEVER,
            value: "some value".into(),
            queued: None,
        }
    }

    #[test]
    fn a_record_whose_head_was_changed_in_any_bit_or_that_was_cut_anywhere_is_refused() {
        let mut bytes = Vec::new();
        record().encode(&mut bytes).unwrap();
        let read = Record::decode(&mut &bytes[..]).unwrap();
        assert_eq!((read.id, &*read.value), (7, &b"some value"[..]));
        for bit in 0..HEAD * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&mut &bytes[..]).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Record::decode(&mut &bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn the_queue_has_room_again_when_a_record_is_gone() {
        let in_all = Arc::default();
        let first = Queued::claim(&in_all, 6, 10).unwrap();
        assert!(Queued::claim(&in_all, 5, 10).is_none());
        drop(first);
        assert!(Queued::claim(&in_all, 5, 10).is_some());
    }
}
