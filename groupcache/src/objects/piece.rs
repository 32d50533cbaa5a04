use std::ops::Range;
use std::str;

use super::version::ObjectVersion;
use crate::keys::{KeyBuilder, Segment, Segments};
use crate::{GetterError, Key};

/// The largest piece, in bytes: as large as the largest value of a group with default limits.
///
/// It also bounds what a peer's key makes a source read.
pub(super) const LARGEST_PIECE: u64 = 64 << 20;

/// What a key of the group asks for.
///
/// The keys are composed of segments, so that no name and no validator makes one key look like another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The info of the object of this name.
    Info(Key),
    Piece(Piece),
}

/// A part of one version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: Key,
    pub(super) version: ObjectVersion,
    /// The length of all pieces but the last. It is part of the key: nodes with different settings share no pieces, and
    /// never take one for another.
    pub(super) piece_bytes: u64,
    pub(super) index: u64,
}

const INFO: &str = "info";
const PIECE: &str = "piece";

/// The key of an object's info.
pub(super) fn info_key(name: &[u8]) -> Key {
    append(Key::builder().text(INFO), name).build()
}

impl Piece {
    pub(super) fn key(&self) -> Key {
        let key = append(Key::builder().text(PIECE), &self.name);
        append(key, self.version.validator())
            .integer(self.version.len())
            .integer(self.piece_bytes)
            .integer(self.index)
            .build()
    }

    /// Where the piece is in the object. Empty if it begins behind the end.
    pub(super) fn range(&self) -> Range<u64> {
        let len = self.version.len();
        let start = self.index.saturating_mul(self.piece_bytes).min(len);
        start..start.saturating_add(self.piece_bytes).min(len)
    }
}

impl TryFrom<&Key> for Wanted {
    type Error = GetterError;

    /// The key may come from a peer.
    fn try_from(key: &Key) -> Result<Self, GetterError> {
        let mut segments = key.segments();
        match &*segments.text()? {
            INFO => {
                let name = take(&mut segments)?;
                segments.end()?;
                Ok(Self::Info(name))
            }
            PIECE => {
                let (name, validator) = (take(&mut segments)?, take(&mut segments)?);
                let piece = Piece {
                    name,
                    version: ObjectVersion::new(segments.integer()?, validator),
                    piece_bytes: segments.integer()?,
                    index: segments.integer()?,
                };
                segments.end()?;
                if piece.piece_bytes > LARGEST_PIECE || piece.range().is_empty() {
                    return Err("the key names a piece that no object has".into());
                }
                Ok(Self::Piece(piece))
            }
            _ => Err("the key is neither that of an object nor that of a piece".into()),
        }
    }
}

/// As text where it is some, so that keys are read more easily in reports and logs.
fn append(key: KeyBuilder, bytes: &[u8]) -> KeyBuilder {
    match str::from_utf8(bytes) {
        Ok(text) => key.text(text),
        Err(_) => key.bytes(bytes),
    }
}

fn take(segments: &mut Segments<'_>) -> Result<Key, GetterError> {
    let missing = || GetterError::from("the key ends too early");
    match segments.next().ok_or_else(missing)?? {
        Segment::Text(text) => Ok(Key::from(&*text)),
        Segment::Bytes(bytes) => Ok(Key::from(&*bytes)),
        _ => Err("the key has a number where a name has to be".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(name: &[u8], validator: &[u8], len: u64, piece_bytes: u64, index: u64) -> Piece {
        Piece {
            name: Key::from(name),
            version: ObjectVersion::new(len, Key::from(validator)),
            piece_bytes,
            index,
        }
    }

    #[test]
    fn keys_read_well() {
        assert_eq!(info_key(b"a/b.mp4"), Key::from("/info/a%2fb.mp4"));
        let key = piece(b"b.mp4", b"\xff", 10, 4, 2).key();
        assert_eq!(key, Key::from("/piece/b.mp4$ff#10#4#2"));
    }

    #[test]
    fn keys_that_no_reader_makes_are_refused() {
        for key in [
            "",
            "b.mp4",
            "/other/b.mp4",
            "/info",
            "/info/a/b",
            "/info#1",
            "/piece/a/v#10#4",
            "/piece/a/v#10#4#2#0",
            "/piece/a/v#10#4#3",
            "/piece/a/v#0#4#0",
            "/piece/a/v#10#0#0",
            "/piece/a/v#-1#4#0",
            "/piece/a/v#18446744073709551616#4#0",
            "/piece/a/v#10#18446744073709551615#0",
            "/piece/a/v#10#4#18446744073709551615",
        ] {
            assert!(Wanted::try_from(&Key::from(key)).is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_piece_comes_back_from_its_key(
            name: Vec<u8>, validator: Vec<u8>, len in 1_u64.., piece_bytes in 1..=LARGEST_PIECE, share in 0.0..1.0,
        ) {
            let index = (share * (len.div_ceil(piece_bytes) - 1) as f64) as u64;
            let piece = piece(&name, &validator, len, piece_bytes, index);
            prop_assert!(piece.range().end - piece.range().start <= piece_bytes);
            prop_assert_eq!(Wanted::try_from(&piece.key()).unwrap(), Wanted::Piece(piece));
            prop_assert_eq!(Wanted::try_from(&info_key(&name)).unwrap(), Wanted::Info(Key::from(&*name)));
        }
    }
}
