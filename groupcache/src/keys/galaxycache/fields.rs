use std::str;

use crate::keys::KeyError;
use crate::keys::kind::Kind;

/// Takes a key apart, field by field: whoever does has to know which fields there are.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// What is left.
    rest: &'a [u8],
    /// Where in the key that begins.
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of a key.
    pub fn new(key: &'a [u8]) -> Self {
        Self { rest: key, at: 0 }
    }

    /// The next field, a text.
    ///
    /// # Errors
    ///
    /// [`is_unexpected`](KeyError::is_unexpected) at the end of the key;
    /// [`is_malformed`](KeyError::is_malformed) if a text cannot be written like this, or if it is not
    /// UTF-8. The field is not taken then.
    pub fn text(&mut self) -> Result<&'a str, KeyError> {
        self.take(Kind::Text, |rest| {
            let (text, length) = read_bytes(rest)?;
            Some((str::from_utf8(text).ok()?, length))
        })
    }

    /// The next field, a text of any bytes.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), for UTF-8.
    pub fn bytes(&mut self) -> Result<&'a [u8], KeyError> {
        self.take(Kind::Bytes, read_bytes)
    }

    /// The next field, an integer or the number of an epoch.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn integer(&mut self) -> Result<u64, KeyError> {
        self.take(Kind::Integer, |rest| {
            let (number, length) = read_varint(rest)?;
            ends(rest, length).then_some((number, length))
        })
    }

    /// Nothing more.
    ///
    /// # Errors
    ///
    /// [`is_unexpected`](KeyError::is_unexpected) if there is.
    pub fn end(self) -> Result<(), KeyError> {
        match self.rest {
            [] => Ok(()),
            _ => Err(KeyError::surplus(self.at)),
        }
    }

    /// Takes what `read` finds, with its length, and the zero byte after it.
    fn take<T>(
        &mut self,
        kind: Kind,
        read: impl FnOnce(&'a [u8]) -> Option<(T, usize)>,
    ) -> Result<T, KeyError> {
        if self.rest.is_empty() {
            return Err(KeyError::unexpected(self.at, Some(kind), None));
        }
        let (field, length) = read(self.rest).ok_or_else(|| KeyError::malformed(self.at))?;
        self.rest = &self.rest[length + 1..];
        self.at += length + 1;
        Ok(field)
    }
}

fn read_bytes(rest: &[u8]) -> Option<(&[u8], usize)> {
    let (length, start) = read_varint(rest)?;
    let end = usize::try_from(length).ok()?.checked_add(start)?;
    let bytes = rest.get(start..end)?;
    ends(rest, end).then_some((bytes, end))
}

fn ends(rest: &[u8], length: usize) -> bool {
    rest.get(length) == Some(&0)
}

/// The number, and how many bytes it takes. The last of them is zero only in the number zero.
fn read_varint(rest: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (index, byte) in rest.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * index);
        if shifted >> (7 * index) != bits {
            return None; // beyond 2^64
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            return (bits > 0 || index == 0).then_some((number, index + 1));
        }
    }
    None
}
