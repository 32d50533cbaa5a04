use std::borrow::Cow;
use std::time::SystemTime;

use super::{Epochs, Segment};
use crate::Key;

/// A key in the making: a list of segments. Made by [`Key::builder`].
///
/// Clones are cheap enough to be made of a common beginning:
///
/// ```
/// use groupcache::Key;
///
/// let user = Key::builder().text("users").integer(42);
/// let avatar = user.clone().text("avatar").build();
/// let friends = user.text("friends").build();
/// assert_ne!(avatar, friends);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a key exists once it is built"]
pub struct KeyBuilder {
    key: String,
}

impl KeyBuilder {
    /// Adds a text.
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.segment(&Segment::Text(Cow::Borrowed(text.as_ref())))
    }

    /// Adds an integer. Its type leaves no trace: `7_u8` and `7_i64` are the same segment.
    pub fn integer(self, integer: impl Into<i128>) -> Self {
        self.segment(&Segment::Integer(integer.into()))
    }

    /// Adds bytes, which take up two characters each.
    pub fn bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.segment(&Segment::Bytes(Cow::Borrowed(bytes.as_ref())))
    }

    /// Adds the number of the epoch that it is at `now` for a key that begins as this one does so
    /// far. To be called last, when all that tells the key from others of its family is in.
    pub fn epoch(self, epochs: Epochs, now: SystemTime) -> Self {
        let number = epochs.number(self.as_bytes(), now);
        self.segment(&Segment::Epoch(number))
    }

    /// Adds any segment.
    pub fn segment(mut self, segment: &Segment<'_>) -> Self {
        segment.append_to(&mut self.key);
        self
    }

    /// What there is so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// The key.
    pub fn build(self) -> Key {
        Key::from(self.key)
    }
}

impl<'a> Extend<Segment<'a>> for KeyBuilder {
    fn extend<I: IntoIterator<Item = Segment<'a>>>(&mut self, segments: I) {
        for segment in segments {
            segment.append_to(&mut self.key);
        }
    }
}

impl<'a> FromIterator<Segment<'a>> for KeyBuilder {
    fn from_iter<I: IntoIterator<Item = Segment<'a>>>(segments: I) -> Self {
        let mut builder = Self::default();
        builder.extend(segments);
        builder
    }
}
