//! Three nodes on a simulated network, for changes that do not reach all of them.

use std::convert::Infallible;
use std::time::Duration;

use groupcache::testing::Network;
use groupcache::{Always, CoherenceOptions, Error, FailedPeer, Getter, Group, Key, Node};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::simulated::{HOSTS, keys_of, nodes_with, urls};
use super::{Calls, MIB};

/// Three nodes that mirror whatever they fetch, and whose getter numbers its calls.
pub struct Three {
    pub network: Network,
    pub nodes: Vec<Node>,
    pub groups: Vec<Group>,
    pub calls: Calls,
}

/// Answers `load N` to the Nth call.
pub fn numbering(calls: &Calls) -> impl Getter + Clone + use<> {
    let calls = calls.clone();
    move |_: Key| {
        let call = calls.add_one();
        async move { Ok::<_, Infallible>(format!("load {call}")) }
    }
}

/// Nodes that compare what they know only if one of them may lack something.
pub fn on_occasion() -> CoherenceOptions {
    CoherenceOptions::default().exchange_interval(Duration::ZERO)
}

impl Three {
    pub async fn new() -> Self {
        Self::with(on_occasion()).await
    }

    pub async fn with(coherence: CoherenceOptions) -> Self {
        let (network, calls) = (Network::new(), Calls::default());
        let nodes = nodes_with(&network, &[0, 1, 2], |node| node.coherence(coherence)).await;
        let build = |node: &Node| {
            let group = node.group("g", MIB, numbering(&calls));
            group.promoter(Always).build().unwrap()
        };
        let groups = nodes.iter().map(build).collect();
        sleep(Duration::from_secs(1)).await; // the nodes have compared what they know
        Self {
            network,
            nodes,
            groups,
            calls,
        }
    }

    pub fn keys_of(&self, place: usize, count: usize) -> Vec<String> {
        keys_of(&self.nodes[0], place, count)
    }

    /// A key with these first two owners.
    pub fn key_with_owners(&self, first: usize, second: usize) -> String {
        let is_second = |key: &String| self.nodes[0].owners(key)[1].url() == urls()[second];
        let mut keys = self.keys_of(first, 100).into_iter();
        keys.find(is_second).unwrap()
    }

    pub async fn get(&self, by: usize, key: &str) -> String {
        let value = self.groups[by].get(key).await.unwrap();
        value.to_str().unwrap().to_owned()
    }

    /// What each node gets.
    pub async fn get_by_each(&self, key: &str) -> [String; 3] {
        [
            self.get(0, key).await,
            self.get(1, key).await,
            self.get(2, key).await,
        ]
    }

    pub fn cut(&self, one: usize, other: usize) {
        self.network.partition(HOSTS[one], HOSTS[other]);
    }

    /// Cuts a node off from both others.
    pub fn cut_off(&self, place: usize) {
        for other in (0..3).filter(|other| *other != place) {
            self.cut(place, other);
        }
    }

    /// Begins to remove a key. After a moment, all nodes know of it that can be reached, and none has given the others up.
    pub async fn begin_to_remove(&self, by: usize, key: &str) -> JoinHandle<Result<(), Error>> {
        let (group, key) = (self.groups[by].clone(), key.to_owned());
        let removal = tokio::spawn(async move { group.remove(key).await });
        sleep(Duration::from_millis(10)).await;
        removal
    }

    /// Checks that a change has failed to reach exactly one peer.
    pub fn assert_failed(&self, result: Result<(), Error>, place: usize) {
        let error = result.unwrap_err();
        let failed = error.failed_peers();
        let failed: Vec<_> = failed.iter().map(FailedPeer::member).collect();
        assert_eq!(failed, [self.nodes[place].member()]);
    }

    pub fn holds(&self, place: usize) -> u64 {
        self.groups[place].stats().entries
    }

    /// Whether a node knows of a peer that has yet to be told of changes.
    pub fn is_owing(&self, place: usize) -> bool {
        self.nodes[place]
            .report()
            .ring
            .peers
            .iter()
            .any(|peer| peer.is_behind)
    }
}
