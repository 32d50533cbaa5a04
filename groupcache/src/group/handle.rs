use std::sync::Arc;

use byteview::ByteView;
use peers::Member;
use tokio::task::JoinHandle;

use super::get::Get;
use super::inner::Inner;
use super::many::{GetMany, in_order};
use crate::trace::{recorded, spans};
use crate::{Entry, Error, GetOptions, Key, Mode, Stats, Usage, Value};

/// A named key space with a getter and a budget of bytes. Clones are the same group.
///
/// Made by [`Node::group`](crate::Node::group). A group goes on working for its own callers when its
/// node has been shut down or dropped, as long as the runtime lives. It does not keep the node's
/// server alive: keep the [`Node`](crate::Node) for as long as peers may ask this group.
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
    /// The getter's error, from this node or from the key's owner, is
    /// [`is_not_found`](Error::is_not_found) or [`is_getter`](Error::is_getter).
    /// [`is_timeout`](Error::is_timeout), [`is_too_large`](Error::is_too_large) and
    /// [`is_overloaded`](Error::is_overloaded) name a limit of the group. Unreachable peers are no
    /// error: this node then loads the value itself.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time, which affects no other caller. A getter call that has
    /// begun goes on, and its value is cached.
    pub fn get<K: AsRef<[u8]>>(&self, key: K) -> impl Future<Output = Result<ByteView, Error>> {
        Get::new(&self.0, key)
    }

    /// Like [`get`](Self::get), with the source of the value.
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
            // Boxed, so that a hit does not carry the room for a miss.
            None => Box::pin(Arc::clone(&self.0).miss(Key::from(key))).await,
        }
    }

    /// Like [`entry`](Self::entry), with a time limit, or only from where the value is cached.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`is_unsupported`](Error::is_unsupported) for a
    /// [`Mode::Peek`] at an owner whose protocol has no peek.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_with_options(
        &self,
        key: impl AsRef<[u8]>,
        options: GetOptions,
    ) -> Result<Entry, Error> {
        let key = key.as_ref();
        if let Some(entry) = self.0.lookup_in(options.mode, key) {
            return Ok(entry);
        }
        let (inner, key) = (Arc::clone(&self.0), Key::from(key));
        let get = async {
            match options.mode {
                Mode::Normal => inner.miss(key).await,
                Mode::Peek => self.detached(inner.peek(key)).await,
                Mode::NoPeerLoad => self.detached(inner.get_without_peer_load(key)).await,
            }
        };
        match options.timeout {
            None => get.await,
            Some(limit) => self.0.runtime.timeout(limit, "a get", get).await,
        }
    }

    /// The values of several keys, in their order, each with its own outcome.
    ///
    /// Keys in memory are looked up at once and wait for nothing. The others cost one round with each of the nodes
    /// that own them, and their loads reach the getter [together](crate::Getter::get_many) if it can load
    /// several keys at once. A key that is listed twice, or that another get has under way, is fetched
    /// or loaded once. A slow load on another node holds the other keys of its round up for 20 ms at
    /// most: it comes with a later reply.
    ///
    /// Any number of keys will do: up to 4,096 missing ones are under way at a time, in up to 16 rounds of
    /// up to 1,024 keys. Over protocols without a message for several keys, a round is a get for
    /// each, sixteen at a time.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let greetings = node.group("greetings", 1 << 20, |key: Key| async move {
    /// #     Ok::<_, Infallible>(format!("hello {key}"))
    /// # });
    /// # let greetings = greetings.build()?;
    /// let outcomes = greetings.get_many(["ada", "grace", "ada"]).await;
    /// let values: Vec<_> = outcomes.into_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(values, ["hello ada", "hello grace", "hello ada"]);
    /// assert_eq!(greetings.stats().getter_calls, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// Values of one round are slices of one reply, of up to 8 MiB: a value that is kept for long keeps the
    /// others in memory, unless it is copied by [`ByteView::compact`].
    ///
    /// # Errors
    ///
    /// Those of each key, as of [`get`](Self::get). Each key counts as one get in the [`stats`](Self::stats).
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time, which affects no other caller. Loads that have begun go on, and
    /// their values are cached.
    pub async fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Vec<Result<ByteView, Error>> {
        let outcomes = self.get_many_with_options(keys, GetOptions::default());
        let outcomes = outcomes.await.into_iter();
        outcomes
            .map(|outcome| outcome.map(Entry::into_value))
            .collect()
    }

    /// Like [`get_many`](Self::get_many), with the sources of the values, a time limit, or only from where the
    /// values are cached. When the time is over, the keys without an outcome
    /// [timed out](Error::is_timeout).
    ///
    /// # Errors
    ///
    /// Those of each key, as of [`get_with_options`](Self::get_with_options).
    ///
    /// # Cancel safety
    ///
    /// As [`get_many`](Self::get_many).
    pub async fn get_many_with_options<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: GetOptions,
    ) -> Vec<Result<Entry, Error>> {
        in_order(GetMany::new(&self.0, keys, options)).await
    }

    /// Like [`get_many_with_options`](Self::get_many_with_options), with each outcome as it comes: a stream of
    /// the keys' indices and their outcomes. This method looks the keys up in memory, and the stream
    /// begins with those found. The rest begins when the stream asks for it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use groupcache::GetOptions;
    /// # use std::convert::Infallible;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let thumbnails = node.group("thumbnails", 1 << 20, |key: Key| async move {
    /// #     Ok::<_, Infallible>(format!("picture of {key}"))
    /// # });
    /// # let thumbnails = thumbnails.build()?;
    ///
    /// let names = ["cat.png", "dog.png"];
    /// let mut pictures = thumbnails.get_many_stream(names, GetOptions::default());
    /// while let Some((index, outcome)) = pictures.next().await {
    ///     println!("{}: {} bytes", names[index], outcome?.value().len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get_many_with_options`](Self::get_many_with_options).
    ///
    /// # Cancel safety
    ///
    /// The stream may be dropped at any time. Loads that have begun go on, and their values are cached.
    pub fn get_many_stream<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: GetOptions,
    ) -> GetMany {
        GetMany::new(&self.0, keys, options)
    }

    /// Makes the key's owner load the value, unless the owner has it cached. If the protocol has a warm-up,
    /// the value is not sent to this node.
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

    /// The members that own this group's keys.
    pub fn peers(&self) -> Vec<Member> {
        self.0.router.members()
    }

    /// Removes the value of `key` on every node.
    ///
    /// Once this returns `Ok`, no node serves or stores a value that was loaded before, even if its
    /// load was under way or its reply still on the wire. [Promises](crate::docs::promises) says what faults do to
    /// that. See [`remove_many`](Self::remove_many).
    ///
    /// # Errors
    ///
    /// [`failed_peers`](Error::failed_peers) are the peers that could not be reached, and may serve
    /// the old value to their own callers a while longer. All other nodes have removed it, and do not get it from
    /// them. Over the native protocol the others know whom they have to tell, and the first that reaches such a peer
    /// does, also if this node is gone by then. [`is_unsupported`](Error::is_unsupported) if the protocol has no
    /// removal: then only this node has removed the value.
    ///
    /// # Cancel safety
    ///
    /// A removal that has begun goes on when the future is dropped.
    pub async fn remove(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.remove_many([key]).await
    }

    /// Removes the values of many keys on every node, by one message to each peer, or by a few if the keys need much
    /// space.
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
        let span = spans::change("remove", self.name(), Some(keys.len()));
        let removal = Arc::clone(&self.0).remove_everywhere(keys);
        self.detached(recorded(span, removal)).await
    }

    /// Gives `key` a value. The key's owner keeps the value, and all other nodes forget what they
    /// hold, with the promise of [`remove`](Self::remove).
    ///
    /// Where another change of the key is under way, nobody can say which of the two is the later one. Then no node keeps
    /// the value, and the next get loads it. Other protocols than the native one cannot tell: of two sets at the same
    /// time the one stays that reaches the owner last.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove); if the owner is among the failed peers, no node keeps the
    /// value. [`is_too_large`](Error::is_too_large) for a key or value beyond the group's limits,
    /// after which nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// A set that has begun goes on when the future is dropped.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: impl Into<Value>) -> Result<(), Error> {
        let (key, value) = (Key::from(key.as_ref()), value.into());
        self.0.check_key(&key)?;
        self.0.check_value("a value", value.view())?;
        let span = spans::change("set", self.name(), Some(1));
        let set = Arc::clone(&self.0).set_everywhere(key, value);
        self.detached(recorded(span, set)).await
    }

    /// Removes all values of the group on every node, with the promise of [`remove`](Self::remove).
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Cancel safety
    ///
    /// As [`remove`](Self::remove).
    pub async fn clear(&self) -> Result<(), Error> {
        let span = spans::change("clear", self.name(), None);
        let clear = Arc::clone(&self.0).clear_everywhere();
        self.detached(recorded(span, clear)).await
    }

    /// Runs work on the node's runtime, to its end even if its caller goes away.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.spawn(work);
        task.await.unwrap_or_else(|_| Err(Error::abandoned()))
    }

    /// Starts work on the node's runtime, in the caller's context and span.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.runtime.spawn(work)
    }

    /// Counts of what the group has done so far, and what it holds.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// The memory that the group's values take, and how soon entries are evicted. Looks at one part of the
    /// store after the other.
    ///
    /// [`stats`](Self::stats) counts evictions, expirations, and values that were refused as larger
    /// than the whole budget.
    pub fn usage(&self) -> Usage {
        self.0.store.usage()
    }

    /// How the group's [disk](crate::GroupBuilder::disk) does; `None` without one.
    #[cfg(feature = "disk")]
    pub fn disk(&self) -> Option<crate::DiskReport> {
        self.0.disk_report()
    }

    /// Changes how many bytes the group may keep in memory, while it serves.
    ///
    /// A smaller budget holds on return: entries are evicted in small steps, between which other
    /// callers are served. A group that was built with a budget of zero goes on keeping nothing.
    pub fn set_budget(&self, bytes: usize) {
        self.0.store.set_budget(bytes);
    }
}
