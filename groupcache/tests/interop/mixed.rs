//! A cluster of two nodes of ours and one Go program.

use std::thread;

use groupcache::testing::Cluster;
use groupcache::{Group, GroupBuilder, NodeBuilder, Protocol};
use hyper::StatusCode;

use crate::go_node::{GoNode, GoStats};
use crate::source::{Loads, Source, loads_of};

/// The index of the Go node. Ours are 0 and 1.
pub const GO: usize = 2;

/// All three.
pub const NODES: [usize; 3] = [0, 1, GO];

/// A cluster whose nodes all know each other. They are spoken of by their index.
#[derive(Debug)]
pub struct Mixed {
    pub go: GoNode,
    pub ours: Cluster,
    pub groups: Vec<Group>,
    sources: [Source; 2],
}

/// Why a get did not bring a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound,
    Getter,
    Other(String),
}

/// A name that has to be escaped on the way, and is this test's own: when a Go node has stopped,
/// another test's node may get its port, and must not answer in its place.
pub fn group_name() -> String {
    format!(
        "größen +1 %2B {}",
        thread::current().name().unwrap_or_default()
    )
}

impl Mixed {
    /// Starts the nodes, with every setting of ours at its default.
    pub async fn start(program: &'static str, protocol: Protocol) -> Self {
        Self::start_with(program, protocol, |node| node, |group| group).await
    }

    /// Starts the nodes, ours with settings of one's own.
    pub async fn start_with(
        program: &'static str,
        protocol: Protocol,
        node: impl Fn(NodeBuilder) -> NodeBuilder + 'static,
        group: impl Fn(GroupBuilder) -> GroupBuilder,
    ) -> Self {
        let name = group_name();
        let go = GoNode::start(program, &name).await;
        let ours = Cluster::builder(2)
            .protocol(protocol)
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
        let mixed = Self {
            go,
            ours,
            groups,
            sources,
        };
        mixed.introduce().await;
        mixed
    }

    /// Gives every node the same list of members.
    pub async fn introduce(&self) {
        let ours = self
            .ours
            .nodes()
            .iter()
            .map(|node| node.member().to_string());
        let members: Vec<String> = ours.chain([self.go.url()]).collect();
        for node in self.ours.nodes() {
            node.set_peers(&members).unwrap();
        }
        self.go.set_peers(&members).await;
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

    /// Different keys of one owner: `prefix` and a number.
    pub fn keys_owned_by(&self, node: usize, prefix: &str) -> impl Iterator<Item = String> {
        (0..1_000_000)
            .map(move |n| format!("{prefix}{n}"))
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

    /// How often each node's getter was called, by key.
    pub async fn loads(&self) -> [Loads; 3] {
        let GoStats { loads, .. } = self.go.stats().await;
        [self.sources[0].loads(), self.sources[1].loads(), loads]
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
