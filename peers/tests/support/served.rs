//! A server of ours, or a peer that a test plays itself, on a simulated network of its own.

use std::sync::Arc;

use peers::testing::{FakePeer, Network, NetworkListener};
use peers::{Error, HttpOptions, PeerClient, PeerService, Protocol, Reply, Server};

use super::{Raw, SERVER, dial, echo, get, serve};

/// A server at [`SERVER`], and what is behind it.
pub(crate) struct Served<P> {
    pub(crate) network: Network,
    pub(crate) server: Server,
    pub(crate) peer: Arc<P>,
    protocol: Protocol,
}

impl Served<FakePeer> {
    /// One with default options whose value of every key is the key.
    pub(crate) fn echoing(protocol: Protocol) -> Self {
        Self::start(protocol, HttpOptions::default(), FakePeer::new(echo))
    }
}

impl<P: PeerService> Served<P> {
    pub(crate) fn start(protocol: Protocol, options: HttpOptions, peer: P) -> Self {
        let network = Network::new();
        let (server, peer) = serve(&network, protocol, options, peer);
        Self {
            network,
            server,
            peer,
            protocol,
        }
    }

    /// A client that asks it in its own protocol.
    pub(crate) fn client(&self, options: HttpOptions) -> Arc<dyn PeerClient> {
        dial(&self.network, self.protocol, options)
    }

    /// A connection to it.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(&self.network).await
    }
}

/// A client, and the listener at which the test plays the peer that it asks.
pub(crate) fn listening(
    protocol: Protocol,
    options: HttpOptions,
) -> (Network, NetworkListener, Arc<dyn PeerClient>) {
    let network = Network::new();
    let listener = network.listen(SERVER).unwrap();
    let client = dial(&network, protocol, options);
    (network, listener, client)
}

/// What a client makes of a peer that is asked once, which `peer` plays from when the request has
/// arrived. Also returns what that returns.
pub(crate) async fn answered_by<T>(
    protocol: Protocol,
    options: HttpOptions,
    peer: impl AsyncFnOnce(Raw) -> T,
) -> (Result<Reply, Error>, T) {
    let (_network, mut listener, client) = listening(protocol, options);
    tokio::join!(client.get(get(b"k")), async {
        let mut raw = Raw::accept(&mut listener).await;
        raw.receive().await.unwrap();
        peer(raw).await
    })
}
