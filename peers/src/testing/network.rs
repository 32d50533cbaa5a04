use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::io::{duplex, split};
use tokio::sync::{mpsc, watch};

use crate::{Accepted, BoxFuture, Connector, Io, Listener, RemoteAddr};

/// How much a connection buffers at either end, like a socket's buffers.
const BUFFER: usize = 64 << 10;

/// A simulated network: connections in memory between hosts, which can be killed, cut off from one
/// another, and slowed down. Clones are handles of the same network.
///
/// A host is named by its address, as in the members' URLs: `10.0.0.1:8080`.
#[derive(Clone, Debug, Default)]
pub struct Network(Arc<watch::Sender<Topology>>);

#[derive(Debug, Default)]
struct Topology {
    listening: HashMap<Box<str>, mpsc::UnboundedSender<Accepted>>,
    /// The number of attempts to connect to each host so far.
    attempts: HashMap<Box<str>, usize>,
    /// The number of connections to each host so far.
    accepted: HashMap<Box<str>, usize>,
    /// How often each host was killed. A connection lives as long as neither number changes.
    deaths: HashMap<Box<str>, usize>,
    /// Pairs of hosts between which nothing passes, both ways round.
    cut: HashSet<[Box<str>; 2]>,
    delay: Duration,
}

impl Topology {
    fn deaths(&self, host: &str) -> usize {
        self.deaths.get(host).copied().unwrap_or_default()
    }

    fn is_cut(&self, from: &str, to: &str) -> bool {
        !self.cut.is_empty() && self.cut.contains(&[from.into(), to.into()])
    }
}

impl Network {
    /// A network without listeners.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens at `host`. The host listens until the listener is dropped or the host killed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `host` is not an address with a port; `AddrInUse` if it listens already.
    pub fn listen(&self, host: &str) -> io::Result<NetworkListener> {
        let address = host.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut free = true;
        self.0.send_modify(|topology| {
            free = topology
                .listening
                .get(host)
                .is_none_or(mpsc::UnboundedSender::is_closed);
            if free {
                topology.listening.insert(host.into(), sender);
            }
        });
        if !free {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(NetworkListener { incoming, address })
    }

    /// The connector with which `host` reaches the others.
    pub fn connector(&self, host: &str) -> NetworkConnector {
        NetworkConnector {
            network: self.clone(),
            host: host.into(),
        }
    }

    /// Breaks all connections of `host` and refuses new ones, until it listens again.
    pub fn kill(&self, host: &str) {
        self.0.send_modify(|topology| {
            topology.listening.remove(host);
            *topology.deaths.entry(host.into()).or_default() += 1;
        });
    }

    /// Lets nothing pass between two hosts. Neither notices: bytes that are sent wait, and so do
    /// connections that are made.
    pub fn partition(&self, one: &str, other: &str) {
        self.0.send_modify(|topology| {
            topology.cut.insert([one.into(), other.into()]);
            topology.cut.insert([other.into(), one.into()]);
        });
    }

    /// Ends all partitions. Bytes that have waited arrive.
    pub fn heal(&self) {
        self.0.send_modify(|topology| topology.cut.clear());
    }

    /// Makes every way between two hosts take `delay`. Default: none.
    ///
    /// The next piece of a stream sets out when the one before has arrived, so that large values
    /// take several delays.
    pub fn delay(&self, delay: Duration) {
        self.0.send_modify(|topology| topology.delay = delay);
    }

    /// The number of attempts to connect to `host` so far, those included that failed.
    pub fn attempts(&self, host: &str) -> usize {
        let topology = self.0.borrow();
        topology.attempts.get(host).copied().unwrap_or_default()
    }

    /// The number of connections to `host` so far.
    pub fn accepted(&self, host: &str) -> usize {
        self.0
            .borrow()
            .accepted
            .get(host)
            .copied()
            .unwrap_or_default()
    }

    async fn connect(&self, from: Box<str>, to: Box<str>) -> io::Result<DuplexStream> {
        let route = Route {
            topology: self.0.subscribe(),
            from,
            to,
        };
        self.0.send_if_modified(|topology| {
            *topology.attempts.entry(route.to.clone()).or_default() += 1;
            false // no operation waits for these numbers
        });
        route.passage().await?;
        let deaths = route.deaths(&self.0.borrow());
        let (client, client_far) = duplex(BUFFER);
        let (server, server_far) = duplex(BUFFER);
        let accepted = Accepted::new(server);
        let mut accepted = Some(match route.from.parse() {
            Ok(address) => accepted.with(RemoteAddr(address)),
            Err(_) => accepted, // hosts may have names
        });
        let mut connected = false;
        self.0.send_if_modified(|topology| {
            let incoming = topology.listening.get(&route.to);
            connected = incoming
                .zip(accepted.take())
                .is_some_and(|(incoming, accepted)| incoming.send(accepted).is_ok());
            if connected {
                *topology.accepted.entry(route.to.clone()).or_default() += 1;
            }
            false // no operation waits for these numbers
        });
        if !connected {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        tokio::spawn(route.carry(client_far, server_far, deaths));
        Ok(client)
    }
}

/// The way from one host to another.
#[derive(Clone)]
struct Route {
    topology: watch::Receiver<Topology>,
    from: Box<str>,
    to: Box<str>,
}

impl Route {
    fn back(&self) -> Self {
        let Self { topology, from, to } = self.clone();
        Self {
            topology,
            from: to,
            to: from,
        }
    }

    /// Waits until the way is free, and then as long as it takes.
    async fn passage(&self) -> io::Result<()> {
        let free = |topology: &Topology| !topology.is_cut(&self.from, &self.to);
        let mut changes = self.topology.clone();
        let delay = changes
            .wait_for(free)
            .await
            .map_err(io::Error::other)?
            .delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    fn deaths(&self, topology: &Topology) -> [usize; 2] {
        [topology.deaths(&self.from), topology.deaths(&self.to)]
    }

    /// Carries a connection's bytes both ways until both ends have closed or either host has died
    /// more often than it had when the connection was made.
    async fn carry(self, client: DuplexStream, server: DuplexStream, deaths: [usize; 2]) {
        let mut changes = self.topology.clone();
        let back = self.back();
        let (from_client, to_client) = split(client);
        let (from_server, to_server) = split(server);
        tokio::select! {
            _ = changes.wait_for(|topology| self.deaths(topology) != deaths) => {}
            _ = async {
                tokio::try_join!(
                    self.pump(from_client, to_server),
                    back.pump(from_server, to_client),
                )
            } => {}
        }
    }

    async fn pump(
        &self,
        mut source: impl AsyncRead + Unpin,
        mut target: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = source.read(&mut buffer).await?;
            self.passage().await?;
            if length == 0 {
                return target.shutdown().await;
            }
            target.write_all(&buffer[..length]).await?;
        }
    }
}

/// Accepts a host's connections on a [`Network`].
#[derive(Debug)]
pub struct NetworkListener {
    incoming: mpsc::UnboundedReceiver<Accepted>,
    address: SocketAddr,
}

impl Listener for NetworkListener {
    /// Never returns once the host was killed.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            match self.incoming.recv().await {
                Some(accepted) => Ok(accepted),
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Connects a host to the others on a [`Network`].
#[derive(Clone, Debug)]
pub struct NetworkConnector {
    network: Network,
    host: Box<str>,
}

impl Connector for NetworkConnector {
    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let to = url.authority().ok_or(io::ErrorKind::InvalidInput)?.as_str();
            let stream = self.network.connect(self.host.clone(), to.into()).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const A: &str = "10.0.0.1:80";
    const B: &str = "10.0.0.2:80";

    async fn connected(network: &Network) -> (NetworkListener, Box<dyn Io>, Box<dyn Io>) {
        let mut listener = network.listen(B).unwrap();
        let client = dial(network).await.unwrap();
        let server = listener.accept().await.unwrap().into_io();
        (listener, client, server)
    }

    async fn dial(network: &Network) -> io::Result<Box<dyn Io>> {
        network
            .connector(A)
            .connect(&Uri::from_static("http://10.0.0.2:80"))
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_both_ways_until_an_end_is_closed() {
        let network = Network::new();
        let (_listener, mut client, mut server) = connected(&network).await;
        client.write_all(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        server.read_exact(&mut buffer).await.unwrap();
        server.write_all(b"pong").await.unwrap();
        drop(server);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!((&buffer, &*rest), (b"ping", b"pong".as_slice()));
        assert_eq!(network.accepted(B), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_listens_where_nobody_listens() {
        let network = Network::new();
        let refused = dial(&network).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = network.listen(B).unwrap();
        assert_eq!(
            network.listen(B).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(listener);
        assert!(network.listen(B).is_ok());
        assert!(network.listen("b").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn killing_a_host_breaks_its_connections_until_it_listens_again() {
        let network = Network::new();
        let (_listener, mut client, _server) = connected(&network).await;
        network.kill(B);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert!(dial(&network).await.is_err());
        let _listener = network.listen(B).unwrap();
        assert!(dial(&network).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn across_a_partition_everything_waits_until_it_heals() {
        let network = Network::new();
        let (_listener, mut client, mut server) = connected(&network).await;
        network.partition(A, B);
        client.write_all(b"x").await.unwrap();
        let minute = Duration::from_secs(60);
        assert!(timeout(minute, server.read(&mut [0])).await.is_err());
        assert!(timeout(minute, dial(&network)).await.is_err());
        network.heal();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_counts_each_way() {
        let network = Network::new();
        let (_listener, mut client, mut server) = connected(&network).await;
        network.delay(Duration::from_secs(2));
        let start = Instant::now();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        server.write_all(b"y").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(4));
    }
}
