//! Looks at what this node has in memory, and removals by such looks.

use std::collections::HashSet;
use std::mem;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::yield_now;

use super::change::{name_once, verdict};
use super::handle::Group;
use super::inner::Inner;
use crate::trace::{recorded, spans};
use crate::{Cached, Entries, Error, Key};

/// How many keys `remove_if` removes together.
const KEYS_TOGETHER: usize = 1024;

/// After so many entries `remove_if` lets other tasks run.
const ENTRIES_AT_A_TIME: usize = 256;

/// # What this node has in memory
///
/// These methods ask no other node and no getter. They count as no gets, and the entries that they look at do not seem
/// used.
impl Group {
    /// Whether this node has a value of `key` in memory, be it stale. By the next moment that may have changed.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.inspect(key).is_some()
    }

    /// The value of `key` that this node has in memory, with its age, its expiry and its size.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use std::time::Duration;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let group = node.group("g", 1 << 20, |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) });
    /// let group = group.ttl(Duration::from_secs(60)).build()?;
    /// assert!(group.inspect("k").is_none());
    /// group.get("k").await?;
    /// let cached = group.inspect("k").expect("it was loaded just now");
    /// assert!(cached.fresh_for.is_some_and(|left| left <= Duration::from_secs(60)));
    /// assert_eq!(group.stats().gets, 1);
    /// # Ok(()) }
    /// ```
    pub fn inspect(&self, key: impl AsRef<[u8]>) -> Option<Cached> {
        self.0.store.inspect(key.as_ref())
    }

    /// The values that this node has in memory, own ones and mirrors, in no order.
    ///
    /// The iterator stops nobody: it looks at up to 64 places of the store at a time, and holds a lock for so long. So it
    /// is no picture of one moment. A value that stays during the whole iteration, or that is replaced by another of its
    /// key, is seen at least once, and twice only if others are removed meanwhile. A value that comes or goes meanwhile
    /// may or may not be seen. An iteration ends, however many values come. Each step clones the key and the value, which
    /// shares its bytes with the entry.
    ///
    /// Of a [store of one's own](crate::GroupBuilder::store) the iterator has up to 65,536 values, as far as
    /// [`Store::keys`](crate::Store::keys) lists them.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let group = node.group("g", 1 << 20, |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) });
    /// # let group = group.build()?;
    /// group.get_many(["a", "bb", "ccc"]).await;
    /// let longest = group.entries().max_by_key(|cached| cached.value.len());
    /// assert_eq!(longest.map(|cached| cached.key), Some(Key::from("ccc")));
    /// # Ok(()) }
    /// ```
    pub fn entries(&self) -> Entries<'_> {
        self.0.store.entries()
    }

    /// Up to `limit` different keys of the values that this node has in memory, in no order: the first that
    /// [`entries`](Self::entries) comes to.
    pub fn keys(&self, limit: usize) -> Vec<Key> {
        let mut seen = HashSet::new();
        let keys = self.entries().map(|cached| cached.key);
        keys.filter(|key| seen.insert(key.clone()))
            .take(limit)
            .collect()
    }

    /// Drops the values in this node's memory for which `predicate` returns true, and says how many. Other nodes keep
    /// theirs, and this node may get a value from them again: [`remove_if`](Self::remove_if) drops theirs too.
    ///
    /// Once this returns, no value of such a key that was loaded here before is stored any more, as after a
    /// [`remove`](Self::remove). Which values `predicate` sees is said at [`entries`](Self::entries): of a
    /// [store of your own](crate::Store) 65,536 at most. It runs without any lock; its panic ends the call. The call takes
    /// time in proportion to the number of entries: a large store is best looked through on a thread that may block.
    pub fn invalidate_if(&self, mut predicate: impl FnMut(&Cached) -> bool) -> usize {
        let matching = self.entries().filter(|cached| predicate(cached));
        let dropped = matching.map(|cached| self.0.remove_here(&[cached.key], None));
        dropped.count()
    }

    /// Removes the keys on every node for which `predicate` returns true, and says how many. `predicate` sees what this
    /// node has in memory, as [`entries`](Self::entries) says, of a [store of your own](crate::Store) 65,536 values at
    /// most. It cannot travel to other nodes, so that keys which only others have stay. To reach these too, call it on
    /// every node.
    ///
    /// The keys are removed as by [`remove_many`](Self::remove_many), up to 1,024 at a time, with its promise for each of
    /// them. A key that gets a new value after `predicate` has seen the old one may lose the new one too. `predicate` runs
    /// on a task of the node's runtime, and lets other tasks run every 256 entries or so.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let group = node.group("g", 1 << 20, |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) });
    /// # let group = group.build()?;
    /// group.get_many(["user:1", "user:2", "page:1"]).await;
    /// let removed = group.remove_if(|cached| cached.key.starts_with(b"user:")).await?;
    /// assert_eq!((removed, group.contains("page:1")), (2, true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`remove_many`](Self::remove_many), for all keys together: this node has removed them all, and the failed peers
    /// have missed some.
    ///
    /// # Cancel safety
    ///
    /// It goes on to its end when the future is dropped.
    ///
    /// # Panics
    ///
    /// If `predicate` panics. What was removed until then is removed.
    pub async fn remove_if(
        &self,
        predicate: impl FnMut(&Cached) -> bool + Send + 'static,
    ) -> Result<usize, Error> {
        let span = spans::change("remove_if", self.name(), None);
        let removal = Arc::clone(&self.0).remove_if_everywhere(predicate);
        match self.0.runtime.spawn(recorded(span, removal)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => Err(Error::abandoned()),
        }
    }
}

impl Inner {
    async fn remove_if_everywhere(
        self: Arc<Self>,
        mut predicate: impl FnMut(&Cached) -> bool + Send,
    ) -> Result<usize, Error> {
        let (mut removed, mut failed, mut batch) = (0, Vec::new(), Vec::new());
        let (mut entries, mut looks) = (self.store.entries(), 0);
        while let Some(cached) = entries.next() {
            looks += 1;
            if predicate(&cached) {
                batch.push(cached.key.clone());
            }
            drop(cached);
            // Values that the iterator has in hand would stay in memory while this waits.
            if entries.size_hint().0 > 0 {
                continue;
            }
            while batch.len() >= KEYS_TOGETHER {
                let rest = batch.split_off(KEYS_TOGETHER);
                let together = mem::replace(&mut batch, rest);
                removed += together.len();
                failed.extend(self.remove_from_all(together).await);
                name_once(&mut failed);
            }
            if looks >= ENTRIES_AT_A_TIME {
                looks = 0;
                yield_now().await;
            }
        }
        if !batch.is_empty() {
            removed += batch.len();
            failed.extend(self.remove_from_all(batch).await);
        }
        verdict(failed).map(|()| removed)
    }
}
