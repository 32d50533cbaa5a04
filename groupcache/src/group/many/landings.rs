use std::hash::BuildHasher as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use std::vec;

use futures_util::Stream;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry::{Occupied, Vacant};
use lru::DefaultHashBuilder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::rounds::Keyed;
use crate::{Entry, Error, Key};

/// The outcome of a key, with its place among the others.
type Landed = (usize, Result<Entry, Error>);

/// The outcomes of several keys, as they come. Ends early when nobody is left who could bring the rest.
///
/// The channel is unbounded, and holds no more than one outcome of each key. Outcomes that come together
/// are one message: each message may wake another thread.
pub(super) struct Landings {
    messages: UnboundedReceiver<Vec<Landed>>,
    /// The rest of the last message.
    rest: vec::IntoIter<Landed>,
    /// When that came.
    came: Option<Instant>,
    /// Outcomes still to come.
    open: usize,
}

impl Landings {
    /// No keys.
    pub(super) fn none() -> Self {
        Self::of(Vec::new()).0
    }

    /// The outcomes of these keys, each with its place; the keys as what is to be done; and where their outcomes go. A key
    /// that is listed twice is to be done once.
    pub(super) fn of(keys: Vec<(usize, Key)>) -> (Self, Vec<Wanted>, Outlet) {
        let (sender, messages) = unbounded_channel();
        let landings = Self {
            messages,
            rest: Vec::new().into_iter(),
            came: None,
            open: keys.len(),
        };
        (landings, once_each(keys), Outlet(sender))
    }

    /// Whether all outcomes have come.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0
    }

    /// When the last outcome came.
    pub(super) fn came(&self) -> Option<Instant> {
        self.came
    }
}

/// The keys without duplicates, each with all its places.
fn once_each(keys: Vec<(usize, Key)>) -> Vec<Wanted> {
    let hasher = DefaultHashBuilder::default();
    let hash = |key: &Key| hasher.hash_one(&**key);
    let mut wanted = Vec::<Wanted>::with_capacity(keys.len());
    let mut listed = HashTable::<usize>::with_capacity(keys.len());
    for (place, key) in keys {
        let is_same = |&at: &usize| wanted[at].key == key;
        match listed.entry(hash(&key), is_same, |&at| hash(&wanted[at].key)) {
            Occupied(first) => wanted[*first.get()].more.push(place),
            Vacant(new) => {
                new.insert(wanted.len());
                let more = Vec::new();
                wanted.push(Wanted { key, place, more });
            }
        }
    }
    wanted
}

impl Stream for Landings {
    type Item = Landed;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Landed>> {
        while !self.is_over() {
            if let Some(next) = self.rest.next() {
                self.open -= 1;
                return Poll::Ready(Some(next));
            }
            let Some(message) = ready!(self.messages.poll_recv(context)) else {
                break;
            };
            self.came = Some(Instant::now());
            self.rest = message.into_iter();
        }
        Poll::Ready(None)
    }
}

/// A key of a call, with the places where the call waits for its outcome.
pub(super) struct Wanted {
    pub(super) key: Key,
    place: usize,
    /// Further places of the same key.
    more: Vec<usize>,
}

impl Keyed for Wanted {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Where a call waits for outcomes: everybody who works on its keys has one. When the last is gone, the call takes the keys
/// without an outcome for abandoned.
#[derive(Clone)]
pub(super) struct Outlet(UnboundedSender<Vec<Landed>>);

impl Outlet {
    /// Sends the outcome of a key.
    pub(super) fn send(&self, wanted: Wanted, result: Result<Entry, Error>) {
        self.send_all([(wanted, result)]);
    }

    /// Sends the outcomes of several keys together.
    pub(super) fn send_all(
        &self,
        results: impl IntoIterator<Item = (Wanted, Result<Entry, Error>)>,
    ) {
        let results = results.into_iter();
        let mut message = Vec::with_capacity(results.size_hint().0);
        for (wanted, result) in results {
            for &place in &wanted.more {
                message.push((place, result.clone()));
            }
            message.push((wanted.place, result));
        }
        if !message.is_empty() {
            // The caller may have gone away.
            _ = self.0.send(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn keys(keys: &[&str]) -> Vec<(usize, Key)> {
        keys.iter().map(|key| Key::from(*key)).enumerate().collect()
    }

    fn places(landings: &mut Landings) -> Vec<usize> {
        let landed = std::iter::from_fn(|| landings.next().now_or_never().flatten());
        landed.map(|(place, _)| place).collect()
    }

    #[test]
    fn a_key_that_is_listed_twice_is_wanted_once_and_lands_at_all_its_places() {
        let (mut landings, wanted, outlet) = Landings::of(keys(&["a", "b", "a", "c", "a"]));
        let names: Vec<_> = wanted.iter().map(|wanted| wanted.key.clone()).collect();
        assert_eq!(names, ["a", "b", "c"].map(Key::from));
        let missing = || Err(Error::abandoned());
        outlet.send_all(wanted.into_iter().map(|wanted| (wanted, missing())));
        let mut places = places(&mut landings);
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3, 4]);
        assert!(landings.is_over());
    }

    #[test]
    fn the_outcomes_end_when_nobody_is_left_who_could_bring_the_rest() {
        let (mut landings, mut wanted, outlet) = Landings::of(keys(&["a", "b"]));
        let other = outlet.clone();
        other.send(wanted.remove(0), Err(Error::abandoned()));
        drop(other);
        assert_eq!(places(&mut landings), [0]);
        assert!(landings.next().now_or_never().is_none(), "one is left");
        drop(outlet);
        assert!(landings.next().now_or_never().flatten().is_none());
        assert!(landings.next().now_or_never().is_some() && !landings.is_over());
    }
}
