use std::sync::Arc;

use super::circuit::{Circuit, CircuitOptions};
use super::liveness::Liveness;
use crate::{
    BoxFuture, Changes, ChangesRequest, Error, GetRequest, Member, PeerClient, Phase,
    RemoveRequest, Reply, SetRequest,
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
        };
        Self(Arc::new(Inner {
            member,
            remote: Some(remote),
        }))
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

    /// Asks the peer for a value, unless its circuit is open, and tells the circuit what came of it.
    /// While the answer is long in coming, the peer is pinged; one that answers no ping is given up.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::get`]; [`Error::is_circuit_open`] when the peer was not asked;
    /// [`Error::is_unsupported`] when the peer is this node itself.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. An exchange that was broken off tells the circuit nothing.
    pub async fn get(&self, request: GetRequest<'_>) -> Result<Reply, Error> {
        self.exchange(|client| client.get(request)).await
    }

    /// Tells the peer a value, as [`get`](Self::get) asks it for one.
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
    pub async fn clear(&self, group: &str, phase: Phase) -> Result<(), Error> {
        self.exchange(|client| client.clear(group, phase)).await
    }

    /// Asks the peer what has changed.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::changes`], and as [`get`](Self::get).
    pub async fn changes(&self, request: ChangesRequest<'_>) -> Result<Changes, Error> {
        self.exchange(|client| client.changes(request)).await
    }

    async fn exchange<'a, T>(
        &'a self,
        ask: impl FnOnce(&'a dyn PeerClient) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(remote) = &self.0.remote else {
            return Err(Error::unsupported("ask this node itself", "loopback"));
        };
        let attempt = remote
            .circuit
            .attempt()
            .map_err(|retry_in| Error::circuit_open(self.member().url(), retry_in))?;
        let client = &*remote.client;
        let result = tokio::select! {
            biased;
            result = ask(client) => result,
            error = remote.liveness.lost(client, remote.circuit.options()) => Err(error),
        };
        match &result {
            Err(error) if error.is_transport() => attempt.failed(),
            Err(error) if error.is_of_this_side() => drop(attempt),
            _ => attempt.succeeded(),
        }
        result
    }
}

impl AsRef<[u8]> for Peer {
    /// The id, as the ring hashes it.
    fn as_ref(&self) -> &[u8] {
        self.0.member.id().as_bytes()
    }
}
