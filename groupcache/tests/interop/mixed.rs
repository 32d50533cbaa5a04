//! A cluster of two nodes of ours and one Go program.

use groupcache::testing::Cluster;
use groupcache::{Always, Group, GroupBuilder, Never, NodeBuilder};
use hyper::StatusCode;

use crate::go_node::{GoNode, GoStats};
use crate::program::Program;
use crate::source::{Loads, Source, loads_of};

/// The index of the Go node. Ours are 0 and 1.
pub const GO: usize = 2;

/// All three.
pub const NODES: [usize; 3] = [0, 1, GO];

/// All three, one of them first.
pub fn starting_with(first: usize) -> [usize; 3] {
    NODES.map(|step| (first + step) % NODES.len())
}

/// The loads of a key that only its owner has loaded, the given number of times.
pub fn loads_by(owner: usize, times: u64) -> [u64; 3] {
    NODES.map(|node| if node == owner { times } else { 0 })
}

/// A cluster whose nodes all know each other. An index identifies each node.
#[derive(Debug)]
pub struct Mixed {
    pub go: GoNode,
    pub ours: Cluster,
    pub groups: Vec<Group>,
    sources: [Source; 2],
}

/// The reason why a get returned no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound,
    Getter,
    Other(String),
}

impl Mixed {
    /// Starts the nodes, with every setting of ours at its default.
    pub async fn start(program: Program) -> Self {
        Self::start_with(program, |node| node, |group| group).await
    }

    /// Starts the nodes, of which ours mirror every value that they get from another node.
    pub async fn start_mirroring(program: Program) -> Self {
        Self::start_with(program, |node| node, |group| group.promoter(Always)).await
    }

    /// Starts the nodes, of which ours mirror nothing, so that every get of a key shows at its owner.
    pub async fn start_without_mirrors(program: Program) -> Self {
        Self::start_with(program, |node| node, |group| group.promoter(Never)).await
    }

    /// Starts the nodes, ours with the caller's settings.
    pub async fn start_with(
        program: Program,
        node: impl Fn(NodeBuilder) -> NodeBuilder + 'static,
        group: impl Fn(GroupBuilder) -> GroupBuilder,
    ) -> Self {
        let mixed = Self::start_apart(program, node, group).await;
        mixed.introduce().await;
        mixed
    }

    /// Starts the nodes. Only our nodes know each other yet.
    pub async fn start_apart(
        program: Program,
        node: impl Fn(NodeBuilder) -> NodeBuilder + 'static,
        group: impl Fn(GroupBuilder) -> GroupBuilder,
    ) -> Self {
        let name = program.group_name();
        let go = GoNode::start(program, &name).await;
        let ours = Cluster::builder(2)
            .protocol(program.protocol)
            .configure(node)
            .start()
            .await
            .unwrap();
        let sources = [Source::default(), Source::default()];
        let groups = ours.nodes().iter().zip(&sources);
        let groups = groups
            .map(|(node, source)| group(node.group(&name, 256 << 20, source.getter())).build())
            .collect::<Result<_, _>>()
            .unwrap();
        Self {
            go,
            ours,
            groups,
            sources,
        }
    }

    /// Gives every node the same list of members.
    pub async fn introduce(&self) {
        let mut members = self.our_urls();
        members.push(self.go.url());
        for node in self.ours.nodes() {
            node.set_peers(&members).unwrap();
        }
        self.go.set_peers(&members).await;
    }

    pub fn our_urls(&self) -> Vec<String> {
        let nodes = self.ours.nodes().iter();
        nodes.map(|node| node.member().url().to_owned()).collect()
    }

    /// The owner of a key, on which both of our rings agree.
    pub fn owner(&self, key: impl AsRef<[u8]>) -> usize {
        let [owner, other] = [0, 1].map(|node| self.ours.node(node).owner(&key).unwrap());
        assert_eq!(owner, other, "owner of {}", key.as_ref().escape_ascii());
        let ours = self
            .ours
            .nodes()
            .iter()
            .position(|node| *node.member() == owner);
        ours.unwrap_or(GO)
    }

    /// Different keys of one owner: `prefix`, a number and a suffix. The suffix is for mailgun's
    /// hash, on which the last bytes of a key have little effect.
    pub fn keys_owned_by(&self, node: usize, prefix: &str) -> impl Iterator<Item = String> {
        (0..1_000_000)
            .map(move |n| format!("{prefix}{n} and so on"))
            .filter(move |key| self.owner(key) == node)
    }

    pub fn key_owned_by(&self, node: usize, prefix: &str) -> String {
        self.keys_owned_by(node, prefix)
            .next()
            .expect("every member owns some key")
    }

    /// Asks one node for a key, as a user of that node would.
    pub async fn get(&self, asked: usize, key: impl AsRef<[u8]>) -> Result<Vec<u8>, Refusal> {
        let key = key.as_ref();
        let Some(group) = self.groups.get(asked) else {
            return match self.go.get(key).await {
                (StatusCode::OK, value) => Ok(value),
                (StatusCode::NOT_FOUND, _) => Err(Refusal::NotFound),
                (StatusCode::BAD_GATEWAY, _) => Err(Refusal::Getter),
                (status, body) => Err(Refusal::Other(format!("{status} {}", body.escape_ascii()))),
            };
        };
        match group.get(key).await {
            Ok(value) => Ok(value.to_vec()),
            Err(error) if error.is_not_found() => Err(Refusal::NotFound),
            Err(error) if error.is_getter() => Err(Refusal::Getter),
            Err(error) => Err(Refusal::Other(error.to_string())),
        }
    }

    /// Gives a key a value, as a user of one node would.
    pub async fn set(&self, told: usize, key: &[u8], value: &str) {
        match self.groups.get(told) {
            Some(group) => group.set(key, value.to_owned()).await.unwrap(),
            None => self.go.set(key, value).await,
        }
    }

    /// Takes a key out, as a user of one node would.
    pub async fn remove(&self, told: usize, key: &[u8]) {
        match self.groups.get(told) {
            Some(group) => group.remove(key).await.unwrap(),
            None => self.go.remove(&[key]).await,
        }
    }

    /// How often each node's getter was called, by key.
    pub async fn loads(&self) -> [Loads; 3] {
        let [first, second] = self.sources.each_ref().map(Source::loads);
        let GoStats { loads, .. } = self.go.stats().await;
        [first, second, loads]
    }

    /// How often each node's getter was called for one key.
    pub async fn loads_of(&self, key: &str) -> [u64; 3] {
        self.loads().await.map(|loads| loads_of(&loads, key))
    }

    /// How often our getters were called for one key, also when there is no Go node to ask.
    pub fn our_loads_of(&self, key: &str) -> u64 {
        self.sources
            .iter()
            .map(|source| loads_of(&source.loads(), key))
            .sum()
    }
}
