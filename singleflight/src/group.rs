use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use crate::{Call, Claim, Landing};
use hashbrown::DefaultHashBuilder;

use crate::shard::{Claimed, Shard};
use crate::ticket::Ticket;

/// A power of two. Calls of two threads with different keys meet in one shard with a probability of
/// 1/64, and then for some tens of nanoseconds.
const SHARDS: usize = 64;

/// A name space of keys in which concurrent calls with one key become one call.
///
/// A group is cheap to clone, and all clones are the same group. It holds a key only while that key
/// has a flight.
///
/// See the [crate documentation](crate) for what callers can rely on.
pub struct Group<K, V, S = DefaultHashBuilder> {
    shards: Arc<[Arc<Shard<K, V>>]>,
    hasher: S,
}

impl<K, V> Group<K, V> {
    /// An empty group.
    pub fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder::default())
    }
}

impl<K, V, S> Group<K, V, S> {
    /// An empty group whose keys are hashed by `hasher`.
    ///
    /// The default hasher is fast and has a new seed in every process. If an attacker chooses the
    /// keys and can measure how long calls take, [`std::hash::RandomState`] resists better.
    pub fn with_hasher(hasher: S) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Arc::new(Shard::new())).collect(),
            hasher,
        }
    }

    /// The number of flights that can be joined at the moment. Visits the shards one after another,
    /// so the sum may belong to no single moment.
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.board.lock().len())
            .sum()
    }

    /// Whether no flight can be joined at the moment.
    pub fn is_empty(&self) -> bool {
        self.shards
            .iter()
            .all(|shard| shard.board.lock().len() == 0)
    }

    fn shard(&self, hash: u64) -> &Arc<Shard<K, V>> {
        // Fibonacci hashing mixes all bits of the hash into the shard's number. The table inside
        // the shard uses the lowest and the topmost bits, and hashers for integers may leave most
        // others empty.
        let spread = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(spread >> (64 - SHARDS.ilog2())) as usize]
    }
}

impl<K, V, S> Group<K, V, S>
where
    K: Eq + Hash,
    S: BuildHasher,
{
    /// Joins the flight of `key`, or starts one whose work is `work()`.
    ///
    /// Only the first caller's `work` is called, before `join` returns. The future that it returns
    /// runs inside the polls of the flight's calls, or of the flight's [`Driver`](crate::Driver).
    /// Other callers can join until that future has ended.
    ///
    /// A panic in `work` does not unwind from `join`: it is the result of the flight.
    ///
    /// Work that awaits a call with its own key waits for itself for ever. So do two works that
    /// await each other's keys.
    pub fn join<F, Fut>(&self, key: K, work: F) -> Call<K, V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        self.join_or_start(self.hasher.hash_one(&key), key, work)
    }

    /// Like [`join`](Self::join), but takes a borrowed key, and makes an owned key only for a new
    /// flight: a `String` from a `&str`, say.
    pub fn join_ref<'k, Q, F, Fut>(&self, key: &'k Q, work: F) -> Call<K, V>
    where
        K: Borrow<Q> + From<&'k Q>,
        Q: Eq + Hash + ?Sized,
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        let joined = shard.board.lock().join(hash, |held| held.borrow() == key);
        match joined {
            Some(number) => Call::new(Ticket::new(shard, hash, number), false),
            None => self.join_or_start(hash, K::from(key), work),
        }
    }

    /// Joins the flight of `key`, or starts one without work, whose result the caller brings itself.
    ///
    /// One piece of work may answer several keys, such as a query for many rows. Its caller claims each key,
    /// does the work for those that it got, and [lands](Landing::land) each with its own result.
    /// Meanwhile callers with one of these keys join its flight, by this method or by
    /// [`join`](Self::join). Callers cannot drive such a flight: it ends when its landing does.
    ///
    /// Two callers that claim several keys each, and wait for each other's before they bring their own,
    /// wait for ever.
    pub fn claim(&self, key: K) -> Claim<K, V> {
        let hash = self.hasher.hash_one(&key);
        let shard = self.shard(hash);
        let claimed = shard.board.lock().claim(hash, key);
        match claimed {
            Claimed::Mine(serial) => Claim::Mine(Landing::new(shard, hash, serial)),
            Claimed::Joined(number, _key) => {
                Claim::Joined(Call::new(Ticket::new(shard, hash, number), false))
            }
        }
    }

    fn join_or_start<F, Fut>(&self, hash: u64, key: K, work: F) -> Call<K, V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        let shard = self.shard(hash);
        let (number, unused) = shard.board.lock().join_or_start(hash, key);
        let call = Call::new(Ticket::new(shard, hash, number), unused.is_none());
        if call.is_first() {
            call.launch(work);
        }
        call
    }

    /// Lets the next caller with `key` start afresh. The work goes on for the callers that are
    /// waiting already, and they still get its result.
    ///
    /// Returns whether there was a flight that could be joined.
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let entry = self
            .shard(hash)
            .board
            .lock()
            .forget(hash, |held| held.borrow() == key);
        entry.is_some()
    }

    /// Lets the next caller with any key start afresh, as [`forget`](Self::forget) does for one
    /// key.
    ///
    /// This method visits the shards one after another. It may or may not forget a flight that
    /// starts meanwhile.
    pub fn forget_all(&self) {
        for shard in &*self.shards {
            let entries = shard.board.lock().forget_all();
            drop(entries);
        }
    }

    /// Whether there is a flight with `key` that can be joined at the moment.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        self.shard(hash)
            .board
            .lock()
            .contains(hash, |held| held.borrow() == key)
    }
}

impl<K, V, S: Default> Default for Group<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S: Clone> Clone for Group<K, V, S> {
    fn clone(&self) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
            hasher: self.hasher.clone(),
        }
    }
}

impl<K, V, S> fmt::Debug for Group<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("flights", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
        Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Counts all flights. `len` leaves out those that cannot be joined any more.
    fn held(group: &Group<u8, u8>) -> usize {
        group
            .shards
            .iter()
            .map(|shard| shard.board.lock().flights())
            .sum()
    }

    #[test]
    fn a_group_holds_nothing_once_its_flights_are_over() {
        let group = Group::new();
        let two = || [group.join(1, || ready(7)), group.join(1, || ready(7))];

        // Received by all, or left by some.
        assert!(two().into_iter().all(|call| poll(call).is_ready()));
        let [first, second] = two();
        assert!(poll(first).is_ready());
        assert_eq!((held(&group), group.len()), (1, 0));
        drop(second);
        assert_eq!(held(&group), 0);

        // Left by all.
        drop(two());
        drop(group.join(1, pending::<u8>));
        assert_eq!(held(&group), 0);

        // Forgotten.
        let calls = two();
        assert!(group.forget(&1));
        assert_eq!((held(&group), group.len()), (1, 0));
        assert!(calls.into_iter().all(|call| poll(call).is_ready()));
        assert_eq!(held(&group), 0);

        // Driven to the end, with callers and without.
        let [mut first, second] = two();
        assert!(poll(first.detach().unwrap()).is_ready());
        drop((first, second));
        assert!(poll(group.join(1, || ready(7)).detach().unwrap()).is_ready());
        assert_eq!(held(&group), 0);

        // Abandoned by the driver, after its callers and before.
        drop(group.join(1, || ready(7)).detach());
        let [mut first, second] = two();
        drop(first.detach());
        drop((first, second));
        assert_eq!(held(&group), 0);

        // Never started.
        drop(group.join(1, || -> std::future::Ready<u8> { panic!("no work") }));
        assert_eq!(held(&group), 0);
    }

    #[test]
    fn a_driver_that_finds_the_flight_over_leaves_nothing() {
        let group = Group::new();
        let inner = group.clone();
        let (send, receive) = std::sync::mpsc::channel::<Call<u8, u8>>();
        let (hand_out, drivers) = std::sync::mpsc::channel();
        let first = group.join(1, move || {
            std::future::poll_fn(move |_| {
                // The flight is detached while a caller polls the work, and that poll ends the
                // work.
                let mut first = receive.try_recv().unwrap();
                hand_out.send(first.detach().unwrap()).unwrap();
                Poll::Ready(7)
            })
        });
        send.send(first).unwrap();
        assert!(poll(inner.join(1, || ready(7))).is_ready());
        assert_eq!(held(&group), 1);
        assert!(poll(drivers.try_recv().unwrap()).is_ready());
        assert_eq!(held(&group), 0);
    }
}
