use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::{self, Utf8Error};
use std::sync::Arc;

/// A key: any bytes, usually text. Clones share one allocation.
///
/// A key is what a [`Getter`](crate::Getter) is given. It reads like a byte slice, prints as text,
/// and hashes and compares exactly as its bytes do.
///
/// ```
/// use groupcache::Key;
///
/// let key = Key::from("cat.png");
/// assert_eq!(key.to_str()?, "cat.png");
/// assert_eq!(format!("thumbnail of {key}"), "thumbnail of cat.png");
/// assert!(key.ends_with(b".png"));
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as text.
    ///
    /// # Errors
    ///
    /// When the bytes are not UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(&self.0)
    }

    /// The key as text, with `U+FFFD` in place of what is not UTF-8.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.as_slice().into())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_key_hashes_as_its_bytes_do() {
        let state = RandomState::new();
        assert_eq!(
            state.hash_one(Key::from("k")),
            state.hash_one(b"k".as_slice())
        );
    }

    #[test]
    fn a_key_need_not_be_text() {
        let key = Key::from(b"a\xff");
        assert!(key.to_str().is_err());
        assert_eq!(key.to_string(), "a\u{fffd}");
        assert_eq!(format!("{key:?}"), "\"a\\xff\"");
    }
}
