use std::any::type_name;
use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::{self, FromStr, Utf8Error};
use std::sync::Arc;

use byteview::Kept;
use lru::Equivalent;

/// A key: any bytes, usually text.
///
/// Up to 22 bytes are held in place; longer keys are allocated, and clones share the allocation.
///
/// A [`Getter`](crate::Getter) receives a key. A key reads like a byte slice, prints as text, and hashes
/// and compares exactly as its bytes do.
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
///
/// # Keys that are not text
///
/// A number becomes the key of its decimal digits, and [`parse`](Self::parse) turns a key back into a
/// number, or into any other type with [`FromStr`]. A struct becomes a key by
/// [segments](crate::keys), which no two structs share:
///
/// ```
/// use groupcache::Key;
/// use groupcache::keys::KeyError;
///
/// assert_eq!(Key::from(17_u64), Key::from("17"));
/// assert_eq!(Key::from("17").parse::<u64>()?, 17);
///
/// #[derive(Debug, PartialEq)]
/// struct Avatar {
///     user: u64,
///     size: String,
/// }
///
/// impl From<&Avatar> for Key {
///     fn from(avatar: &Avatar) -> Self {
///         Key::builder().integer(avatar.user).text(&avatar.size).build()
///     }
/// }
///
/// impl TryFrom<&Key> for Avatar {
///     type Error = KeyError;
///
///     fn try_from(key: &Key) -> Result<Self, KeyError> {
///         let mut segments = key.segments();
///         let (user, size) = (segments.integer()?, segments.text()?.into_owned());
///         segments.end()?;
///         Ok(Self { user, size })
///     }
/// }
///
/// let avatar = Avatar { user: 17, size: "200×200".to_owned() };
/// assert_eq!(Avatar::try_from(&Key::from(&avatar))?, avatar);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Key(Repr);

/// In place, a key is found with the entry that it is compared with, rather than behind a pointer.
#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

/// As many as make a key no larger than a length and a pointer aligned for both.
const INLINE: usize = 22;

impl Key {
    /// The key's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            // In bounds by construction.
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(bytes) => bytes,
        }
    }

    fn inline(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        let len = from.len() as u8;
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// The key as text.
    ///
    /// # Errors
    ///
    /// When the bytes are not UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(self)
    }

    /// The key as a number, or as another type that is made from text.
    ///
    /// # Errors
    ///
    /// When the key is not UTF-8, or its text is no `T`.
    pub fn parse<T: FromStr>(&self) -> Result<T, ParseKeyError>
    where
        T::Err: Into<Box<dyn Error + Send + Sync>>,
    {
        let failed = |source| ParseKeyError {
            key: self.clone(),
            wanted: type_name::<T>(),
            source,
        };
        let text = self.to_str().map_err(|error| failed(error.into()))?;
        text.parse().map_err(|error: T::Err| failed(error.into()))
    }

    /// The key as text if it is UTF-8, or else with each byte that is no printable ASCII escaped, as in
    /// `\xff`.
    pub fn escaped(&self) -> Cow<'_, str> {
        match self.to_str() {
            Ok(text) => text.into(),
            Err(_) => self.escape_ascii().to_string().into(),
        }
    }

    /// The key as text, with `U+FFFD` in place of bytes that are not UTF-8.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }
}

impl Deref for Key {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Key {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

/// Bytes to look a key up by.
#[derive(Hash)]
pub(crate) struct KeyRef<'a>(pub(crate) &'a [u8]);

impl Equivalent<Kept> for KeyRef<'_> {
    #[inline]
    fn equivalent(&self, kept: &Kept) -> bool {
        kept.key() == self.0
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self::inline(bytes).unwrap_or_else(|| Self(Repr::Shared(bytes.into())))
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

macro_rules! from_integer {
    ($($integer:ty)*) => {$(
        /// The decimal digits.
        impl From<$integer> for Key {
            fn from(number: $integer) -> Self {
                number.to_string().into()
            }
        }
    )*};
}

from_integer!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

/// Why [`Key::parse`] gave no value.
#[derive(Debug)]
pub struct ParseKeyError {
    key: Key,
    /// The name of a type.
    wanted: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for ParseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key {:?} is no {}", self.key, self.wanted)
    }
}

impl Error for ParseKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use byteview::{Arena, ByteView};

    use super::*;

    #[test]
    fn a_key_hashes_as_its_bytes_do() {
        let state = RandomState::new();
        assert_eq!(
            state.hash_one(Key::from("k")),
            state.hash_one(b"k".as_slice())
        );
        assert_eq!(state.hash_one(Key::from("k")), state.hash_one(KeyRef(b"k")));
    }

    #[test]
    fn keys_of_any_length_are_what_they_were_made_of() {
        let state = RandomState::new();
        for len in 0..100_u8 {
            let bytes: Vec<u8> = (0..len).collect();
            let key = Key::from(bytes.clone());
            assert_eq!(key.as_bytes(), bytes);
            assert_eq!(key.clone(), Key::from(bytes.as_slice()));
            let longer = Key::from([bytes.as_slice(), b"\0"].concat());
            assert!(key < longer && key != longer);
            let kept = Arena::new().keep(&key, &ByteView::new()).unwrap();
            assert!(KeyRef(&bytes).equivalent(&kept) && !KeyRef(&longer).equivalent(&kept));
            assert_eq!(state.hash_one(&kept), state.hash_one(KeyRef(&bytes)));
        }
        assert_eq!(size_of::<Key>(), 24);
    }

    #[test]
    fn a_key_need_not_be_text() {
        let key = Key::from(b"a\xff");
        assert!(key.to_str().is_err());
        assert_eq!(key.to_string(), "a\u{fffd}");
        assert_eq!(format!("{key:?}"), "\"a\\xff\"");
    }

    #[test]
    fn a_number_comes_back_and_other_keys_say_what_they_are_not() {
        for number in [i128::MIN, -1, 0, 1, i128::MAX] {
            assert_eq!(Key::from(number).parse::<i128>().unwrap(), number);
        }
        assert_eq!(Key::from(u8::MAX), Key::from("255"));
        let error = Key::from("one").parse::<u8>().unwrap_err();
        assert_eq!(error.to_string(), "the key \"one\" is no u8");
        assert!(error.source().unwrap().is::<std::num::ParseIntError>());
        assert!(Key::from(b"\xff").parse::<String>().is_err());
    }
}
