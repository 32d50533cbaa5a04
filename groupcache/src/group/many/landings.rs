use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use peers::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::group::flights::{Claim, Flights, Landing};
use crate::{Entry, Error, Key};

/// The outcome of a key, with its place among the others.
pub(super) type Landed = (usize, Result<Entry, Error>);

/// The outcomes of several keys, as they come.
///
/// The channel is unbounded, and holds no more than one outcome of each key. Outcomes that come together
/// are one message: each message may wake another thread.
pub(super) struct Landings {
    /// What this call's own tasks bring.
    mine: UnboundedReceiver<Vec<Landed>>,
    sender: UnboundedSender<Vec<Landed>>,
    /// The rest of the last message.
    rest: vec::IntoIter<Landed>,
    /// Flights that others have begun.
    joined: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// Outcomes still to come.
    open: usize,
}

impl Landings {
    /// No keys yet.
    pub(super) fn new() -> Self {
        let (sender, mine) = unbounded_channel();
        Self {
            mine,
            sender,
            rest: Vec::new().into_iter(),
            joined: FuturesUnordered::new(),
            open: 0,
        }
    }

    /// Waits for the outcome of one more key, which is sent.
    pub(super) fn outlet(&mut self, place: usize) -> Outlet {
        self.open += 1;
        Outlet::new(place, self.sender.clone())
    }

    /// Waits for the outcome of a further place of the outlet's key.
    pub(super) fn share(&mut self, outlet: &mut Outlet, place: usize) {
        self.open += 1;
        outlet.more.push(place);
    }

    /// Waits for the outcome of one more key, which others bring.
    fn join(&mut self, landed: BoxFuture<'static, Landed>) {
        self.open += 1;
        self.joined.push(landed);
    }

    /// Whether all outcomes have come.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0
    }
}

impl Stream for Landings {
    type Item = Landed;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Landed>> {
        if self.is_over() {
            return Poll::Ready(None);
        }
        let mut landed = self
            .rest
            .next()
            .map_or(Poll::Pending, |next| Poll::Ready(Some(next)));
        while landed.is_pending()
            && let Poll::Ready(Some(message)) = self.mine.poll_recv(context)
        {
            self.rest = message.into_iter();
            landed = self
                .rest
                .next()
                .map_or(Poll::Pending, |next| Poll::Ready(Some(next)));
        }
        if landed.is_pending() && !self.joined.is_empty() {
            landed = Pin::new(&mut self.joined).poll_next(context);
        }
        match landed {
            Poll::Ready(Some(landed)) => {
                self.open -= 1;
                Poll::Ready(Some(landed))
            }
            _ => Poll::Pending,
        }
    }
}

/// Where a call waits for the outcome of a key. Dropping it without one sends an error.
pub(super) struct Outlet {
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

    /// Sends the outcome.
    pub(super) fn send(self, result: Result<Entry, Error>) {
        let mut message = Message::default();
        self.add(result, &mut message);
    }

    /// Sends the outcome together with others of the same call.
    pub(super) fn add(mut self, result: Result<Entry, Error>, message: &mut Message) {
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

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            // The caller may have gone away.
            _ = sender.send(mem::take(&mut self.outcomes));
        }
    }
}

/// A key whose flight a call has claimed. Dropping it abandons the flight.
pub(super) struct Claimed {
    pub(super) key: Key,
    outlet: Outlet,
    landing: Landing,
}

impl Claimed {
    /// Ends the flight: this call and all who have joined get the result.
    pub(super) fn land(self, result: Result<Entry, Error>) {
        self.add(result, &mut Message::default());
    }

    /// The same for several keys of one call, which gets their results together.
    pub(super) fn land_all(results: impl IntoIterator<Item = (Self, Result<Entry, Error>)>) {
        let mut message = Message::default();
        for (claimed, result) in results {
            claimed.add(result, &mut message);
        }
    }

    fn add(self, result: Result<Entry, Error>, message: &mut Message) {
        self.outlet.add(result.clone(), message);
        self.landing.land(result);
    }
}

impl Flights {
    /// Joins the flights of several keys, and claims those that nobody has begun. A foreign caller waits for
    /// another's flight no longer than `longest`.
    pub(super) fn claim_all(
        &self,
        keys: Vec<(usize, Key)>,
        longest: impl Fn(&Key) -> Duration,
    ) -> (Landings, Vec<Claimed>) {
        let mut landings = Landings::new();
        let mut claimed = Vec::with_capacity(keys.len());
        for (place, key) in keys {
            match self.claim(key.clone()) {
                Claim::Mine(landing) => claimed.push(Claimed {
                    key,
                    outlet: landings.outlet(place),
                    landing,
                }),
                Claim::Joined(call) => {
                    let longest = longest(&key);
                    let landed = async move { (place, call.landing(|| longest).await) };
                    landings.join(Box::pin(landed));
                }
                Claim::Refused(error) => landings.outlet(place).send(Err(error)),
            }
        }
        (landings, claimed)
    }
}
