use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::circuit::Circuit;
use super::circuit_options::CircuitOptions;
use super::liveness::{Liveness, Verdict};
use super::peer_status::{Health, PeerStatus};
use crate::{
    BoxFuture, Distribution, Error, Failure, GetRequest, Histogram, Knowledge, Member,
    OfferRequest, PeerClient, Recent, RemoveRequest, Reply, SetRequest, Stamp,
};

/// A member in the routing snapshot: this node itself, or another node with its client and its
/// circuit. Clones share both.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    member: Member,
    /// `None` for the node itself.
    remote: Option<Remote>,
}

#[derive(Debug)]
struct Remote {
    client: Arc<dyn PeerClient>,
    circuit: Circuit,
    liveness: Liveness,
    /// Whether the peer has refused this node, and not answered since.
    refuses: AtomicBool,
    /// Whether the peer has answered anything.
    has_answered: AtomicBool,
    /// Whether a reply has shown lately that the peer has made the same changes as this node.
    agrees: AtomicBool,
    /// The times of answered gets.
    fetches: Histogram,
    /// The last exchanges without an answer.
    failures: Recent<Failure>,
}

impl Peer {
    /// The node itself.
    pub(crate) fn local(member: Member) -> Self {
        Self(Arc::new(Inner {
            member,
            remote: None,
        }))
    }

    /// Another node.
    pub(crate) fn remote(
        member: Member,
        client: Arc<dyn PeerClient>,
        options: CircuitOptions,
    ) -> Self {
        let circuit = Circuit::new(options);
        let liveness = Liveness::default();
        let remote = Remote {
            client,
            circuit,
            liveness,
            refuses: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
            agrees: AtomicBool::new(false),
            fetches: Histogram::default(),
            failures: Recent::default(),
        };
        Self(Arc::new(Inner {
            member,
            remote: Some(remote),
        }))
    }

    /// The other nodes among some peers that are not among others, by id and URL.
    pub fn without(peers: &[Self], others: &[Self]) -> impl Iterator<Item = Self> {
        let others: HashSet<&Member> = others.iter().map(Self::member).collect();
        let is_among = move |peer: &&Self| others.contains(peer.member());
        let left = peers
            .iter()
            .filter(move |peer| !peer.is_self() && !is_among(peer));
        left.cloned()
    }

    /// The member.
    pub fn member(&self) -> &Member {
        &self.0.member
    }

    /// Whether this is the node itself.
    pub fn is_self(&self) -> bool {
        self.0.remote.is_none()
    }

    /// The peer's circuit; `None` for the node itself.
    pub fn circuit(&self) -> Option<&Circuit> {
        self.0.remote.as_ref().map(|remote| &remote.circuit)
    }

    /// Notes that the peer has made the same changes as this node.
    pub(crate) fn note_agreement(&self) {
        // Most often it has been noted, and then the line is only read.
        if let Some(remote) = &self.0.remote
            && !remote.agrees.load(Relaxed)
        {
            remote.agrees.store(true, Relaxed);
        }
    }

    /// Whether that was noted since the last call.
    pub(crate) fn take_agreement(&self) -> bool {
        let remote = self.0.remote.as_ref();
        remote.is_some_and(|remote| remote.agrees.swap(false, Relaxed))
    }

    /// Asks the peer for a value, unless its circuit is open, and reports the outcome to the circuit.
    /// While the answer is due, liveness checks tell a slow peer from a dead one. The call to a dead peer
    /// ends.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::get`]; [`Error::is_circuit_open`] when the peer was not asked;
    /// [`Error::is_unsupported`] when the peer is this node itself.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. The circuit does not count a dropped exchange.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, on which the liveness checks run.
    pub async fn get(&self, request: GetRequest<'_>) -> Result<Reply, Error> {
        self.timed(self.exchange(|client| client.get(request)))
            .await
    }

    /// Gives the peer a value. Circuit and liveness checks work as in [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::set`], and as [`get`](Self::get).
    pub async fn set(&self, request: SetRequest<'_>) -> Result<(), Error> {
        self.exchange(|client| client.set(request)).await
    }

    /// Makes the peer forget keys.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::remove`], and as [`get`](Self::get).
    pub async fn remove(&self, request: RemoveRequest<'_>) -> Result<(), Error> {
        self.exchange(|client| client.remove(request)).await
    }

    /// Makes the peer forget a group's values.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::clear`], and as [`get`](Self::get).
    pub async fn clear(&self, group: &str, stamp: Option<Stamp>) -> Result<(), Error> {
        self.exchange(|client| client.clear(group, stamp)).await
    }

    /// Exchanges with the peer what the two know of changes.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::sync`], and as [`get`](Self::get).
    pub async fn sync(&self, knowledge: Knowledge) -> Result<Knowledge, Error> {
        self.exchange(|client| client.sync(knowledge)).await
    }

    /// Tells the peer which members have not been told of changes.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::note_behind`], and as [`get`](Self::get).
    pub async fn note_behind(&self, members: &[&str]) -> Result<(), Error> {
        self.exchange(|client| client.note_behind(members)).await
    }

    /// Offers the peer values that this node has.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::offer`], and as [`get`](Self::get).
    pub async fn offer(&self, request: OfferRequest<'_>) -> Result<(), Error> {
        self.exchange(|client| client.offer(request)).await
    }

    /// How this node stands with the peer. Takes no longer than a look.
    pub fn status(&self) -> PeerStatus {
        let Some(remote) = &self.0.remote else {
            return PeerStatus {
                health: Health::ThisNode,
                failures_in_a_row: 0,
                next_check: None,
                in_flight: 0,
                fetches: Distribution::default(),
                failures: Vec::new(),
                connections: None,
                clock: None,
            };
        };
        let (failures_in_a_row, next_check) = remote.circuit.look();
        PeerStatus {
            health: remote.health(failures_in_a_row, next_check.is_some()),
            failures_in_a_row,
            next_check,
            in_flight: remote.liveness.waiting(),
            fetches: remote.fetches.distribution(),
            failures: remote.failures.list(),
            connections: remote.client.connections(),
            clock: remote.client.clock(),
        }
    }

    /// The time within which the peer gives this share of its answers to gets, from 0 to 1. `None` before the first
    /// twenty. Takes about a microsecond.
    pub fn fetch_time(&self, share: f64) -> Option<Duration> {
        let fetches = self.0.remote.as_ref()?.fetches.distribution();
        (fetches.count >= 20).then(|| Duration::from_nanos(fetches.quantile(share)))
    }

    /// Counts the time of a get whose answer was not waited for to the end.
    pub fn note_abandoned_fetch(&self, time: Duration) {
        if let Some(remote) = &self.0.remote {
            remote.fetches.record_time(time);
        }
    }

    /// The result of a get, whose time counts if there is an answer.
    pub(super) async fn timed<T>(
        &self,
        get: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let result = get.await;
        if let Some(remote) = &self.0.remote
            && result.as_ref().err().is_none_or(is_peers_answer)
        {
            remote.fetches.record_time(begun.elapsed());
        }
        result
    }

    pub(super) async fn exchange<'a, T>(
        &'a self,
        ask: impl FnOnce(&'a dyn PeerClient) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(remote) = &self.0.remote else {
            return Err(Error::unsupported("ask this node itself", "loopback"));
        };
        if let Some(retry_in) = remote.circuit.open_for() {
            return Err(Error::circuit_open(self.member().url(), retry_in));
        }
        let result = {
            let _waiting = remote.liveness.wait(|| self.spawn_watch());
            tokio::select! {
                biased;
                result = ask(&*remote.client) => result,
                () = remote.liveness.lost() => {
                    let limit = remote.circuit.options().ping_timeout;
                    Err(Error::timed_out("the answer to a liveness check", limit))
                }
            }
        };
        if let Err(error) = &result
            && !error.is_answer()
            && !error.is_of_this_side()
        {
            remote.failures.push(Failure::now(&error.to_string()));
        }
        match &result {
            Err(error) if error.is_transport() => {
                if remote.circuit.failed() {
                    self.opened(error);
                }
            }
            Err(error) if error.is_of_this_side() => {}
            _ => {
                self.note_refusal(&remote.refuses, result.as_ref().err());
                remote.note_answer();
                remote.liveness.heard();
                if remote.circuit.succeeded() {
                    self.closed();
                }
            }
        }
        result
    }

    /// Logs the first refusal of a peer, and its first answer after that.
    fn note_refusal(&self, refuses: &AtomicBool, error: Option<&Error>) {
        let error = error.filter(|error| error.is_denied());
        if error.is_some() == refuses.load(Relaxed) {
            return;
        }
        let refused = refuses.swap(error.is_some(), Relaxed);
        match error {
            Some(error) if !refused => {
                tracing::warn!(peer = %self.member(), %error, "a peer refuses this node");
            }
            None if refused => {
                tracing::info!(peer = %self.member(), "a peer no longer refuses this node");
            }
            _ => {}
        }
    }

    /// Starts the task that watches the peer while exchanges wait for it.
    fn spawn_watch(&self) {
        let peer = self.clone();
        tokio::spawn(async move {
            let Some(remote) = &peer.0.remote else { return };
            let silence = remote.circuit.options().silence;
            remote.liveness.watch(silence, || peer.spawn_check()).await;
        });
    }

    /// Starts a task that checks the peer, unless one runs.
    fn spawn_check(&self) {
        let peer = self.clone();
        tokio::spawn(async move { peer.check().await });
    }

    /// Checks whether the peer is alive, as when exchanges wait for it in vain. Does nothing for this node itself, while
    /// the circuit is open, because a task of its own checks the peer then, and while another check runs.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. A dropped check says nothing about the peer.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn check_now(&self) {
        if self.circuit().is_some_and(|circuit| !circuit.is_open()) {
            self.check().await;
        }
    }

    /// Notes that the peer has called this node. If its circuit is open, it is checked at once rather than at the end of a pause, so
    /// that one that has come back is asked again at once. That happens once within the shortest pause: others may say that they are
    /// this peer.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn note_call(&self) {
        if self.circuit().is_some_and(Circuit::called) {
            self.spawn_check();
        }
    }

    /// Checks whether the peer is alive, and reports the result to all calls that wait for the peer. Does
    /// nothing while another check runs.
    async fn check(&self) {
        let Some(remote) = &self.0.remote else { return };
        let Some(check) = remote.liveness.begin_check() else {
            return;
        };
        let limit = remote.circuit.options().ping_timeout;
        let (verdict, error) = match timeout(limit, remote.client.ping()).await {
            Ok(Ok(())) => (Verdict::Alive, None),
            Ok(Err(error)) if error.is_of_this_side() => (Verdict::Unknown, None),
            Ok(Err(error)) => (Verdict::Dead, Some(error)),
            Err(_) => {
                let error = Error::timed_out("the answer to a liveness check", limit);
                (Verdict::Dead, Some(error))
            }
        };
        if verdict == Verdict::Alive {
            remote.note_answer();
            if remote.circuit.found() {
                self.closed();
            }
        }
        if let Some(error) = error {
            let text = format!("a liveness check failed: {error}");
            remote.failures.push(Failure::now(&text));
            if remote.circuit.lost() {
                self.opened(&error);
            }
        }
        check.report(verdict);
    }

    /// Starts the task of an open circuit: it checks the peer after pauses that grow, until the circuit
    /// closes or the peer is no longer a member.
    fn opened(&self, error: &Error) {
        tracing::warn!(peer = %self.member(), %error, "a peer is left alone: its circuit has opened");
        let peer = Arc::downgrade(&self.0);
        let opening = self.circuit().map_or(0, Circuit::opening);
        let pause = move |peer: &Weak<Inner>| {
            let remote = peer.upgrade()?;
            remote.remote.as_ref()?.circuit.next_pause(opening)
        };
        let first = pause(&peer);
        tokio::spawn(async move {
            let mut next = first;
            while let Some(length) = next {
                sleep(length).await;
                if let Some(inner) = peer.upgrade() {
                    let peer = Self(inner);
                    if peer.circuit().is_some_and(Circuit::is_open) {
                        peer.check().await;
                    }
                }
                next = pause(&peer);
            }
        });
    }

    fn closed(&self) {
        tracing::warn!(peer = %self.member(), "a peer is asked again: its circuit has closed");
    }
}

fn is_peers_answer(error: &Error) -> bool {
    error.is_answer() && !error.is_of_this_side()
}

impl Remote {
    fn note_answer(&self) {
        // Most often it has been noted, and then the line is only read.
        if !self.has_answered.load(Relaxed) {
            self.has_answered.store(true, Relaxed);
        }
    }

    fn health(&self, failures: u32, is_open: bool) -> Health {
        if is_open {
            Health::LeftAlone
        } else if failures > 0 {
            Health::Failing
        } else if self.refuses.load(Relaxed) {
            Health::RefusesThisNode
        } else if self.has_answered.load(Relaxed) {
            Health::Well
        } else {
            Health::NeverAsked
        }
    }
}

impl AsRef<[u8]> for Peer {
    /// The id, as the ring hashes it.
    fn as_ref(&self) -> &[u8] {
        self.0.member.id().as_bytes()
    }
}
