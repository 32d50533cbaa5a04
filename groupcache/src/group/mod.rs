//! A group, and the get path.

mod budget;
mod builder;
mod catch_up;
mod change;
mod change_log;
mod counted;
mod drivers;
mod fence;
mod flights;
mod get;
mod getting;
mod inner;
mod limits;
mod load;
mod recent;
mod redelivery;
mod serve;

use std::sync::Arc;

use byteview::ByteView;
use peers::Member;

pub use budget::Usage;
pub use builder::GroupBuilder;
use getting::{Get, Missed, Stage};
pub(crate) use inner::Inner;

use crate::{Entry, Error, GetOptions, Key, Mode, Stats, Value};

/// A named key space with a getter and a budget of bytes. Clones are the same group.
///
/// Made by [`Node::group`](crate::Node::group). A group goes on working for its own callers when its
/// node has been shut down or dropped, as long as the runtime lives. It does not keep the node's
/// server alive, though: for as long as peers shall ask this group, keep the
/// [`Node`](crate::Node).
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
    pub fn get<K: AsRef<[u8]>>(&self, key: K) -> impl Future<Output = Result<ByteView, Error>> {
        Get {
            group: self,
            key,
            stage: Stage::Asked,
        }
    }

    /// What a get waits for that has not found its value in memory.
    fn missed(&self, key: &[u8]) -> Missed {
        let (inner, key) = (Arc::clone(&self.0), Key::from(key));
        Box::pin(async move { inner.miss(key).await })
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
        match self.0.lookup_entry(key) {
            Some(entry) => Ok(entry),
            None => self.missed(key).await,
        }
    }

    /// Like [`entry`](Self::entry), but with a time limit, or only from where it is cached already.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`is_unsupported`](Error::is_unsupported) for a
    /// [`Mode::Peek`] at an owner whose protocol has no such question.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_with(
        &self,
        key: impl AsRef<[u8]>,
        options: GetOptions,
    ) -> Result<Entry, Error> {
        let key = key.as_ref();
        let found = match options.mode {
            Mode::Normal => self.0.lookup_entry(key),
            Mode::Peek | Mode::NoPeerLoad => self.0.glance(key),
        };
        if let Some(entry) = found {
            return Ok(entry);
        }
        let key = Key::from(key);
        let get = async {
            match options.mode {
                Mode::Normal => self.0.miss(key).await,
                Mode::Peek => self.0.peek(key).await,
                Mode::NoPeerLoad => self.0.get_without_peers(key).await,
            }
        };
        match options.timeout {
            None => get.await,
            Some(limit) => tokio::time::timeout(limit, get)
                .await
                .unwrap_or_else(|_| Err(Error::timed_out("a get", limit))),
        }
    }

    /// Has the key's owner load its value, if it is not cached there, without sending it here where the protocol can
    /// say so.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// A warm-up that has begun goes on when the future is dropped.
    pub async fn warm_up(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.detached(Arc::clone(&self.0).warm_up(Key::from(key.as_ref())))
            .await
    }

    /// The members among which this group's keys are shared out.
    pub fn peers(&self) -> Vec<Member> {
        self.0.router.members()
    }

    /// Takes the value of `key` out, on every node.
    ///
    /// Once this returns `Ok`, no value that was loaded before is served or stored again on any
    /// node, also when its load was under way or its reply still on the wire. See
    /// [`remove_many`](Self::remove_many).
    ///
    /// # Errors
    ///
    /// [`failed_peers`](Error::failed_peers) are those that could not be told, and may serve the
    /// old value a while longer; all others have taken it out. They are
    /// [told again](GroupBuilder::redeliver_for) in the background, and over the native protocol also
    /// learn of it when they next fetch a value from the key's owner, or
    /// [ask it](GroupBuilder::catch_up_every) what has changed.
    /// [`is_unsupported`](Error::is_unsupported) if the protocol has no removal: then only this
    /// node has.
    ///
    /// # Cancel safety
    ///
    /// A removal that has begun goes on when the future is dropped.
    pub async fn remove(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.remove_many([key]).await
    }

    /// Takes the values of many keys out, on every node: two rounds with each peer, however many
    /// the keys.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Cancel safety
    ///
    /// As [`remove`](Self::remove).
    pub async fn remove_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        let keys: Vec<Key> = keys
            .into_iter()
            .map(|key| Key::from(key.as_ref()))
            .collect();
        self.0.check_keys(&keys)?;
        self.detached(Arc::clone(&self.0).remove_everywhere(keys))
            .await
    }

    /// Gives `key` a value. Its owner keeps it, and all other nodes forget what they hold, fenced
    /// like [`remove`](Self::remove).
    ///
    /// Of two sets at the same time one wins, on all nodes the same.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove); if the owner is among those that failed, nobody keeps the
    /// value. [`is_too_large`](Error::is_too_large) for a key or value beyond the group's limits,
    /// after which nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// A set that has begun goes on when the future is dropped.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: impl Into<Value>) -> Result<(), Error> {
        let (key, value) = (Key::from(key.as_ref()), value.into());
        self.0.check_keys(std::slice::from_ref(&key))?;
        self.0.check_value("a value", value.view())?;
        self.detached(Arc::clone(&self.0).set_everywhere(key, value))
            .await
    }

    /// Takes all values of the group out, on every node, fenced like [`remove`](Self::remove).
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Cancel safety
    ///
    /// As [`remove`](Self::remove).
    pub async fn clear(&self) -> Result<(), Error> {
        self.detached(Arc::clone(&self.0).clear_everywhere()).await
    }

    /// Runs a change to its end, whatever becomes of the caller.
    async fn detached(
        &self,
        change: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) -> Result<(), Error> {
        self.0
            .runtime
            .spawn(change)
            .await
            .unwrap_or_else(|_| Err(Error::abandoned()))
    }

    /// What the group has done so far, and what it holds.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}
