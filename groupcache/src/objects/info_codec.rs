use std::fmt;

use byteview::ByteView;

use super::info::ObjectInfo;
use crate::Codec;

/// The bytes of an [`ObjectInfo`], which come from peers and so may be anything.
///
/// A byte for the format, 1; the length, 8 bytes, as all numbers the lowest first; the validator; a byte that says what else
/// follows; the seconds after 1970 of the last change, 8 bytes; the media type. Texts begin with their length, 2 bytes.
#[derive(Debug)]
pub(super) struct InfoCodec;

const FORMAT: u8 = 1;
const HAS_MODIFIED: u8 = 1;
const HAS_CONTENT_TYPE: u8 = 2;

/// The longest validator and media type, in bytes.
const LONGEST: usize = 256;

/// Why there is no such info.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InfoError {
    NoValidator,
    TooLong { what: &'static str, bytes: usize },
    Malformed,
}

impl Codec<ObjectInfo> for InfoCodec {
    type EncodeError = InfoError;
    type DecodeError = InfoError;

    fn encode(&self, info: &ObjectInfo) -> Result<ByteView, InfoError> {
        let mut bytes = vec![FORMAT];
        bytes.extend(info.len().to_le_bytes());
        put(&mut bytes, "the validator", info.validator())?;
        let (modified, content_type) = (info.modified_seconds(), info.content_type());
        let mut flags = 0;
        if modified.is_some() {
            flags |= HAS_MODIFIED;
        }
        if content_type.is_some() {
            flags |= HAS_CONTENT_TYPE;
        }
        bytes.push(flags);
        if let Some(seconds) = modified {
            bytes.extend(seconds.to_le_bytes());
        }
        if let Some(content_type) = content_type {
            put(&mut bytes, "the media type", content_type.as_bytes())?;
        }
        if info.validator().is_empty() {
            return Err(InfoError::NoValidator);
        }
        Ok(bytes.into())
    }

    fn decode(&self, bytes: ByteView) -> Result<ObjectInfo, InfoError> {
        let mut rest = &bytes[..];
        let info = take_info(&mut rest).ok_or(InfoError::Malformed)?;
        // Info has one encoding: what is left over, or written in another way, is not ours.
        match self.encode(&info)? == bytes {
            true => Ok(info),
            false => Err(InfoError::Malformed),
        }
    }
}

fn put(bytes: &mut Vec<u8>, what: &'static str, text: &[u8]) -> Result<(), InfoError> {
    let too_long = |_| InfoError::TooLong {
        what,
        bytes: text.len(),
    };
    let len = Some(text.len()).filter(|len| *len <= LONGEST).ok_or(());
    let len = len.and_then(|len| u16::try_from(len).map_err(drop));
    bytes.extend(len.map_err(too_long)?.to_le_bytes());
    bytes.extend(text);
    Ok(())
}

fn take_info(rest: &mut &[u8]) -> Option<ObjectInfo> {
    if take(rest)? != [FORMAT] {
        return None;
    }
    let len = u64::from_le_bytes(take(rest)?);
    let mut info = ObjectInfo::new(len, take_text(rest)?);
    let [flags] = take(rest)?;
    if flags & HAS_MODIFIED != 0 {
        info = info.modified_at(Some(u64::from_le_bytes(take(rest)?)));
    }
    if flags & HAS_CONTENT_TYPE != 0 {
        info = info.with_content_type(std::str::from_utf8(take_text(rest)?).ok()?);
    }
    Some(info)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u16::from_le_bytes(take(rest)?);
    let (text, left) = rest.split_at_checked(len.into())?;
    *rest = left;
    Some(text)
}

impl fmt::Display for InfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValidator => f.write_str("the object has no validator"),
            Self::TooLong { what, bytes } => {
                write!(f, "{what} of {bytes} bytes is longer than {LONGEST} bytes")
            }
            Self::Malformed => f.write_str("these are not the bytes of an object's info"),
        }
    }
}

impl std::error::Error for InfoError {}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn known() -> ObjectInfo {
        ObjectInfo::new(u64::MAX, b"\0\xff")
            .with_content_type("video/mp4")
            .with_modified(UNIX_EPOCH + Duration::from_secs(7))
    }

    #[test]
    fn info_is_what_it_was_made_of() {
        for info in [ObjectInfo::new(0, "1"), known()] {
            let bytes = InfoCodec.encode(&info).unwrap();
            assert_eq!(InfoCodec.decode(bytes), Ok(info));
        }
    }

    #[test]
    fn the_bytes_stay_as_they_are_for_other_versions_of_a_program() {
        let bytes = InfoCodec.encode(&known()).unwrap();
        let expected = b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\xff\x03\x07\0\0\0\0\0\0\0\x09\0video/mp4";
        assert_eq!(bytes, *expected);
    }

    #[test]
    fn info_without_a_validator_or_with_long_texts_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        let refused = |info: &ObjectInfo| InfoCodec.encode(info).unwrap_err();
        assert_eq!(refused(&ObjectInfo::new(1, "")), InfoError::NoValidator);
        let is_too_long = |error| matches!(error, InfoError::TooLong { bytes: 257, .. });
        assert!(is_too_long(refused(&ObjectInfo::new(1, &long))));
        let info = ObjectInfo::new(1, "1").with_content_type(long);
        assert!(is_too_long(refused(&info)));
    }

    #[test]
    fn cut_or_longer_bytes_and_dates_that_do_not_exist_are_no_info() {
        let bytes = InfoCodec.encode(&known()).unwrap();
        for len in 0..bytes.len() {
            assert!(InfoCodec.decode(bytes.slice(..len)).is_err(), "{len}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(InfoCodec.decode(longer.into()), Err(InfoError::Malformed));
        let mut late = bytes.to_vec();
        late[14..22].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(InfoCodec.decode(late.into()), Err(InfoError::Malformed));
    }

    proptest! {
        #[test]
        fn whatever_decodes_is_its_own_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let begun = [&[FORMAT], &bytes[..]].concat();
            for bytes in [bytes, begun] {
                if let Ok(info) = InfoCodec.decode(bytes.clone().into()) {
                    prop_assert_eq!(InfoCodec.encode(&info).unwrap(), bytes);
                }
            }
        }
    }
}
