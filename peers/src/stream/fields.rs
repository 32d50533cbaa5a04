//! Reads the fields of a message, one after the other. A message that ends too early is malformed.

use bytes::{Buf, Bytes};

use crate::Error;

/// The bytes of a message that are not read yet. `what` names the message in errors.
#[derive(Debug)]
pub(crate) struct Fields<B> {
    what: &'static str,
    rest: B,
}

impl<B: Buf> Fields<B> {
    pub(crate) fn of(what: &'static str, rest: B) -> Self {
        Self { what, rest }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.rest.try_get_u8().map_err(|_| self.too_short())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.rest.try_get_u16_le().map_err(|_| self.too_short())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.rest.try_get_u32_le().map_err(|_| self.too_short())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.rest.try_get_u64_le().map_err(|_| self.too_short())
    }

    /// A byte that is 1 or 0.
    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong("has a flag that is neither 0 nor 1")),
        }
    }

    /// This number of items, if there is room for so many of at least `least` bytes each.
    pub(crate) fn holds(&self, count: usize, least: usize) -> Result<usize, Error> {
        let needed = count.checked_mul(least);
        if needed.is_some_and(|needed| needed <= self.rest.remaining()) {
            Ok(count)
        } else {
            Err(self.too_short())
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.rest.has_remaining()
    }

    /// What is left.
    pub(crate) fn rest(self) -> B {
        self.rest
    }

    /// Refuses bytes behind the last field.
    pub(crate) fn end(self) -> Result<(), Error> {
        match self.rest.remaining() {
            0 => Ok(()),
            left => Err(Error::malformed(format!(
                "{} with {left} bytes behind its end",
                self.what
            ))),
        }
    }

    /// The message says something that it cannot say.
    pub(crate) fn wrong(&self, why: &str) -> Error {
        Error::malformed(format!("{} {why}", self.what))
    }

    fn too_short(&self) -> Error {
        self.wrong("is too short")
    }
}

impl<'a> Fields<&'a [u8]> {
    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.too_short())?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The next `length` bytes as text.
    pub(crate) fn text(&mut self, length: usize) -> Result<&'a str, Error> {
        let bytes = self.bytes(length)?;
        str::from_utf8(bytes).map_err(|_| self.wrong("has text that is not UTF-8"))
    }
}

impl Fields<Bytes> {
    /// The next `length` bytes, a slice of the message.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<Bytes, Error> {
        if length > self.rest.len() {
            return Err(self.too_short());
        }
        Ok(self.rest.split_to(length))
    }
}
