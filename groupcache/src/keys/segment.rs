use std::borrow::Cow;
use std::fmt;
use std::str;

use super::escape;

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Segment<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// An integer.
    Integer(i128),
    /// Any bytes.
    Bytes(Cow<'a, [u8]>),
    /// The number of an epoch; see [`Epochs`](super::Epochs).
    Epoch(u64),
}

/// What a segment is, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Text = b'/',
    Integer = b'#',
    Bytes = b'$',
    Epoch = b'~',
}

impl Kind {
    /// The kind that a byte is the mark of.
    pub(super) const fn of_mark(byte: u8) -> Option<Self> {
        match byte {
            b'/' => Some(Self::Text),
            b'#' => Some(Self::Integer),
            b'$' => Some(Self::Bytes),
            b'~' => Some(Self::Epoch),
            _ => None,
        }
    }

    const fn mark(self) -> char {
        self as u8 as char
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Bytes => "bytes",
            Self::Epoch => "an epoch",
        })
    }
}

impl<'a> Segment<'a> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Integer(_) => Kind::Integer,
            Self::Bytes(_) => Kind::Bytes,
            Self::Epoch(_) => Kind::Epoch,
        }
    }

    pub(super) fn append_to(&self, key: &mut String) {
        key.push(self.kind().mark());
        match self {
            Self::Text(text) => escape::append_text(key, text),
            Self::Integer(integer) => key.push_str(&integer.to_string()),
            Self::Bytes(bytes) => bytes.iter().for_each(|byte| escape::append_hex(key, *byte)),
            Self::Epoch(number) => key.push_str(&number.to_string()),
        }
    }

    /// The segment with this content; `None` if it is not the encoding of any.
    pub(super) fn parse(kind: Kind, content: &'a [u8]) -> Option<Self> {
        let content = str::from_utf8(content).ok()?;
        Some(match kind {
            Kind::Text => Self::Text(escape::text(content)?),
            Kind::Bytes => Self::Bytes(escape::bytes(content)?.into()),
            Kind::Integer => Self::Integer(canonical(content)?.parse().ok()?),
            Kind::Epoch => Self::Epoch(canonical(content)?.parse().ok()?),
        })
    }
}

/// A decimal number as it is written, not one of the other ways to read it.
fn canonical(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let plain = digits.starts_with(|first: char| matches!(first, '1'..='9'));
    (plain || number == "0").then_some(number)
}
