//! Groups and keys in request targets.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Everything but `A-Za-z0-9-_~`. All servers of the family decode what is escaped; what is not may
/// be taken for something else on the way: a dot for a path segment `..`, a plus for a space.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Appends `bytes`, escaped.
pub(crate) fn escape(bytes: &[u8], target: &mut String) {
    target.extend(percent_encode(bytes, ESCAPED));
}

/// What a plus sign in a request target stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself, as in every URL's path.
    Plus,
    /// A space: golang's clients escape as for a query, where a plus itself is `%2B`.
    Space,
}

/// A percent sign without two hexadecimal digits after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The bytes that an escaped text stands for. Linear time; allocates only if anything is escaped.
pub(crate) fn unescape(text: &str, plus: Plus) -> Result<Cow<'_, [u8]>, Malformed> {
    let text = text.as_bytes();
    let special = |&byte: &u8| byte == b'%' || (byte == b'+' && plus == Plus::Space);
    let Some(first) = text.iter().position(special) else {
        return Ok(Cow::Borrowed(text));
    };
    let (plain, mut rest) = text.split_at(first);
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(plain);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'%' => {
                let (&[high, low], after) = rest.split_first_chunk().ok_or(Malformed)?;
                rest = after;
                hex(high)? << 4 | hex(low)?
            }
            b'+' if plus == Plus::Space => b' ',
            byte => byte,
        });
    }
    Ok(Cow::Owned(bytes))
}

fn hex(digit: u8) -> Result<u8, Malformed> {
    char::from(digit)
        .to_digit(16)
        .map(|value| value as u8)
        .ok_or(Malformed)
}

/// Splits `group/key` at the first slash. Like Go's servers, do this after unescaping: a group's
/// name has no slash, a key may have any number.
pub(crate) fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().position(|&byte| byte == b'/')?;
    Some((&path[..slash], &path[slash + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut target = String::new();
        escape(bytes, &mut target);
        target
    }

    #[test]
    fn only_letters_digits_and_three_marks_stay_as_they_are() {
        let all: Vec<u8> = (0..=255).collect();
        let kept: String = escaped(&all)
            .split('%')
            .map(|part| part.get(2..).unwrap_or(""))
            .collect();
        assert_eq!(
            kept,
            "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
        );
        assert_eq!(escaped(b"a b/..+%"), "a%20b%2F%2E%2E%2B%25");
    }

    #[test]
    fn a_plus_is_a_space_only_for_golang() {
        assert_eq!(
            unescape("a+b%2Bc", Plus::Space).unwrap(),
            b"a b+c".as_slice()
        );
        assert_eq!(
            unescape("a+b%2Bc", Plus::Plus).unwrap(),
            b"a+b+c".as_slice()
        );
    }

    #[test]
    fn a_percent_sign_needs_two_digits() {
        for text in ["%", "a%", "%4", "%4x", "%x4", "%%41", "%+1", "% 1"] {
            assert_eq!(unescape(text, Plus::Plus), Err(Malformed), "{text}");
        }
        assert_eq!(unescape("%c3%BC", Plus::Plus).unwrap(), "ü".as_bytes());
    }

    #[test]
    fn the_first_slash_ends_the_group() {
        assert_eq!(split(b"g/a/b"), Some((b"g".as_slice(), b"a/b".as_slice())));
        assert_eq!(split(b"g/"), Some((b"g".as_slice(), b"".as_slice())));
        assert_eq!(split(b"/k"), Some((b"".as_slice(), b"k".as_slice())));
        assert_eq!(split(b"g"), None);
    }

    proptest! {
        #[test]
        fn what_was_escaped_reads_back(bytes: Vec<u8>) {
            let text = escaped(&bytes);
            for plus in [Plus::Plus, Plus::Space] {
                prop_assert_eq!(unescape(&text, plus).unwrap(), bytes.as_slice());
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            for plus in [Plus::Plus, Plus::Space] {
                if let Ok(bytes) = unescape(&text, plus) {
                    prop_assert!(bytes.len() <= text.len());
                }
            }
        }
    }
}
