use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::driver::{Driver, Times};
use super::exchange::Failure;
use super::handshake;
use super::shared::{Shared, Unsent};
use super::slots::Answer;
use crate::http::BodyBudget;
use crate::http::client::{HttpClient, Lane, Upgraded};
use crate::load_scope::is_loading;
use crate::stream::Message;
use crate::stream::limits::SMALL;
use crate::stream::traced;
use crate::{Context, Error, WallClock};

/// Calls a peer over one connection, which is made when it is needed.
///
/// A peer that refuses the stream is asked for it again later. Until then the caller uses another form
/// of the protocol.
#[derive(Debug)]
pub(crate) struct StreamClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Arc<HttpClient>,
    /// What the header `Upgrade` asks for.
    protocol: &'static str,
    bodies: Arc<BodyBudget>,
    max_message: u64,
    peer: Arc<str>,
    current: ArcSwapOption<Connection>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The attempt to connect that is under way.
    attempt: Option<watch::Receiver<Option<Outcome>>>,
    /// The peer has refused, and is not asked again before.
    refused_until: Option<Instant>,
    /// The connection that was used before, which may have calls under way.
    draining: Weak<Connection>,
}

/// How an attempt to connect has ended, for all who wait for it.
#[derive(Clone, Debug)]
enum Outcome {
    Connected(Arc<Connection>),
    Refused,
    Failed(Arc<Error>),
}

/// Whether a call is made again on a fresh connection after its connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Once,
    Never,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Called {
    /// With when the call was queued, or a moment before.
    Answered(Answer, Instant),
    /// The peer does not speak the stream.
    Refused,
    /// Too many calls are under way. Only where the caller does not want to wait.
    Full,
}

/// The peer refuses the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuses;

/// How often a call looks for a connection that takes it.
const ATTEMPTS: usize = 3;

impl StreamClient {
    /// A client of the peer that `http` reaches. Neither side sends messages beyond `max_message`.
    pub(crate) fn new(
        http: Arc<HttpClient>,
        protocol: &'static str,
        max_message: u64,
        bodies: Arc<BodyBudget>,
    ) -> Self {
        Self(Arc::new(Inner {
            peer: http.name().into(),
            http,
            protocol,
            bodies,
            max_message,
            current: ArcSwapOption::empty(),
            state: Mutex::default(),
        }))
    }

    /// The peer's URL, as given.
    pub(crate) fn peer(&self) -> &str {
        &self.0.peer
    }

    /// The wall clock of this node.
    pub(crate) fn wall_clock(&self) -> &WallClock {
        &self.0.http.options().wall_clock
    }

    /// The calls on the connection; `None` if there is no connection.
    ///
    /// # Errors
    ///
    /// While the peer refuses the stream.
    pub(crate) fn calls_under_way(&self) -> Result<Option<usize>, Refuses> {
        let current = self.0.current.load_full();
        if let Some(connection) = current.filter(|connection| connection.is_alive()) {
            return Ok(Some(connection.calls_under_way()));
        }
        let refused_until = self.0.state.lock().refused_until;
        match refused_until {
            Some(until) if Instant::now() < until => Err(Refuses),
            _ => Ok(None),
        }
    }

    /// Asks, and waits for the answer; where the connection is full, for room too.
    pub(crate) async fn call(
        &self,
        message: &impl Message,
        lane: Lane,
        again: Again,
    ) -> Result<Called, Error> {
        match self.try_call(message, lane, again).await? {
            Called::Full => Box::pin(self.call_when_free(message, lane, again)).await,
            called => Ok(called),
        }
    }

    /// Asks, and waits for the answer, unless the connection is full.
    pub(crate) async fn try_call(
        &self,
        message: &impl Message,
        lane: Lane,
        mut again: Again,
    ) -> Result<Called, Error> {
        let trace = Context::current_trace();
        for _ in 0..ATTEMPTS {
            let Some(connection) = self.connection().await? else {
                return Ok(Called::Refused);
            };
            let message = &connection.traced(message, trace.as_ref());
            let asked = Instant::now();
            match connection.call(message, lane).await {
                Ok(answer) => return Ok(Called::Answered(answer, asked)),
                Err(Failure::Unsent(Unsent::Full)) => return Ok(Called::Full),
                Err(Failure::Call(error)) => return Err(error),
                Err(Failure::Lost(_)) if again == Again::Once => again = Again::Never,
                Err(Failure::Lost(error)) => return Err(error),
                Err(Failure::Unsent(Unsent::Closed)) => {}
            }
            self.0.forget(&connection);
        }
        let why = "it closes its streams before they can be used";
        Err(Error::disconnected(&*self.0.peer, why))
    }

    /// Waits for room before each attempt.
    async fn call_when_free(
        &self,
        message: &impl Message,
        lane: Lane,
        again: Again,
    ) -> Result<Called, Error> {
        let peer = &*self.0.peer;
        if lane == Lane::Loads && is_loading() {
            return Err(Error::busy(peer));
        }
        let limit = self.0.http.options().acquire_timeout;
        let patience = Instant::now() + limit;
        let trace = Context::current_trace();
        loop {
            if let Some(connection) = self.connection().await? {
                // As it will be written: what a trace adds may make it a long one.
                let is_long = connection.traced(message, trace.as_ref()).len() > SMALL;
                let room = tokio::time::timeout_at(patience, connection.room(lane, is_long));
                if room.await.is_err() || Instant::now() >= patience {
                    return Err(Error::no_free_connection(peer, limit));
                }
            }
            match self.try_call(message, lane, again).await? {
                Called::Full => {}
                called => return Ok(called),
            }
        }
    }

    /// Asks for a sign of life. `None` if the peer does not speak the stream.
    ///
    /// A connection that breaks proves nothing about the peer, and so another one is asked.
    pub(crate) async fn ping(&self) -> Result<Option<()>, Error> {
        let draining = self.0.state.lock().draining.upgrade();
        let is_usable =
            |connection: &Arc<Connection>| connection.is_alive() && connection.is_valid();
        if let Some(connection) = draining.filter(is_usable)
            && connection.ping().await.is_ok()
        {
            return Ok(Some(()));
        }
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(connection) = self.connection().await? else {
                return Ok(None);
            };
            match connection.ping().await {
                Ok(()) => return Ok(Some(())),
                Err(error) => last = Some(error),
            }
            self.0.forget(&connection);
        }
        let why = "it closes its streams before they can be used";
        Err(last.unwrap_or_else(|| Error::disconnected(&*self.0.peer, why)))
    }

    /// The connection, which is made if there is none. `None` if the peer refuses.
    async fn connection(&self) -> Result<Option<Arc<Connection>>, Error> {
        match self.0.current.load_full() {
            Some(connection) if connection.is_valid() => return Ok(Some(connection)),
            // The calls that are under way keep it until they have ended.
            Some(connection) => self.0.forget(&connection),
            None => {}
        }
        Box::pin(self.connect()).await
    }

    /// Waits for the attempt to connect that is under way, or starts one.
    ///
    /// The attempt runs on a task of its own: the caller that starts it may go away, and others wait for
    /// it too.
    async fn connect(&self) -> Result<Option<Arc<Connection>>, Error> {
        let Some(mut attempt) = self.attempt() else {
            return Ok(None);
        };
        let outcome = match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        match outcome {
            Some(Outcome::Connected(connection)) => Ok(Some(connection)),
            Some(Outcome::Refused) => Ok(None),
            Some(Outcome::Failed(error)) => Err(error.copy()),
            None => {
                let why = "the attempt to connect was given up";
                Err(Error::unreachable(&*self.0.peer, why))
            }
        }
    }

    /// The attempt under way; `None` if the peer has refused a while ago.
    fn attempt(&self) -> Option<watch::Receiver<Option<Outcome>>> {
        let mut state = self.0.state.lock();
        if let Some(until) = state.refused_until {
            if Instant::now() < until {
                return None;
            }
            state.refused_until = None;
        }
        if let Some(attempt) = &state.attempt {
            return Some(attempt.clone());
        }
        // An attempt may have ended since the caller looked.
        if let Some(connection) = self.0.current.load_full() {
            return Some(watch::channel(Some(Outcome::Connected(connection))).1);
        }
        let (sender, attempt) = watch::channel(None);
        state.attempt = Some(attempt.clone());
        drop(state);
        let inner = Arc::clone(&self.0);
        let attempted = Attempt(Arc::clone(&inner));
        tokio::spawn(async move {
            let outcome = inner.connect().await;
            inner.note(&outcome);
            drop(attempted);
            sender.send_replace(Some(outcome));
        });
        Some(attempt)
    }
}

/// An attempt to connect. Dropping it lets another one begin.
struct Attempt(Arc<Inner>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.state.lock().attempt = None;
    }
}

impl Inner {
    /// Lets the next call make another connection.
    fn forget(&self, connection: &Arc<Connection>) {
        let current = self.current.load_full();
        if current.is_some_and(|current| Arc::ptr_eq(&current, connection)) {
            self.current.compare_and_swap(connection, None);
            self.state.lock().draining = Arc::downgrade(connection);
        }
    }

    fn note(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Connected(connection) => self.current.store(Some(Arc::clone(connection))),
            Outcome::Refused => {
                let pause = self.http.options().upgrade_pause;
                tracing::debug!(peer = %self.peer, ?pause, "the peer refuses the stream");
                self.state.lock().refused_until = Some(Instant::now() + pause);
            }
            Outcome::Failed(_) => {}
        }
    }

    async fn connect(&self) -> Outcome {
        // Once for the connection, and once for the handshake on it.
        let limit = 2 * self.http.options().connect_timeout;
        match timeout(limit, self.open()).await {
            Ok(Ok(Some(connection))) => Outcome::Connected(connection),
            Ok(Ok(None)) => Outcome::Refused,
            Ok(Err(error)) => Outcome::Failed(Arc::new(error)),
            Err(_) => Outcome::Failed(Arc::new(Error::timed_out("opening a stream", limit))),
        }
    }

    async fn open(&self) -> Result<Option<Arc<Connection>>, Error> {
        let Some(upgraded) = self.http.upgrade(self.protocol).await? else {
            return Ok(None);
        };
        let Upgraded {
            headers,
            io,
            first,
            validity,
        } = upgraded;
        let takes_traces = traced::are_taken(&headers);
        let bodies = Arc::clone(&self.bodies);
        let greeted = handshake::greeted(io, &first, self.max_message, bodies).await?;
        let Some((io, inbox, hello)) = greeted else {
            return Ok(None);
        };
        let options = self.http.options();
        let max_calls = options
            .max_calls_per_connection
            .min(usize::try_from(hello.max_calls).unwrap_or(usize::MAX));
        let peer = Arc::clone(&self.peer);
        let shared = Shared::new(
            peer,
            max_calls.max(1),
            hello.max_message,
            options.request_timeout,
        );
        let connection = Connection::new(shared, takes_traces, validity);
        let shared = Arc::clone(&connection.shared);
        let times = Times {
            call: options.request_timeout,
            idle: options.client_idle_timeout,
        };
        tokio::spawn(Driver::new(io, inbox, shared, times));
        Ok(Some(Arc::new(connection)))
    }
}
