//! Our server, or a peer played by a test, each on its own simulated network.

use std::sync::Arc;

use peers::testing::{FakePeer, Network, NetworkListener};
use peers::{Error, HttpOptions, PeerClient, PeerService, Protocol, Reply, Server};

use super::{Raw, SERVER, dial, echo, get, serve};

/// A server at [`SERVER`], and the node behind it.
pub(crate) struct Served<P> {
    pub(crate) network: Network,
    pub(crate) server: Server,
    pub(crate) peer: Arc<P>,
    protocol: Protocol,
}

impl Served<FakePeer> {
    /// A server with default options, where every key's value is the key itself.
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

    /// A client of this server, with the server's protocol.
    pub(crate) fn client(&self, options: HttpOptions) -> Arc<dyn PeerClient> {
        dial(&self.network, self.protocol, options)
    }

    /// A connection to this server.
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

/// Has a client ask a peer once, which `peer` plays once the request has arrived. Returns the
/// client's result, and the result of `peer`.
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
