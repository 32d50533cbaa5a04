use std::fs;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::words::words;

/// What a node had heard of changes at some moment, and the members that it asks for the others after a restart.
///
/// The disk holds nothing that one of these changes has taken out. So after a restart it lacks only what the logs of the other
/// nodes have besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The members besides this node, by their ids, each with the start of it that this node had compared with; zero if it had
    /// yet to.
    pub(crate) members: Vec<(Box<str>, u64)>,
    /// The changes that this node had made, as a [version vector](peers::Knowledge::made).
    pub(crate) made: Vec<(u64, Vec<RangeInclusive<u64>>)>,
}

/// The first bytes of the file.
const MAGIC: &[u8; 8] = b"gchear01";

/// The most bytes that are read: those of a vector as large as one may be are fewer.
const MOST: u64 = 1 << 30;

impl Heard {
    /// Replaces what the file in the folder says. It says the one or the other if the process ends on the way.
    pub(super) fn write(&self, folder: &Path, definition: u64, is_synced: bool) -> io::Result<()> {
        let next = folder.join("heard.next");
        let mut file = fs::File::create(&next)?;
        file.write_all(&self.encode(definition))?;
        if is_synced {
            file.sync_data()?;
        }
        fs::rename(next, folder.join("heard"))
    }

    /// What the file says; `None` if there is none, or it is damaged, or about something else.
    pub(super) fn read(folder: &Path, definition: u64) -> Option<Self> {
        let path = folder.join("heard");
        let is_sane = fs::metadata(&path).is_ok_and(|file| file.len() <= MOST);
        let bytes = is_sane.then(|| fs::read(path).ok())??;
        Self::decode(&bytes, definition)
    }

    fn encode(&self, definition: u64) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut number = |number: u64| bytes.extend_from_slice(&number.to_le_bytes());
        number(definition);
        number(self.made.len() as u64);
        for (origin, ranges) in &self.made {
            number(*origin);
            number(ranges.len() as u64);
            for range in ranges {
                number(*range.start());
                number(*range.end());
            }
        }
        number(self.members.len() as u64);
        for (id, origin) in &self.members {
            let number = |number: u64| number.to_le_bytes();
            bytes.extend_from_slice(&number(*origin));
            bytes.extend_from_slice(&number(id.len() as u64));
            bytes.extend_from_slice(id.as_bytes());
        }
        let checksum = xxh3_64_with_seed(&bytes, 0);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8], definition: u64) -> Option<Self> {
        let (bytes, checksum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if xxh3_64_with_seed(bytes, 0) != words::<1>(checksum)[0] {
            return None;
        }
        let mut left = bytes.strip_prefix(MAGIC)?;
        let mut number = || {
            let (number, rest) = left.split_at_checked(8)?;
            left = rest;
            Some(words::<1>(number)[0])
        };
        if number()? != definition {
            return None;
        }
        let mut heard = Self::default();
        for _ in 0..number()? {
            let origin = number()?;
            let mut ranges = Vec::new();
            for _ in 0..number()? {
                ranges.push(number()?..=number()?);
            }
            heard.made.push((origin, ranges));
        }
        let members = number()?;
        for _ in 0..members {
            let (numbers, rest) = left.split_at_checked(16)?;
            let [origin, len] = words(numbers);
            let (id, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            left = rest;
            heard
                .members
                .push((str::from_utf8(id).ok()?.into(), origin));
        }
        Some(heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard() -> Heard {
        Heard {
            members: vec![("one".into(), 7), ("".into(), 0)],
            made: vec![(7, vec![1..=3, 5..=9]), (8, vec![])],
        }
    }

    #[test]
    fn what_was_heard_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Heard::read(folder.path(), 1), None);
        for heard in [heard(), Heard::default()] {
            heard.write(folder.path(), 1, true).unwrap();
            assert_eq!(Heard::read(folder.path(), 1), Some(heard));
            assert_eq!(Heard::read(folder.path(), 2), None);
        }
    }

    #[test]
    fn a_file_that_was_changed_in_any_bit_or_cut_anywhere_says_nothing() {
        let bytes = heard().encode(1);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Heard::decode(&bytes, 1), None, "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(Heard::decode(&bytes[..len], 1), None, "{len} bytes");
        }
    }
}
