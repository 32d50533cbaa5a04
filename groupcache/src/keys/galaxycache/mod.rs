//! The keys that programs of vimeo/galaxycache make with its package `cachekey`, byte for byte: for
//! clusters in which both kinds of programs ask for the same keys. Needs the feature
//! `galaxycache-keys`.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use groupcache::keys::galaxycache::{Epochs, Fields, KeyBuilder};
//!
//! // The three values of the Go program's `EpochConfig`.
//! let zero = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let length = Duration::from_nanos(396_999_999_953);
//! let multiplier = Duration::from_nanos(330_999_999_991);
//! let epochs = Epochs::new(zero, length, multiplier).unwrap();
//!
//! let now = zero + Duration::from_secs(3600);
//! let key = KeyBuilder::default().text("clips").integer(42).epoch(epochs, now, 42).build();
//! assert_eq!(&key[..], b"\x05clips\0\x2a\0\x09\0");
//!
//! let mut fields = Fields::new(&key);
//! assert_eq!((fields.text()?, fields.integer()?, fields.integer()?), ("clips", 42, 9));
//! fields.end()?;
//! # Ok::<(), groupcache::keys::KeyError>(())
//! ```
//!
//! # The format
//!
//! A field is a text, or bytes, with its length before it, or an integer; and then a zero byte.
//! Lengths and integers are varints, seven bits a byte, the lowest first. Nothing tells the kinds of
//! fields apart: an empty text is the integer 0. So a key has one meaning only among keys that have
//! the same kinds of fields, and is read by asking for them in their order. Without a cluster to
//! join, prefer the keys of the [module above](super).
//!
//! [`Fields`] takes what `cachekey` writes, and nothing else: a varint that goes on for longer than
//! it has to, which Go would read, is malformed.

mod epochs;
mod fields;
mod key_builder;

pub use epochs::{Epochs, Id};
pub use fields::Fields;
pub use key_builder::KeyBuilder;
