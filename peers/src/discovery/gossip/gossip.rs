use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chitchat::transport::UdpTransport;
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, NodeState, ProtocolVersion,
    spawn_chitchat,
};
use futures_util::FutureExt as _;
use http::Uri;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::GossipOptions;
use super::state::{LEFT, URL, members};
use crate::discovery::tells_lists::TellsLists;
use crate::{BoxFuture, Discovery, Error, Member, MemberLists};

/// The members that find each other by gossip over UDP, with no server, by chitchat.
///
/// A node needs the address of one other node, a *seed*, to find all. Any node is as good a seed as any other, and a
/// list may be the same on all nodes, with a node's own address in it. Names of seeds are resolved every minute, so that
/// a name with many addresses, such as that of a headless service, makes seeds of them all. Nodes need not have the
/// same seeds, but clusters that no seed connects stay apart.
///
/// A change reaches all nodes within a few rounds ([`interval`](GossipOptions::interval)). A node that leaves says
/// goodbye to all that it knows. One that dies is found by its silence
/// ([`phi_threshold`](GossipOptions::phi_threshold)). A node that nobody talks to any more takes the others for dead, and
/// tells a list of itself. One that [observes](Discovery::observe) is a seed and hears of all, but is no member.
///
/// The gossip is neither encrypted nor authenticated: whoever can send UDP to the nodes can add members. The port
/// belongs to a network that only the nodes reach.
///
/// ```
/// use peers::{Gossip, GossipOptions};
///
/// // A node with the URL http://10.0.0.3:8080 then listens on UDP port 8080.
/// let source = Gossip::new(["10.0.0.1:8080", "10.0.0.2:8080"], GossipOptions::default())?;
/// # drop(source);
/// # Ok::<(), peers::Error>(())
/// ```
pub struct Gossip {
    seeds: Vec<String>,
    options: GossipOptions,
    /// `None` unless this node has joined or observes.
    node: watch::Sender<Option<Arc<Node>>>,
    /// The task that makes the node, which goes on when joining is given up: names may take their time.
    starting: JoinSet<Result<Node, Error>>,
}

/// This node among the others. The gossip ends when it is dropped.
struct Node {
    handle: ChitchatHandle,
    live: watch::Receiver<BTreeMap<ChitchatId, NodeState>>,
    /// Until when the first list waits for others.
    alone_until: Instant,
}

/// Tells what this node hears, once it has joined or observes.
struct Listening {
    node: watch::Receiver<Option<Arc<Node>>>,
    /// `None` before there is a node, and after the end of its gossip.
    current: Option<Current>,
}

/// What is heard by a node.
struct Current {
    node: Arc<Node>,
    live: watch::Receiver<BTreeMap<ChitchatId, NodeState>>,
    /// `None` once the first list is told.
    alone_until: Option<Instant>,
    latest: Vec<Member>,
}

/// The most seeds.
const MOST_SEEDS: usize = 256;

/// Rounds that the first list waits for others: a question, the answer, and two signs of life.
const FIRST_ROUNDS: u32 = 4;

/// Rounds that a node stays after its goodbye, so that it can tell those that ask.
const LAST_ROUNDS: u32 = 2;

/// How long the others remember a dead node, so that nobody takes old news of it for new.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

impl Gossip {
    /// The members that are found by way of the seeds, `HOST:PORT` each, at most 256. Without any, this node waits
    /// for others. Nothing is sent before this node joins or observes.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`]: too many seeds, one without a port, or an option outside its limits.
    pub fn new<S: Into<String>>(
        seeds: impl IntoIterator<Item = S>,
        options: GossipOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        let seeds: Vec<String> = seeds.into_iter().map(Into::into).collect();
        if seeds.len() > MOST_SEEDS {
            let reason = format!("there are more than {MOST_SEEDS}");
            return Err(Error::invalid_option("seeds", reason));
        }
        for seed in &seeds {
            let port = seed.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                let reason = if seed.contains('@') {
                    "one is not HOST:PORT".to_owned() // it may have a password in it
                } else {
                    format!("{seed:?} is not HOST:PORT")
                };
                return Err(Error::invalid_option("seeds", reason));
            }
        }
        Ok(Self {
            seeds,
            options,
            node: watch::Sender::new(None),
            starting: JoinSet::new(),
        })
    }

    /// Reads `ADDR,ADDR[/LABEL]`, with the other options at their defaults.
    pub(in crate::discovery) fn parse(text: &str) -> Result<Self, Error> {
        let options = GossipOptions::default();
        let (seeds, options) = match text.split_once('/') {
            Some((_, label)) if label.contains([',', '/', '@']) => {
                let reason = "gossip: is followed by ADDR,ADDR[/LABEL], with one label at the end";
                return Err(Error::invalid_option("discovery", reason));
            }
            Some((seeds, label)) => (seeds, options.label(label)),
            None => (text, options),
        };
        let seeds = seeds.split(',').map(str::trim);
        let seeds = seeds.filter(|seed| !seed.is_empty());
        Self::new(seeds, options)
    }

    async fn joined(&mut self, this: &Member) -> Result<(), Error> {
        let node = self.observing(this).await?;
        // No news, unless the URL is another than before.
        let said = node
            .handle
            .with_chitchat(|chitchat| chitchat.self_node_state().set(URL, this.url()));
        said.await;
        Ok(())
    }

    /// Begins to gossip, unless this node does. Without a URL it is no member yet.
    async fn observing(&mut self, this: &Member) -> Result<Arc<Node>, Error> {
        let running = self.node.borrow().clone();
        if let Some(node) = running.filter(|node| !node.has_ended()) {
            return Ok(node);
        }
        if self.starting.is_empty() {
            let (seeds, options) = (self.seeds.clone(), self.options.clone());
            self.starting
                .spawn(Node::start(seeds, options, this.clone()));
        }
        let started = self.starting.join_next().await;
        let started = started.ok_or_else(|| failed("it has not begun"))?;
        let node = Arc::new(started.map_err(failed)??);
        self.node.send_replace(Some(Arc::clone(&node)));
        Ok(node)
    }
}

impl Node {
    async fn start(
        seeds: Vec<String>,
        options: GossipOptions,
        this: Member,
    ) -> Result<Self, Error> {
        let (listen, advertise) = addresses(&options, &this).await?;
        // chitchat begins to resolve seeds before it binds, and goes on with that if it cannot.
        drop(UdpSocket::bind(listen).await.map_err(failed)?);
        let wait = if seeds.is_empty() {
            Duration::ZERO
        } else {
            options.interval * FIRST_ROUNDS
        };
        let generation = SystemTime::now().duration_since(UNIX_EPOCH);
        let generation = generation.unwrap_or_default().as_millis();
        let generation = u64::try_from(generation).unwrap_or(u64::MAX);
        let config = ChitchatConfig {
            chitchat_id: ChitchatId::new(this.id(), generation, advertise),
            cluster_id: options.label.clone(),
            gossip_interval: options.interval,
            listen_addr: listen,
            seed_nodes: seeds,
            failure_detector_config: FailureDetectorConfig {
                phi_threshold: options.phi_threshold,
                initial_interval: options.interval,
                dead_node_grace_period: REMEMBERED,
                ..FailureDetectorConfig::default()
            },
            marked_for_deletion_grace_period: REMEMBERED,
            catchup_callback: None,
            extra_liveness_predicate: None,
            protocol_version: ProtocolVersion::V1,
        };
        let handle = spawn_chitchat(config, Vec::new(), &UdpTransport).await;
        let handle = handle.map_err(failed)?;
        let live = handle.with_chitchat(|chitchat| chitchat.live_nodes_watcher());
        Ok(Self {
            live: live.await,
            handle,
            alone_until: Instant::now() + wait,
        })
    }

    fn has_ended(&self) -> bool {
        let end = self.handle.termination_watcher();
        end.now_or_never().is_some()
    }

    /// Says goodbye to all, and ends the gossip.
    async fn leave(&self, interval: Duration) -> Result<(), Error> {
        let others = self.handle.with_chitchat(|chitchat| {
            chitchat.self_node_state().set(LEFT, "");
            let this = chitchat.self_chitchat_id();
            let others = chitchat.live_nodes().filter(|id| *id != this);
            others
                .map(|id| id.gossip_advertise_addr)
                .collect::<Vec<_>>()
        });
        for address in others.await {
            self.handle.gossip(address).map_err(failed)?;
        }
        sleep(interval * LAST_ROUNDS).await;
        self.handle.initiate_shutdown().map_err(failed)?;
        self.handle.termination_watcher().await.map_err(failed)
    }
}

impl Current {
    fn of(node: Arc<Node>) -> Self {
        Self {
            live: node.live.clone(),
            alone_until: Some(node.alone_until),
            latest: Vec::new(),
            node,
        }
    }

    /// Waits for the next list that differs from the one before.
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        loop {
            let members = members(&self.live.borrow_and_update());
            let may_tell = match self.alone_until {
                Some(until) => {
                    members.len() > 1 || (Instant::now() >= until && !members.is_empty())
                }
                None => members != self.latest,
            };
            if may_tell {
                self.alone_until = None;
                self.latest.clone_from(&members);
                return Ok(members);
            }
            let changed = self.live.changed();
            let changed = match self.alone_until.filter(|until| Instant::now() < *until) {
                Some(until) => timeout_at(until, changed).await.unwrap_or(Ok(())),
                None => changed.await,
            };
            changed.map_err(|_| failed("the gossip has ended"))?;
        }
    }
}

impl Discovery for Gossip {
    fn kind(&self) -> &'static str {
        "gossip"
    }

    fn join<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.joined(this))
    }

    fn observe<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.observing(this).await.map(drop) })
    }

    /// Nothing is told before this node has joined or observes.
    fn lists(&mut self) -> MemberLists {
        let mut node = self.node.subscribe();
        node.mark_changed();
        let current = None;
        Listening { node, current }.into_lists()
    }

    fn leave<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.starting.abort_all();
            match self.node.send_replace(None) {
                Some(node) => node.leave(self.options.interval).await,
                None => Ok(()),
            }
        })
    }
}

impl TellsLists for Listening {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        while self.current.is_none() {
            self.node.changed().await.map_err(failed)?;
            self.current = self.node.borrow_and_update().clone().map(Current::of);
        }
        let Some(current) = &mut self.current else {
            return Err(failed("it has not begun"));
        };
        let has_ended = current.node.handle.termination_watcher();
        let answer = tokio::select! {
            answer = current.next() => answer,
            end = has_ended => Err(match end {
                Ok(()) => failed("the gossip has ended"),
                Err(error) => failed(error),
            }),
        };
        if answer.is_err() {
            self.current = None;
        }
        answer
    }
}

impl fmt::Debug for Gossip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gossip")
            .field("seeds", &self.seeds)
            .field("options", &self.options)
            .field("has_begun", &self.node.borrow().is_some())
            .finish_non_exhaustive()
    }
}

fn failed(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::discovery("gossip", reason)
}

/// Where to listen, and what the others are told.
async fn addresses(
    options: &GossipOptions,
    this: &Member,
) -> Result<(SocketAddr, SocketAddr), Error> {
    let (host, port) = host_and_port(this.url())?;
    let port = options.listen.map_or(port, |listen| listen.port());
    let advertise = match options.advertise {
        Some(address) => address,
        None => {
            let mut found = lookup_host((&*host, port)).await.map_err(failed)?;
            let address = found.next();
            address.ok_or_else(|| failed(format!("{host} has no address")))?
        }
    };
    let any: IpAddr = match advertise {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let listen = options.listen.unwrap_or((any, port).into());
    Ok((listen, advertise))
}

/// A URL's host, without brackets, and its port.
fn host_and_port(url: &str) -> Result<(String, u16), Error> {
    let uri: Uri = url.parse().map_err(failed)?;
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let default_port = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    Ok((host.to_owned(), uri.port_u16().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_without_a_port_are_refused() {
        for seed in [
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:x",
            "http://a",
        ] {
            let error = Gossip::parse(seed).unwrap_err();
            assert!(error.is_configuration(), "{seed}");
        }
        let error = Gossip::parse("user:secret@a").unwrap_err().to_string();
        assert!(
            error.contains("seeds") && !error.contains("secret"),
            "{error}"
        );
        let source = Gossip::parse("10.0.0.1:8080, [::1]:8080,seed.example.com:1,").unwrap();
        assert_eq!(source.seeds.len(), 3);
        assert!(Gossip::parse("").unwrap().seeds.is_empty());
    }

    #[test]
    fn a_label_stands_behind_the_seeds() {
        let label = |text| Gossip::parse(text).map(|source| source.options.label);
        assert_eq!(label("10.0.0.1:1,10.0.0.2:1").unwrap(), "groupcache");
        assert_eq!(label("10.0.0.1:1,10.0.0.2:1/prod").unwrap(), "prod");
        assert_eq!(label("/prod").unwrap(), "prod");
        for text in ["a:1/", "a:1/x,b:1", "a:1/x,b:1/x", "a:1/x/y", "http://a:1"] {
            assert!(label(text).unwrap_err().is_configuration(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_node_gossips_at_its_urls_address_unless_told_otherwise() {
        let addresses = async |url: &str, options| {
            let this = Member::new(url).unwrap();
            let (listen, advertise) = super::addresses(&options, &this).await.unwrap();
            (listen.to_string(), advertise.to_string())
        };
        let text = |listen: &str, advertise: &str| (listen.to_owned(), advertise.to_owned());
        let plain = GossipOptions::default;
        assert_eq!(
            addresses("http://10.0.0.1:8080", plain()).await,
            text("0.0.0.0:8080", "10.0.0.1:8080")
        );
        assert_eq!(
            addresses("https://[2001:db8::1]", plain()).await,
            text("[::]:443", "[2001:db8::1]:443")
        );
        let listen = ([127, 0, 0, 1], 7946).into();
        assert_eq!(
            addresses("http://10.0.0.1:8080", plain().listen(listen)).await,
            text("127.0.0.1:7946", "10.0.0.1:7946")
        );
        let advertise = ([192, 0, 2, 1], 5000).into();
        assert_eq!(
            addresses(
                "http://no.such.host.invalid:8080",
                plain().advertise(advertise)
            )
            .await,
            text("0.0.0.0:8080", "192.0.2.1:5000")
        );
    }
}
