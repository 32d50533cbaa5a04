use std::borrow::Cow;
use std::str;

use super::escape;
use super::kind::Kind;

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
