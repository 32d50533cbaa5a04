use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::Clock;
use parking_lot::Mutex;
use peers::consistenthash::Scheme;
use peers::{
    Access, CircuitOptions, Coherence, CoherenceOptions, Discovery, DiscoveryDriver,
    DiscoveryOptions, HttpOptions, HttpService, HttpTransport, Listener, Member, Page, PeerService,
    Protocol, Router, Server, Tokens, Transport, WallClock,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::exchanges;
use super::groups::Groups;
use super::hand_over::HandOver;
use super::host::{Host, OnGroup};
use super::members::members;
use super::node::{Inner, Node};
use super::security::{Secured, Security, warn_if_open};
use super::weak_node::WeakNode;
use crate::clock::SharedClock;
use crate::group::LoadBound;
use crate::report::KeyMask;
use crate::{Error, Group};

/// The settings of a node to be. Made by [`Node::builder`].
#[must_use = "a node exists once it is started"]
pub struct NodeBuilder {
    this: Result<Member, peers::Error>,
    peers: Result<Vec<Member>, peers::Error>,
    include_self: bool,
    protocol: Protocol,
    scheme: Option<Scheme>,
    replicas: Option<u32>,
    pub(super) http: HttpOptions,
    pub(super) cluster: Option<String>,
    circuit: CircuitOptions,
    coherence: CoherenceOptions,
    handoff: Duration,
    handoff_bytes: usize,
    leave_timeout: Duration,
    max_loads: Option<usize>,
    listen: Listen,
    pub(super) security: Security,
    transport: Option<Arc<dyn Transport>>,
    pub(super) discovery: Option<Box<dyn Discovery>>,
    pub(super) discovery_options: DiscoveryOptions,
    clock: SharedClock,
    wall_clock: Option<WallClock>,
    hide_keys: bool,
    on_group: Option<OnGroup>,
    on_start: Option<OnStart>,
    pages: Vec<PageOfNode>,
}

/// Makes a page of the node to be.
type PageOfNode = Box<dyn FnOnce(WeakNode) -> Page + Send>;

/// A hook that sees the node once it is started.
type OnStart = Box<dyn FnOnce(&Node) + Send>;

const LONGEST_HANDOFF: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where the node's own server listens.
enum Listen {
    Nowhere,
    Address(String),
    /// Starts the server on a listener that is bound already.
    Listener(Start),
}

type Start = Box<dyn FnOnce(HttpService, &Secured) -> Result<Server, peers::Error> + Send>;

impl Node {
    /// The settings of a node that its peers reach at `url`, such as `http://10.0.0.1:8080`, or
    /// `name=http://10.0.0.1:8080` if its place on the ring must not depend on its address.
    pub fn builder(url: impl AsRef<str>) -> NodeBuilder {
        NodeBuilder::new(url.as_ref())
    }
}

impl NodeBuilder {
    fn new(url: &str) -> Self {
        Self {
            this: url.parse(),
            peers: Ok(Vec::new()),
            include_self: true,
            protocol: Protocol::default(),
            scheme: None,
            replicas: None,
            http: HttpOptions::default(),
            cluster: None,
            circuit: CircuitOptions::default(),
            coherence: CoherenceOptions::default(),
            handoff: Duration::from_secs(30),
            handoff_bytes: 256 << 20,
            leave_timeout: Duration::from_secs(10),
            max_loads: None,
            listen: Listen::Nowhere,
            security: Security::default(),
            transport: None,
            discovery: None,
            discovery_options: DiscoveryOptions::default(),
            clock: Arc::new(lru::SystemClock),
            wall_clock: None,
            hide_keys: false,
            on_group: None,
            on_start: None,
            pages: Vec::new(),
        }
    }

    /// Mounts a page that shows the node, on the port of its peers.
    #[cfg(any(feature = "metrics", feature = "page", feature = "report-page"))]
    pub(crate) fn page_of_node(
        mut self,
        page: impl FnOnce(WeakNode) -> Page + Send + 'static,
    ) -> Self {
        self.pages.push(Box::new(page));
        self
    }
}

/// # Members and the ring
impl NodeBuilder {
    /// The other members of the cluster: `URL` or `ID=URL` each, or [`Member`]s. This node may be
    /// among them. All nodes have to know a member by one id: with the native protocol it refuses requests that mean
    /// another one.
    pub fn peers<M>(mut self, peers: impl IntoIterator<Item = M>) -> Self
    where
        M: TryInto<Member>,
        peers::Error: From<M::Error>,
    {
        self.peers = members(peers);
        self
    }

    /// A source that says who the members are, such as [`parse_discovery`](peers::parse_discovery) makes of a text. The
    /// node announces itself there once it listens, follows the source's lists, and leaves it first when it
    /// [shuts down](Node::shutdown). [`peers`](Self::peers) are the members until the first list.
    ///
    /// A node that mounts its [`service`](Node::service) in another server is announced when it starts, so bind that
    /// server's listener before: connections then wait until it serves.
    ///
    /// Default: none.
    ///
    /// ```
    /// use groupcache::Node;
    /// use groupcache::peers::StaticMembers;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// let source = StaticMembers::parse("http://10.0.0.1:8080,http://10.0.0.2:8080")?;
    /// let node = Node::builder("http://10.0.0.1:8080").discovery(source).start().await?;
    /// assert_eq!(node.peers().len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn discovery(mut self, source: impl Discovery) -> Self {
        self.discovery = Some(Box::new(source));
        self
    }

    /// How soon the node follows its source of members, and what it does while the source fails.
    pub fn discovery_options(mut self, options: DiscoveryOptions) -> Self {
        self.discovery_options = options;
        self
    }

    /// Whether this node is a member of its own ring. A node that is not owns no keys: it asks the
    /// others for all of them. Default: yes.
    pub fn include_self(mut self, include: bool) -> Self {
        self.include_self = include;
        self
    }

    /// The wire format in which this node asks its peers, and the ring that goes with it. All
    /// members of a cluster need the same. Default: [`Protocol::Native`].
    ///
    /// A member that is given as a URL alone gets the protocol's
    /// [`default_id`](Protocol::default_id): with groupcache-go that is its `host:port`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The rules of the ring, by which a key has its owner; all nodes need the same. For clusters that
    /// have replaced their protocol's hash function, for example:
    ///
    /// ```
    /// use groupcache::{HashFn, Node, Protocol};
    ///
    /// let protocol = Protocol::Galaxycache;
    /// let node = Node::builder("http://10.0.0.1:8080")
    ///     .protocol(protocol)
    ///     .ring(protocol.scheme().hash(HashFn::Fnv1a32));
    /// # drop(node);
    /// ```
    ///
    /// Default: the protocol's [`scheme`](Protocol::scheme).
    pub fn ring(mut self, scheme: Scheme) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// Points on the ring for each member; all nodes need the same. Default: the ring's.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// How long after a change of the members a load asks the key's former owners for their copies before
    /// it calls the getter. Zero: never, and this node neither offers values nor takes what it is offered, also when it
    /// [leaves](crate::Node::leave). Default: 30 s; at most a year.
    pub fn handoff(mut self, window: Duration) -> Self {
        self.handoff = window;
        self
    }

    /// The most bytes of values of each group that this node offers at a time: to a member that has started, or to all when
    /// it leaves. The values of the [hottest keys](crate::GroupBuilder::hot_keys) come first. Of a
    /// [store of your own](crate::Store) those are offered that [`Store::keys`](crate::Store::keys) lists. Default: 256 MiB.
    pub fn handoff_bytes(mut self, bytes: usize) -> Self {
        self.handoff_bytes = bytes;
        self
    }

    /// How long this node takes at most to say that it [leaves](crate::Node::leave) and to hand its values over. Zero: it does
    /// neither. Default: 10 s; at most a year.
    pub fn leave_timeout(mut self, limit: Duration) -> Self {
        self.leave_timeout = limit;
        self
    }
}

/// # Connections and the server
impl NodeBuilder {
    /// The address of a server of the node's own, such as `0.0.0.0:8080`. It runs as long as a clone
    /// of the [`Node`] is kept. Default: none, for nodes that mount [`Node::service`] in another
    /// server, or that have no peers.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Listen::Address(address.into());
        self
    }

    /// Like [`listen`](Self::listen), with a listener that is bound already: a
    /// [`tokio::net::TcpListener`], or one of your own kind.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        let start = |service, secured: &Secured| secured.serve(listener, service);
        self.listen = Listen::Listener(Box::new(start));
        self
    }

    /// Limits, time-outs and credentials of the connections to peers and of the server.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// A label of the cluster, the same on all nodes: 1 to 128 of `A-Za-z0-9-._~`. With the native protocol a request
    /// says which cluster and which member it means. Where an address has become another node's, that node refuses the
    /// request before it reads or changes anything, and the value comes from the key's next owner. Nodes without a
    /// label take any; the member is checked all the same. Goes before the one in [`http`](Self::http). Default: none.
    pub fn cluster(mut self, label: impl Into<String>) -> Self {
        self.cluster = Some(label.into());
        self
    }

    /// When a failing peer is left alone, and for how long.
    pub fn circuit(mut self, options: CircuitOptions) -> Self {
        self.circuit = options;
        self
    }

    /// How far the node goes to repair changes that did not reach every node.
    pub fn coherence(mut self, options: CoherenceOptions) -> Self {
        self.coherence = options;
        self
    }

    /// Another way to reach peers than HTTP over TCP.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }
}

/// # The database
impl NodeBuilder {
    /// How many getter calls of all groups together may be under way at once on this node. Further calls wait as long as
    /// their groups' [`load_queue_timeout`](crate::GroupBuilder::load_queue_timeout) says, in the order in which their groups let
    /// them, and are then refused as overloaded. A getter that gets from a group of the same node needs a turn for each. Not
    /// zero. Default: no limit but those of the [groups](crate::GroupBuilder::max_loads).
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = Some(loads);
        self
    }
}

/// # Who may talk
///
/// The guide to a [secure cluster](crate::docs::secure) has examples.
impl NodeBuilder {
    /// Encrypts all connections, of every protocol. The URLs of all members begin with `https://` then.
    ///
    /// With [`Tls::client_auth`](crate::Tls::client_auth) peers have to show a certificate that is made out to a current
    /// member: to the host of its URL, or to its id.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.security.tls = Some(tls);
        self
    }

    /// A secret that all nodes share: this node sends it with every request, and answers nobody without it. To
    /// change it while the cluster runs, give a clone of some [`Tokens`](crate::Tokens) and keep one.
    pub fn token<T>(mut self, token: T) -> Self
    where
        T: TryInto<Tokens>,
        peers::Error: From<T::Error>,
    {
        self.security.tokens = Some(token.try_into().map_err(peers::Error::from));
        self
    }

    /// Which requests of peers need credentials, where there are any. Default: all.
    pub fn access(mut self, access: Access) -> Self {
        self.security.access = Some(access);
        self
    }
}

/// # Time and hooks
impl NodeBuilder {
    /// The clock by which values age. Default: the system's.
    pub fn clock(mut self, clock: impl Clock + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The wall clock, by which moments are read and told: those of [`Value::expires_at`](crate::Value::expires_at), and
    /// those of protocols that carry no durations. Default: the system's. A test may give one that is wrong, or jumps.
    pub fn wall_clock(mut self, clock: WallClock) -> Self {
        self.wall_clock = Some(clock);
        self
    }

    /// Whether [reports](Node::report), spans, and the log's lines about values have hashes in place of keys. Reports then
    /// also leave out the texts of errors, of getters here and of peers, which may name keys. The log's lines about peers
    /// that do not answer keep them. A key has the same hash as long as the node lives. The hashes of other nodes are
    /// others, so that nobody finds keys by hashing guesses. Default: no.
    pub fn hide_keys(mut self, hide: bool) -> Self {
        self.hide_keys = hide;
        self
    }

    /// A hook that is called with every new group, once peers can ask for it.
    pub fn on_group(mut self, hook: impl Fn(&Group) + Send + Sync + 'static) -> Self {
        self.on_group = Some(Box::new(hook));
        self
    }

    /// A hook that is called with the node once it listens. A node with a source of members is announced after that, so
    /// that a group which is made here is there when the first peer asks for it.
    pub fn on_start(mut self, hook: impl FnOnce(&Node) + Send + 'static) -> Self {
        self.on_start = Some(Box::new(hook));
        self
    }
}

impl NodeBuilder {
    /// Starts the node: checks the settings, builds the ring, binds the server. With a source of members it waits
    /// for the first list, at most for [`first_list_timeout`](DiscoveryOptions::first_list_timeout), and then starts
    /// without.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] for a URL or an option that cannot work, two members with one id,
    /// or an address that cannot be bound. Nothing is left running.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(mut self) -> Result<Node, Error> {
        let this = self.protocol.named(self.this?);
        if let Some(label) = self.cluster {
            self.http = self.http.cluster(label);
        }
        if let Some(clock) = &self.wall_clock {
            self.http = self.http.wall_clock(clock.clone());
        }
        let cluster = self.http.cluster_label().map(str::to_owned);
        if self.handoff > LONGEST_HANDOFF {
            let reason = format!("{:?} is longer than a year", self.handoff);
            return Err(Error::invalid("handoff", reason));
        }
        if self.leave_timeout > LONGEST_HANDOFF {
            let reason = format!("{:?} is longer than a year", self.leave_timeout);
            return Err(Error::invalid("leave_timeout", reason));
        }
        if self.max_loads == Some(0) {
            return Err(Error::invalid("max_loads", "it is zero"));
        }
        let weak = WeakNode::default();
        for page in self.pages {
            self.http = self.http.page(page(weak.clone()));
        }
        let (secured, http) = self.security.load(self.http).await?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new(self.protocol, http.clone())?),
        };
        self.circuit.validate()?;
        self.coherence.validate()?;
        self.discovery_options.validate()?;
        let request_timeout = transport.request_timeout();
        let max_value_bytes = transport.max_value_bytes();
        let mut scheme = self.scheme.unwrap_or_else(|| self.protocol.scheme());
        if let Some(replicas) = self.replicas {
            scheme = scheme.replicas(replicas);
        }
        let started = self.wall_clock.clone().unwrap_or_default().now();
        let names_changes = transport.names_changes();
        let coherence = Coherence::new(this.id(), started, self.coherence, names_changes);
        let router = Router::new(this, scheme, transport, self.circuit).handoff(self.handoff);
        let router = Arc::new(router);
        let hands_over = names_changes && !self.handoff.is_zero();
        let runtime = hands_over.then(Handle::current);
        let hand_over = HandOver::new(runtime, self.handoff_bytes, self.leave_timeout);
        let groups = Groups::new(coherence, Arc::clone(&router), hand_over);
        let asked = Arc::clone(&groups) as Arc<dyn PeerService>;
        let http = secured.guard(http, &router)?;
        let this = router.this();
        let service = HttpService::for_member(asked, self.protocol, http.clone(), this)?;
        let server = match self.listen {
            Listen::Nowhere => None,
            Listen::Listener(start) => Some(start(service.clone(), &secured)?),
            Listen::Address(address) => {
                let listener = peers::listen(&address, &http)
                    .await
                    .map_err(|error| peers::Error::bind(&address, error))?;
                Some(secured.serve(listener, service.clone())?)
            }
        };
        if let Some(address) = server.as_ref().map(Server::local_addr) {
            warn_if_open(address, &http);
        }
        exchanges::start(&groups, &Handle::current());
        let host = Host {
            groups,
            router,
            clock: self.clock,
            wall_clock: self.wall_clock.unwrap_or_default(),
            runtime: Handle::current(),
            request_timeout,
            max_value_bytes,
            request_queue: http
                .request_queue_patience()
                .min(request_timeout.unwrap_or_default() / 10),
            load_bound: self.max_loads.and_then(LoadBound::of_node),
            on_group: self.on_group,
            key_mask: if self.hide_keys {
                KeyMask::hiding()
            } else {
                KeyMask::default()
            },
            cluster,
            started: Instant::now(),
            protocol: self.protocol,
            include_self: self.include_self,
        };
        let node = Node(Arc::new(Inner {
            host: Arc::new(host),
            service,
            #[cfg(feature = "tls")]
            certificates: secured.certificates,
            local_addr: server.as_ref().map(Server::local_addr),
            server: Mutex::new(server),
            ending: Semaphore::new(1),
            discovery: Mutex::new(None),
        }));
        weak.becomes(&node);
        node.set_peers(self.peers?)?;
        if let Some(on_start) = self.on_start {
            on_start(&node);
        }
        if let Some(source) = self.discovery {
            node.follow(source, self.discovery_options).await?;
        }
        tracing::info!(
            node = %node.0.host.router.this(),
            listen = ?node.local_addr(),
            protocol = %self.protocol,
            ring = ?scheme,
            members = node.peers().len(),
            "a node has started"
        );
        Ok(node)
    }
}

impl Node {
    /// Follows a source of members, and waits for its first list.
    async fn follow(
        &self,
        source: Box<dyn Discovery>,
        options: DiscoveryOptions,
    ) -> Result<(), Error> {
        let host = &self.0.host;
        let (router, protocol) = (Arc::clone(&host.router), host.protocol);
        let driver = DiscoveryDriver::start(source, router, protocol, host.include_self, options)?;
        if !driver.first_list().await {
            let error = driver.status().last_error.unwrap_or_default();
            tracing::warn!(
                node = %self.member(),
                members = self.peers().len(),
                error,
                "a node starts without a word of its source of members"
            );
        }
        *self.0.discovery.lock() = Some(driver);
        Ok(())
    }
}

impl fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("this", &self.this)
            .field("peers", &self.peers)
            .field("protocol", &self.protocol)
            .field("has_discovery", &self.discovery.is_some())
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
