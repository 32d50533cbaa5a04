use std::fmt;

use futures_util::future::join_all;
use peers::{HttpOptions, Protocol};
use tokio::net::TcpListener;

use super::in_process::InProcess;
use crate::{
    Codec, Error, Getter, Group, GroupBuilder, Node, NodeBuilder, TypedGetter, TypedGroup,
};

/// Several nodes in one process, on free ports of the loopback interface: a real cluster with real
/// connections, for tests of code that uses groups.
///
/// ```
/// use groupcache::Key;
/// use groupcache::testing::Cluster;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let cluster = Cluster::start(3).await?;
/// let greetings = cluster.group("greetings", 1 << 20, |key: Key| async move {
///     Ok::<_, std::convert::Infallible>(format!("hello {key}"))
/// })?;
///
/// for group in &greetings {
///     assert_eq!(group.get("world").await?, "hello world");
/// }
/// let calls: u64 = greetings.iter().map(|group| group.stats().getter_calls).sum();
/// assert_eq!(calls, 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    /// How they reach each other, if not over connections.
    in_process: Option<InProcess>,
}

impl Cluster {
    /// Starts `n` nodes that speak the native protocol and know each other.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(n: usize) -> Result<Self, Error> {
        Self::builder(n).start().await
    }

    /// The settings of a cluster of `n` nodes.
    pub fn builder(n: usize) -> ClusterBuilder {
        ClusterBuilder {
            n,
            configure: Box::new(|builder| builder),
            in_process: None,
        }
    }

    /// All nodes, including those that were killed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `index`.
    ///
    /// # Panics
    ///
    /// If the cluster has no node of that index.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// Makes the same group on every node, with default settings. The result has the group of each
    /// node, in the order of the nodes.
    ///
    /// # Errors
    ///
    /// As [`GroupBuilder::build`].
    pub fn group(
        &self,
        name: &str,
        budget: usize,
        getter: impl Getter + Clone,
    ) -> Result<Vec<Group>, Error> {
        self.group_with(name, budget, getter, |builder| builder)
    }

    /// Makes the same group on every node, with settings of your own.
    ///
    /// # Errors
    ///
    /// As [`GroupBuilder::build`].
    #[allow(clippy::needless_pass_by_value, reason = "as in `Node::group`")]
    pub fn group_with(
        &self,
        name: &str,
        budget: usize,
        getter: impl Getter + Clone,
        configure: impl Fn(GroupBuilder) -> GroupBuilder,
    ) -> Result<Vec<Group>, Error> {
        self.nodes
            .iter()
            .map(|node| configure(node.group(name, budget, getter.clone())).build())
            .collect()
    }

    /// Makes the same typed group on every node, with default settings.
    ///
    /// # Errors
    ///
    /// As [`GroupBuilder::build`].
    pub fn typed_group<T: 'static, C: Codec<T> + Clone>(
        &self,
        name: &str,
        budget: usize,
        codec: C,
        getter: impl TypedGetter<T> + Clone,
    ) -> Result<Vec<TypedGroup<T, C>>, Error> {
        self.typed_group_with(name, budget, codec, getter, |builder| builder)
    }

    /// Makes the same typed group on every node, with settings of your own.
    ///
    /// # Errors
    ///
    /// As [`GroupBuilder::build`].
    #[allow(clippy::needless_pass_by_value, reason = "as in `Node::typed_group`")]
    pub fn typed_group_with<T: 'static, C: Codec<T> + Clone>(
        &self,
        name: &str,
        budget: usize,
        codec: C,
        getter: impl TypedGetter<T> + Clone,
        configure: impl Fn(GroupBuilder<TypedGroup<T, C>>) -> GroupBuilder<TypedGroup<T, C>>,
    ) -> Result<Vec<TypedGroup<T, C>>, Error> {
        self.nodes
            .iter()
            .map(|node| {
                let builder = node.typed_group(name, budget, codec.clone(), getter.clone());
                configure(builder).build()
            })
            .collect()
    }

    /// The index of the node that owns `key`, as the node at index 0 sees it.
    ///
    /// # Panics
    ///
    /// If that node's ring is empty, or holds members that are not of this cluster.
    pub fn owner(&self, key: impl AsRef<[u8]>) -> usize {
        let owner = self.nodes[0].owner(key).expect("a ring with members");
        self.nodes
            .iter()
            .position(|node| node.member() == &owner)
            .expect("a ring of this cluster's nodes")
    }

    /// A key that the node at `index` owns: `prefix` and a number.
    ///
    /// # Panics
    ///
    /// As [`owner`](Self::owner), and if the node owns none of a million keys.
    pub fn key_owned_by(&self, index: usize, prefix: &str) -> String {
        (0..1_000_000)
            .map(|n| format!("{prefix}{n}"))
            .find(|key| self.owner(key) == index)
            .expect("every member owns some key")
    }

    /// Breaks off all connections of a node and stops its server, as a crash of the process would. The
    /// node stays a member for the other nodes.
    pub fn kill(&self, index: usize) {
        self.nodes[index].kill();
        if let Some(in_process) = &self.in_process {
            in_process.disconnect(&self.nodes[index]);
        }
    }

    /// Shuts all nodes down: each finishes the requests that are under way.
    pub async fn shutdown(&self) {
        join_all(self.nodes.iter().map(Node::shutdown)).await;
    }
}

/// The settings of a [`Cluster`]. Made by [`Cluster::builder`].
#[must_use = "a cluster exists once it is started"]
pub struct ClusterBuilder {
    n: usize,
    configure: Box<dyn Fn(NodeBuilder) -> NodeBuilder>,
    in_process: Option<InProcess>,
}

impl ClusterBuilder {
    /// The wire format between the nodes, and their ring.
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.configure(move |builder| builder.protocol(protocol))
    }

    /// Limits and time-outs of every node.
    pub fn http(self, options: HttpOptions) -> Self {
        self.configure(move |builder| builder.http(options.clone()))
    }

    /// Without connections: nodes call each other as functions, which is fast and deterministic. For
    /// simulations of many requests. Time-outs, limits and failures of connections are not simulated.
    pub fn in_process(mut self) -> Self {
        self.in_process = Some(InProcess::default());
        self
    }

    /// Any other setting, applied to every node.
    pub fn configure(mut self, configure: impl Fn(NodeBuilder) -> NodeBuilder + 'static) -> Self {
        let before = self.configure;
        self.configure = Box::new(move |builder| configure(before(builder)));
        self
    }

    /// Binds a port for each node, then starts them all with the full list of members.
    ///
    /// # Errors
    ///
    /// When no port is free, or the settings are at fault.
    pub async fn start(self) -> Result<Cluster, Error> {
        match self.in_process.clone() {
            None => self.start_with_ports().await,
            Some(in_process) => self.start_in_process(in_process).await,
        }
    }

    async fn start_in_process(self, in_process: InProcess) -> Result<Cluster, Error> {
        let urls: Vec<_> = (0..self.n).map(|n| format!("http://node-{n}")).collect();
        let mut nodes = Vec::with_capacity(self.n);
        for url in &urls {
            let builder = Node::builder(url)
                .peers(&urls)
                .transport(in_process.clone());
            let node = (self.configure)(builder).start().await?;
            in_process.connect(&node);
            nodes.push(node);
        }
        Ok(Cluster {
            nodes,
            in_process: Some(in_process),
        })
    }

    async fn start_with_ports(self) -> Result<Cluster, Error> {
        let mut listeners = Vec::with_capacity(self.n);
        let mut urls = Vec::with_capacity(self.n);
        for _ in 0..self.n {
            let (listener, url) = free_port()
                .await
                .map_err(|error| peers::Error::bind("127.0.0.1:0", error))?;
            listeners.push(listener);
            urls.push(url);
        }
        let mut nodes = Vec::with_capacity(self.n);
        for (listener, url) in listeners.into_iter().zip(&urls) {
            let builder = Node::builder(url).peers(&urls).listener(listener);
            nodes.push((self.configure)(builder).start().await?);
        }
        Ok(Cluster {
            nodes,
            in_process: None,
        })
    }
}

async fn free_port() -> std::io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("n", &self.n)
            .finish_non_exhaustive()
    }
}
