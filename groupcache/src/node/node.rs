use std::convert::identity;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use peers::{DiscoveryDriver, DiscoveryStatus, HttpService, Member, Server};
use tokio::sync::Semaphore;

use super::host::Host;
use super::members::members;
use crate::{Error, Getter, Group, GroupBuilder};

/// One process's part in the cluster: its groups, its peers and its server. Clones are the same
/// node, and two nodes in one process share nothing.
///
/// The node's own server, if it has one, runs until [`shutdown`](Self::shutdown) is called or the
/// last clone of the node is dropped: **keep the node for as long as peers may ask it**. Its
/// [`Group`]s do not keep it. They work on without it for their own callers, but other nodes find
/// nobody at its address. What [`service`](Self::service) returned goes on answering.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) host: Arc<Host>,
    pub(super) service: HttpService,
    #[cfg(feature = "tls")]
    pub(super) certificates: Option<peers::Certificates>,
    pub(super) local_addr: Option<SocketAddr>,
    /// Taken by the call that shuts down.
    pub(super) server: Mutex<Option<Server>>,
    /// One call at a time ends the node: a program may end when a second one returns.
    pub(super) ending: Semaphore,
    /// Follows the source of members, if there is one. Taken by the call that leaves it.
    pub(super) discovery: Mutex<Option<DiscoveryDriver>>,
}

impl Node {
    /// The settings of a new group, named `name` on all nodes, that keeps up to `budget` bytes on
    /// this one and loads values with `getter`.
    ///
    /// The budget counts keys, values and what it takes to find them. With a budget of zero a group
    /// shares loads and keeps nothing.
    pub fn group(
        &self,
        name: impl Into<String>,
        budget: usize,
        getter: impl Getter,
    ) -> GroupBuilder {
        let host = Arc::clone(&self.0.host);
        GroupBuilder::new(host, name.into(), budget, getter, identity)
    }

    /// The group of that name.
    ///
    /// # Errors
    ///
    /// [`Error::is_no_such_group`] if the node has none.
    pub fn find_group(&self, name: &str) -> Result<Group, Error> {
        self.0
            .host
            .groups
            .find(name)
            .ok_or_else(|| Error::no_such_group(name))
    }

    /// All groups, in the order of their names.
    pub fn groups(&self) -> Vec<Group> {
        self.0.host.groups.list()
    }

    /// Lets the group of that name go: peers no longer find it, and the name is free. Those who
    /// hold the group can go on using it.
    ///
    /// # Errors
    ///
    /// [`Error::is_no_such_group`] if the node has none.
    pub fn remove_group(&self, name: &str) -> Result<Group, Error> {
        self.0
            .host
            .groups
            .remove(name)
            .ok_or_else(|| Error::no_such_group(name))
    }

    /// This node as a member of the cluster.
    pub fn member(&self) -> &Member {
        self.0.host.router.this()
    }

    /// The members of the ring, this node included unless it was left out.
    pub fn peers(&self) -> Vec<Member> {
        self.0.host.router.members()
    }

    /// How this node stands with its [source of members](crate::NodeBuilder::discovery); `None` without one, and after
    /// the node has left it.
    pub fn discovery(&self) -> Option<DiscoveryStatus> {
        self.0
            .discovery
            .lock()
            .as_ref()
            .map(DiscoveryDriver::status)
    }

    /// Replaces the members of the ring, until the next change that a
    /// [source of members](crate::NodeBuilder::discovery) knows of. This node is added if the list lacks it, unless it was
    /// [left out](crate::NodeBuilder::include_self). Peers that stay keep their connections.
    ///
    /// # Errors
    ///
    /// A text that is not a member, an id with two URLs, a URL that cannot be dialled; the members
    /// are as they were.
    pub fn set_peers<M>(&self, peers: impl IntoIterator<Item = M>) -> Result<(), Error>
    where
        M: TryInto<Member>,
        peers::Error: From<M::Error>,
    {
        Ok(self
            .0
            .host
            .router
            .set_members(self.0.host.with_self(members(peers)?))?)
    }

    /// Adds a member to the ring. One of the same id is replaced in one step, so that a member that has moved to another
    /// URL keeps its place on the ring; one of the same id and URL stays as it is, with its connections.
    ///
    /// # Errors
    ///
    /// As [`set_peers`](Self::set_peers).
    pub fn add_peer<M>(&self, peer: M) -> Result<(), Error>
    where
        M: TryInto<Member>,
        peers::Error: From<M::Error>,
    {
        let peer = peer.try_into().map_err(peers::Error::from)?;
        Ok(self
            .0
            .host
            .router
            .add_member(self.0.host.protocol.named(peer))?)
    }

    /// Takes a member off the ring, and says whether there was one: the member with this id, or else those with this URL,
    /// or else the one that is both, written `ID=URL`. Give both, such as a member's text, where the news of an end may
    /// come late: it does not take out a member that has come back under its id at another URL.
    ///
    /// ```
    /// # use groupcache::Node;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// let node = Node::builder("pod-0=http://10.0.0.1:8080").start().await?;
    /// node.add_peer("pod-1=http://10.0.0.2:8080")?;
    /// node.add_peer("pod-1=http://10.0.0.9:8080")?;
    /// assert!(!node.remove_peer("pod-1=http://10.0.0.2:8080")?, "it has moved");
    /// assert!(node.remove_peer("pod-1")?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set_peers`](Self::set_peers).
    pub fn remove_peer(&self, peer: &str) -> Result<bool, Error> {
        Ok(self.0.host.router.remove_member(peer)?)
    }

    /// The member that owns `key`; `None` if the ring is empty. O(1) in the number of members.
    pub fn owner(&self, key: impl AsRef<[u8]>) -> Option<Member> {
        self.0
            .host
            .router
            .routes()
            .owner(key.as_ref())
            .map(|peer| peer.member().clone())
    }

    /// The members in the order in which they are asked for `key`: its owner, then those who stand in
    /// for it when it cannot be reached. Empty if the ring is.
    pub fn owners(&self, key: impl AsRef<[u8]>) -> Vec<Member> {
        let routes = self.0.host.router.routes();
        let owners = routes.owners(key.as_ref());
        owners.map(|peer| peer.member().clone()).collect()
    }

    /// What answers peers, to be mounted in a server of your own: a hyper service, and with the
    /// feature `tower` a tower service, as axum takes them. Whatever is not of peers is answered with
    /// 404, so it does well as the fallback of other routes. Under a path of their own peers find it
    /// if the members' URLs have that path.
    ///
    /// Peers that speak gRPC need a server of HTTP/2 without TLS, such as `axum::serve` with axum's
    /// feature `http2`, or hyper-util's `server::conn::auto`. Limits and time-outs of connections
    /// are that server's; [`HttpOptions`](crate::HttpOptions) has those of a node's own.
    ///
    #[cfg_attr(feature = "tower", doc = "```")]
    #[cfg_attr(not(feature = "tower"), doc = "```ignore")]
    /// use axum::Router;
    /// use axum::routing::get;
    /// use groupcache::Node;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let node = Node::builder(format!("http://{}", listener.local_addr()?)).start().await?;
    /// let app = Router::new()
    ///     .route("/hello", get(|| async { "hello" }))
    ///     .fallback_service(node.service());
    /// let server = axum::serve(listener, app);
    /// # drop(server);
    /// # Ok(()) }
    /// ```
    pub fn service(&self) -> HttpService {
        self.0.service.clone()
    }

    /// The node's certificates, to [reload](crate::Certificates::reload) them; `None` without
    /// [TLS](crate::NodeBuilder::tls).
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> Option<&crate::Certificates> {
        self.0.certificates.as_ref()
    }

    /// The address the node's own server listens on; `None` without one.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr
    }

    /// Leaves the cluster in order. Over the native protocol the node tells its peers, which take it off the ring, and hands its
    /// values over to their next owners, within [`leave_timeout`](crate::NodeBuilder::leave_timeout). Then it takes its
    /// announcement back from its [source of members](crate::NodeBuilder::discovery), and gives the peers
    /// [`linger`](peers::DiscoveryOptions::linger) to hear of it.
    ///
    /// The node goes on answering; its members stay as they are from now on, and it owns no keys any more. Changes reach it
    /// for another minute. [`shutdown`](Self::shutdown) begins with this. A node that is mounted in another server
    /// does it before that server drains. A second call waits for the first.
    ///
    /// # Cancel safety
    ///
    /// The announcement is taken back also if the future is dropped on the way; what has not been handed over by then is not.
    pub async fn leave(&self) {
        let _turn = self.0.ending.acquire().await;
        self.leave_now().await;
    }

    async fn leave_now(&self) {
        let driver = self.0.discovery.lock().take();
        // The peers list this node for as long as it hands its values over.
        self.0.host.groups.leave().await;
        if let Some(driver) = driver {
            driver.leave().await;
        }
    }

    /// [Leaves](Self::leave) the cluster. Then stops the node's own server: takes no more
    /// connections, finishes what is under way within
    /// [`HttpOptions::drain_timeout`](crate::HttpOptions::drain_timeout), then breaks the rest off.
    /// Groups go on working. Streams of [pages](crate::HttpOptions::page) end, also in another server that mounts the
    /// [`service`](Self::service). A second call waits for the first.
    ///
    /// A node that is dropped without this stops its server at once, and leaves the source on a task.
    ///
    /// # Cancel safety
    ///
    /// Dropped on the way, what is still under way is broken off at once, but for the leaving.
    pub async fn shutdown(&self) {
        let _turn = self.0.ending.acquire().await;
        let server = self.0.server.lock().take();
        self.leave_now().await;
        self.0.service.end_page_streams();
        if let Some(server) = server {
            server.shutdown().await;
        }
        #[cfg(feature = "disk")]
        self.0.host.groups.close_disks().await;
    }
}

#[cfg(feature = "testing")]
impl Node {
    /// What answers this node's peers, for a [`Transport`](crate::Transport) of a test's own. Weak, because the node
    /// keeps its transport alive.
    ///
    /// This needs the feature `testing`.
    pub fn peer_service(&self) -> std::sync::Weak<dyn peers::PeerService> {
        std::sync::Arc::downgrade(&self.0.host.groups) as std::sync::Weak<dyn peers::PeerService>
    }

    /// Stops the server at once, breaking off whatever is under way.
    pub(crate) fn kill(&self) {
        let driver = self.0.discovery.lock().take();
        if let Some(driver) = driver {
            driver.abort();
        }
        drop(self.0.server.lock().take());
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("member", self.member())
            .field("local_addr", &self.0.local_addr)
            .field("groups", &self.0.host.groups)
            .finish_non_exhaustive()
    }
}
