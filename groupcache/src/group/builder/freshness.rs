use std::time::Duration;

use super::group_builder::GroupBuilder;
use crate::Error;
use crate::lifetime::Freshness;
use crate::store::Aging;

/// Together with a time to live, this is still less than the time that a store takes for ever.
const LONGEST_WINDOW: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// # Freshness: how long a value is served
impl<G> GroupBuilder<G> {
    /// How long a value stays fresh that has no expiry of its own. A mirror of another node's value is
    /// kept no longer than this either. Default: no limit.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.freshness.ttl = Some(ttl);
        self
    }

    /// The most that chance takes off the [`ttl`](Self::ttl), for each value anew, so that values that
    /// were loaded together do not all expire together. A value's own expiry is exact. At most the `ttl`. Default: a
    /// tenth of the `ttl`.
    pub fn ttl_jitter(mut self, jitter: Duration) -> Self {
        self.freshness.ttl_jitter = Some(jitter);
        self
    }

    /// How long a key is "not found" without another call of the getter, once the getter has said that it has no value. A
    /// change of the key ends that. The node that has called the getter remembers the key, which mostly is the key's owner.
    /// Other nodes ask the owner. Such keys take 4 MiB at most; of more, the oldest are forgotten. Default: zero, each get that
    /// finds no value calls the getter.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use std::time::Duration;
    /// # use groupcache::{GetterError, Key, Node, NotFound};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// let users = node.group("users", 1 << 20, |_: Key| async { Err::<Vec<u8>, GetterError>(NotFound.into()) });
    /// let users = users.not_found_ttl(Duration::from_secs(5)).build()?;
    /// for _ in 0..1000 {
    ///     assert!(users.get("nobody").await.unwrap_err().is_not_found());
    /// }
    /// assert_eq!(users.stats().getter_calls, 1);
    /// # Ok(()) }
    /// ```
    pub fn not_found_ttl(mut self, ttl: Duration) -> Self {
        self.freshness.not_found_ttl = ttl;
        self
    }

    /// A shorter time to live for copies of what another node had in memory, such as those that a
    /// new owner takes over. Default: the value's own.
    pub fn peek_ttl(mut self, ttl: Duration) -> Self {
        self.freshness.peek_ttl = Some(ttl);
        self
    }

    /// How long a value is still served past its freshness, while one call in the background
    /// refreshes it. Default: zero, an expired value is gone. At most ten years; a longer window
    /// counts as that.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.freshness.aging.stale_window = window.min(LONGEST_WINDOW);
        self
    }

    /// How long a value is still served past its freshness if no other can be had: its load fails, takes too long or is
    /// refused, and no owner of the key answers. "Not found" is an answer. Default: zero, the get fails. At most ten years; a
    /// longer window counts as that.
    ///
    /// Such a get waits for the load to fail first, except in the [pause](Self::failure_pause) after failures. With
    /// [`stale_while_revalidate`](Self::stale_while_revalidate) it does not wait. A value of this node's memory has the source
    /// [`Source::Stale`](crate::Source::Stale). Over the native protocol an owner answers its peers in the same way, and they
    /// keep no copy. A peek, and a get that ends at its caller's own time limit, answer no such value. When an owner learns that
    /// there is no value, other nodes drop theirs the next time that they ask.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicBool, Ordering};
    /// # use std::time::Duration;
    /// # use groupcache::{GetterError, Key, Node, Source, Value};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// # let is_down = Arc::new(AtomicBool::new(false));
    /// # let database = Arc::clone(&is_down);
    /// # let load = move |_: Key| {
    /// #     let is_down = database.load(Ordering::SeqCst);
    /// #     async move {
    /// #         if is_down { return Err(GetterError::from("the database is down")) }
    /// #         Ok(Value::from("profile").expires_in(Duration::from_millis(1)))
    /// #     }
    /// # };
    /// let users = node.group("users", 1 << 20, load).stale_if_error(Duration::from_secs(3600)).build()?;
    /// users.get("ada").await?;
    /// # tokio::time::sleep(Duration::from_millis(2)).await;
    /// // The value expires, and then the database is down.
    /// # is_down.store(true, Ordering::SeqCst);
    /// let entry = users.entry("ada").await?;
    /// assert_eq!((entry.source(), &entry.value()[..]), (Source::Stale, &b"profile"[..]));
    /// # Ok(()) }
    /// ```
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.freshness.aging.error_window = window.min(LONGEST_WINDOW);
        self
    }

    /// How long before the end of its freshness a value is refreshed at the earliest, in the background, if it is still asked
    /// for. The moment depends on the key, so that values that were loaded together are refreshed one after the other. The last
    /// quarter of the time is left for the loads. At most half of the [`ttl`](Self::ttl) without its jitter. Default: zero, not
    /// before its end.
    ///
    /// Only the owner loads the value, once for the whole cluster. Other nodes fetch their mirrors again in the second half of
    /// the time. A mirror is fetched again at its end if nobody else has asked the owner by then, or if it has less than this
    /// time to live when it comes. A value whose whole life is less than twice this time is not refreshed ahead.
    pub fn refresh_ahead(mut self, time: Duration) -> Self {
        self.freshness.aging.refresh_ahead = time.min(LONGEST_WINDOW);
        self
    }

    /// How long a copy of another node's value may be served before it has to be fetched again, counted from when
    /// this node asked for it. In return, a change that did not reach a node which can have no more than such a copy waits
    /// until the copy has run out, and then returns `Ok`: see [Promises](crate::docs::promises#with-leases). All nodes
    /// need the same. Longer than [`stale_while_revalidate`](Self::stale_while_revalidate) and
    /// [`stale_if_error`](Self::stale_if_error): in the last part of its lease a copy counts as stale. Default: no limit, and no
    /// waiting.
    pub fn mirror_lease(mut self, lease: Duration) -> Self {
        self.freshness.mirror_lease = Some(lease);
        self
    }
}

impl Freshness {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let (Some(ttl), Some(jitter)) = (self.ttl, self.ttl_jitter)
            && jitter > ttl
        {
            let reason = format!("{jitter:?} is more than the ttl of {ttl:?} that it is taken off");
            return Err(Error::invalid("ttl_jitter", reason));
        }
        let Aging {
            refresh_ahead,
            stale_window,
            error_window,
        } = self.aging;
        if let Some(ttl) = self.shortest_ttl()
            && refresh_ahead > ttl / 2
        {
            let reason =
                format!("{refresh_ahead:?} is more than half of the shortest ttl of {ttl:?}");
            return Err(Error::invalid("refresh_ahead", reason));
        }
        for (name, window) in [
            ("stale_while_revalidate", stale_window),
            ("stale_if_error", error_window),
        ] {
            if let Some(lease) = self.mirror_lease.filter(|lease| *lease <= window) {
                let reason = format!("{lease:?} is not longer than the {name} of {window:?}");
                return Err(Error::invalid("mirror_lease", reason));
            }
        }
        Ok(())
    }
}
