//! Keys made of parts: composed from segments, and taken apart again.
//!
//! `format!("{user}/{file}")` makes one key of the user `a/b` with the file `c` and of the user `a`
//! with the file `b/c`. A key composed by a [`KeyBuilder`] has one meaning: different lists of
//! segments never give the same key, and [`Segments`] gives the list back.
//!
//! ```
//! use groupcache::Key;
//!
//! let key = Key::builder().text("avatars").integer(42).text("200×200").build();
//! assert_eq!(key, Key::from("/avatars#42/200×200"));
//!
//! let mut segments = key.segments();
//! assert_eq!(segments.text()?, "avatars");
//! assert_eq!(segments.integer::<u64>()?, 42);
//! assert_eq!(segments.text()?, "200×200");
//! segments.end()?;
//! # Ok::<(), groupcache::keys::KeyError>(())
//! ```
//!
//! # The format
//!
//! A segment is a mark, which says where it begins and what it is, and a content that contains no
//! mark. Nothing else is in a key, so that it is valid UTF-8 without control characters, fit for
//! logs and for every protocol.
//!
//! | segment | mark | content |
//! |---|---|---|
//! | text | `/` | itself, but `/`, `#`, `$`, `~`, `%` and ASCII control characters are `%` and two hexadecimal digits |
//! | integer | `#` | decimal, without leading zeros |
//! | bytes | `$` | two hexadecimal digits a byte |
//! | epoch | `~` | decimal, without leading zeros |
//!
//! Hexadecimal digits are lower-case. Each segment has one encoding, and what is not the encoding
//! of something is an error; so a key that parses is also the key that its segments compose. Keys
//! that begin with the same segments begin with the same bytes. The order of keys means nothing.
//!
//! # Epochs
//!
//! An [epoch](KeyBuilder::epoch) in a key lets its value expire without anybody's saying so: when
//! the epoch is over, nobody asks for the key any more. That works over every protocol, also those
//! that cannot carry an expiry, and all nodes turn to the new value at the same time. See
//! [`Epochs`], which also keeps the keys of a family from turning over all at once.
//!
//! # Other programs' keys
//!
//! Keys are bytes, and any program that makes the same bytes asks for the same key. What Go programs
//! make with galaxycache's package `cachekey` has another format, which the module `galaxycache`
//! writes and reads (feature `galaxycache-keys`).

mod builder;
mod epochs;
mod error;
mod escape;
#[cfg(feature = "galaxycache-keys")]
pub mod galaxycache;
mod kind;
mod segment;
mod segments;

pub use builder::KeyBuilder;
pub use epochs::Epochs;
pub use error::KeyError;
pub use segment::Segment;
pub use segments::Segments;

use crate::Key;

impl Key {
    /// A key to be composed of segments; see [`keys`](crate::keys).
    pub fn builder() -> KeyBuilder {
        KeyBuilder::default()
    }

    /// The segments of a key that a [`KeyBuilder`] composed.
    pub fn segments(&self) -> Segments<'_> {
        Segments::new(self)
    }
}
