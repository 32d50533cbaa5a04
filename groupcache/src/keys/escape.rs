//! The encoding of a segment's content.

use std::borrow::Cow;

use super::kind::Kind;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Whether `%` and two digits stand for this character in a text.
fn is_escaped(byte: u8) -> bool {
    byte == b'%' || byte.is_ascii_control() || Kind::of_mark(byte).is_some()
}

pub(super) fn append_hex(key: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 0xf] {
        key.push(char::from(DIGITS[usize::from(digit)]));
    }
}

pub(super) fn append_text(key: &mut String, text: &str) {
    key.reserve(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) if is_escaped(byte) => {
                key.push('%');
                append_hex(key, byte);
            }
            _ => key.push(character),
        }
    }
}

/// Decodes a text; `None` if it is not the encoding of any.
pub(super) fn text(escaped: &str) -> Option<Cow<'_, str>> {
    let mut parts = escaped.split('%');
    let plain = parts.next().filter(|part| is_plain(part))?;
    if plain.len() == escaped.len() {
        return Some(Cow::Borrowed(plain));
    }
    let mut text = String::with_capacity(escaped.len());
    text.push_str(plain);
    for part in parts {
        let (code, plain) = part.split_at_checked(2)?;
        let byte = hex(code.as_bytes()).filter(|byte| is_escaped(*byte))?;
        text.push(char::from(byte));
        text.push_str(Some(plain).filter(|part| is_plain(part))?);
    }
    Some(Cow::Owned(text))
}

fn is_plain(part: &str) -> bool {
    !part.bytes().any(is_escaped)
}

/// Decodes bytes; `None` if the digits are not the encoding of any.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs.iter().map(|pair| hex(pair)).collect()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let &[high, low] = digits else { return None };
    let value = |digit| DIGITS.iter().position(|known| *known == digit);
    u8::try_from(value(high)? << 4 | value(low)?).ok()
}
