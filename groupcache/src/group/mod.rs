//! A group, and the get path.

mod builder;
mod counted;
mod flights;
mod get;
mod inner;
mod limits;
mod load;
mod serve;

use std::sync::Arc;

use byteview::ByteView;

pub use builder::GroupBuilder;
pub(crate) use inner::Inner;

use crate::{Entry, Error, Key, Stats};

/// A named key space with a getter and a budget of bytes. Clones are the same group.
///
/// Made by [`Node::group`](crate::Node::group). A group goes on working when its node has been shut
/// down or dropped, as long as the runtime lives.
#[derive(Clone, Debug)]
pub struct Group(pub(crate) Arc<Inner>);

impl Group {
    /// The group's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The value of `key`: from memory, from the node that owns it, or from the getter.
    ///
    /// However many callers on however many nodes ask at once, the getter runs once. A hit costs
    /// one hash and one probe, allocates nothing and does not yield.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) and [`is_getter`](Error::is_getter) are what the getter
    /// said, here or on the key's owner; [`is_timeout`](Error::is_timeout),
    /// [`is_too_large`](Error::is_too_large) and [`is_overloaded`](Error::is_overloaded) name a
    /// limit of the group. That peers cannot be reached is no error: the value is loaded here.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time, and nobody else who waits for the key is affected. A getter call
    /// that has begun goes on, and its value is cached.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<ByteView, Error> {
        self.entry(key).await.map(Entry::into_value)
    }

    /// Like [`get`](Self::get), and tells where the value came from.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn entry(&self, key: impl AsRef<[u8]>) -> Result<Entry, Error> {
        let key = key.as_ref();
        match self.0.lookup(key) {
            Some(entry) => Ok(entry),
            None => self.0.miss(Key::from(key)).await,
        }
    }

    /// What the group has done so far, and what it holds.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}
