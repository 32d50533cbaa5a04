use std::time::SystemTime;

use super::{Epochs, Id};
use crate::Key;

/// A key in the making: a list of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a key exists once it is built"]
pub struct KeyBuilder {
    key: Vec<u8>,
}

impl KeyBuilder {
    /// Adds a text, as `AppendStrID` does. Go's texts are any bytes.
    pub fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        append_varint(&mut self.key, text.len() as u64);
        self.key.extend_from_slice(text);
        self.key.push(0);
        self
    }

    /// Adds an integer, as `AppendUint` does.
    pub fn integer(mut self, integer: u64) -> Self {
        append_varint(&mut self.key, integer);
        self.key.push(0);
        self
    }

    /// Adds the [number](Epochs::number) of the epoch that it is at `now` for `id`, as `AppendEpoch`
    /// does.
    pub fn epoch<'a>(self, epochs: Epochs, now: SystemTime, id: impl Into<Id<'a>>) -> Self {
        self.integer(epochs.number(now, id))
    }

    /// What there is so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.key
    }

    /// The key.
    pub fn build(self) -> Key {
        Key::from(self.key)
    }
}

fn append_varint(key: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        key.push(number as u8 | 0x80);
        number >>= 7;
    }
    key.push(number as u8);
}
