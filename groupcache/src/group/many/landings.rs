use std::collections::{HashMap, hash_map};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_util::Stream;
use lru::DefaultHashBuilder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::rounds::Keyed;
use crate::{Entry, Error, Key};

/// The outcome of a key, with its place among the others.
type Landed = (usize, Result<Entry, Error>);

/// The outcomes of several keys, as they come.
///
/// The channel is unbounded, and holds no more than one outcome of each key. Outcomes that come together
/// are one message: each message may wake another thread.
pub(super) struct Landings {
    messages: UnboundedReceiver<Vec<Landed>>,
    /// The rest of the last message.
    rest: vec::IntoIter<Landed>,
    /// Outcomes still to come.
    open: usize,
}

impl Landings {
    /// No keys.
    pub(super) fn none() -> Self {
        Self::of(Vec::new()).0
    }

    /// The outcomes of these keys, each with its place, and the keys as what is to be done. A key that is listed
    /// twice is to be done once.
    pub(super) fn of(keys: Vec<(usize, Key)>) -> (Self, Vec<Wanted>) {
        let (sender, messages) = unbounded_channel();
        let landings = Self {
            messages,
            rest: Vec::new().into_iter(),
            open: keys.len(),
        };
        let mut wanted = Vec::<Wanted>::with_capacity(keys.len());
        let mut listed =
            HashMap::with_capacity_and_hasher(keys.len(), DefaultHashBuilder::default());
        for (place, key) in keys {
            match listed.entry(key.clone()) {
                hash_map::Entry::Occupied(first) => {
                    let first: &mut Wanted = &mut wanted[*first.get()];
                    first.outlet.more.push(place);
                }
                hash_map::Entry::Vacant(new) => {
                    new.insert(wanted.len());
                    let outlet = Outlet::new(place, sender.clone());
                    wanted.push(Wanted { key, outlet });
                }
            }
        }
        (landings, wanted)
    }

    /// Whether all outcomes have come.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0
    }
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
            self.rest = message.into_iter();
        }
        Poll::Ready(None)
    }
}

/// A key of a call, with the place where the call waits for its outcome. Dropping it sends an error there.
pub(super) struct Wanted {
    pub(super) key: Key,
    outlet: Outlet,
}

impl Wanted {
    /// Sends the outcome.
    pub(super) fn send(self, result: Result<Entry, Error>) {
        self.add(result, &mut Message::default());
    }

    /// Sends the outcomes of several keys of one call together.
    pub(super) fn send_all(results: impl IntoIterator<Item = (Self, Result<Entry, Error>)>) {
        let results = results.into_iter();
        let mut message = Message::with_capacity(results.size_hint().0);
        for (wanted, result) in results {
            wanted.add(result, &mut message);
        }
    }

    /// Sends the outcome together with others of the same call.
    pub(super) fn add(self, result: Result<Entry, Error>, message: &mut Message) {
        self.outlet.add(result, message);
    }
}

impl Keyed for Wanted {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Where a call waits for the outcome of a key. Dropping it without one sends an error.
struct Outlet {
    place: usize,
    /// Further places of the same key.
    more: Vec<usize>,
    /// `None` once there is an outcome.
    sender: Option<UnboundedSender<Vec<Landed>>>,
}

impl Outlet {
    fn new(place: usize, sender: UnboundedSender<Vec<Landed>>) -> Self {
        Self {
            place,
            more: Vec::new(),
            sender: Some(sender),
        }
    }

    fn add(mut self, result: Result<Entry, Error>, message: &mut Message) {
        self.end(result, message);
    }

    fn end(&mut self, result: Result<Entry, Error>, message: &mut Message) {
        if let Some(sender) = self.sender.take() {
            for &place in &self.more {
                message.outcomes.push((place, result.clone()));
            }
            message.outcomes.push((self.place, result));
            message.sender = Some(sender);
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if self.sender.is_some() {
            self.end(Err(Error::abandoned()), &mut Message::default());
        }
    }
}

/// Outcomes of one call that come together. They are sent when it is dropped.
#[derive(Default)]
pub(super) struct Message {
    outcomes: Vec<Landed>,
    sender: Option<UnboundedSender<Vec<Landed>>>,
}

impl Message {
    /// With room for so many outcomes.
    pub(super) fn with_capacity(outcomes: usize) -> Self {
        Self {
            outcomes: Vec::with_capacity(outcomes),
            sender: None,
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            // The caller may have gone away.
            _ = sender.send(mem::take(&mut self.outcomes));
        }
    }
}
