use std::ops::{Bound, Range};

use super::info::ObjectInfo;
use super::piece::Piece;
use crate::{Error, Key};

/// One version of an object, as somebody reads it.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: Key,
    pub(super) info: ObjectInfo,
    pub(super) piece_bytes: u64,
}

impl Object {
    pub(super) fn piece(&self, index: u64) -> Piece {
        Piece {
            name: self.name.clone(),
            version: self.info.version().clone(),
            piece_bytes: self.piece_bytes,
            index,
        }
    }

    /// How many pieces there are.
    pub(super) fn pieces(&self) -> u64 {
        self.info.len().div_ceil(self.piece_bytes)
    }

    /// The indices of the pieces that have these bytes.
    pub(super) fn pieces_of(&self, range: &Range<u64>) -> Range<u64> {
        if range.is_empty() {
            return 0..0;
        }
        range.start / self.piece_bytes..range.end.div_ceil(self.piece_bytes)
    }

    /// The bytes that the bounds name. An end behind the object's is the object's.
    pub(super) fn resolve(
        &self,
        (start, end): (Bound<u64>, Bound<u64>),
    ) -> Result<Range<u64>, Error> {
        let len = self.info.len();
        let first = match start {
            Bound::Included(start) => Some(start),
            Bound::Excluded(before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let past = match end {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => end,
            Bound::Unbounded => u64::MAX,
        };
        match first {
            Some(first) if first <= len && first <= past => Ok(first..past.min(len)),
            _ => Err(Error::out_of_range((start, end), len)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeBounds;

    use proptest::prelude::*;

    use super::*;

    fn object(len: u64, piece_bytes: u64) -> Object {
        Object {
            name: Key::from("o"),
            info: ObjectInfo::new(len, "1"),
            piece_bytes,
        }
    }

    fn resolved(len: u64, bounds: impl RangeBounds<u64>) -> Option<Range<u64>> {
        let bounds = (bounds.start_bound().cloned(), bounds.end_bound().cloned());
        object(len, 1).resolve(bounds).ok()
    }

    #[test]
    fn ranges_are_those_of_a_slice_but_may_end_behind_the_object() {
        assert_eq!(resolved(10, ..), Some(0..10));
        assert_eq!(resolved(10, 3..=3), Some(3..4));
        assert_eq!(resolved(10, 3..100), Some(3..10));
        assert_eq!(resolved(10, ..=u64::MAX), Some(0..10));
        assert_eq!(resolved(10, 10..), Some(10..10));
        assert_eq!(resolved(10, 4..4), Some(4..4));
        assert_eq!(resolved(0, ..), Some(0..0));
        assert_eq!(resolved(u64::MAX, ..=u64::MAX), Some(0..u64::MAX));
        assert_eq!(resolved(10, 11..), None);
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 5..4;
        assert_eq!(resolved(10, reversed), None);
        assert_eq!(
            resolved(u64::MAX, (Bound::Excluded(u64::MAX), Bound::Unbounded)),
            None
        );
    }

    #[test]
    fn an_object_as_long_as_can_be_has_pieces() {
        let object = object(u64::MAX, 1 << 20);
        let last = object.pieces() - 1;
        assert_eq!(object.pieces_of(&(0..u64::MAX)), 0..last + 1);
        assert_eq!(object.piece(last).range(), last << 20..u64::MAX);
    }

    proptest! {
        #[test]
        fn pieces_have_the_bytes_of_a_range_once_and_in_order(
            len in 0_u64..200, piece_bytes in 1_u64..50, a in 0_u64..200, b in 0_u64..200,
        ) {
            let object = object(len, piece_bytes);
            let range = a.min(b).min(len)..a.max(b).min(len);
            let mut found = Vec::new();
            for index in object.pieces_of(&range) {
                let piece = object.piece(index).range();
                prop_assert!(!piece.is_empty());
                found.extend(piece.filter(|at| range.contains(at)));
            }
            prop_assert_eq!(found, range.collect::<Vec<_>>());
        }
    }
}
