//! Nodes on a simulated network.

use groupcache::testing::Network;
use groupcache::{HttpOptions, Node, NodeBuilder};

/// The hosts of the nodes.
pub const HOSTS: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

pub fn urls() -> Vec<String> {
    HOSTS.iter().map(|host| format!("http://{host}")).collect()
}

/// Starts a node on each host in `listens`. All three hosts are members of each node.
pub async fn nodes(network: &Network, listens: &[usize]) -> Vec<Node> {
    nodes_with(network, listens, |node| node).await
}

/// The same, with settings of your own. All hosts listen before the first node starts, so that nodes find each other at
/// once.
pub async fn nodes_with(
    network: &Network,
    listens: &[usize],
    configure: impl Fn(NodeBuilder) -> NodeBuilder,
) -> Vec<Node> {
    let listen = |place: &usize| (HOSTS[*place], network.listen(HOSTS[*place]).unwrap());
    let listeners: Vec<_> = listens.iter().map(listen).collect();
    let mut nodes = Vec::new();
    for (host, listener) in listeners {
        let http = HttpOptions::default().connector(network.connector(host));
        let builder = Node::builder(format!("http://{host}"))
            .peers(urls())
            .http(http)
            .listener(listener);
        nodes.push(configure(builder).start().await.unwrap());
    }
    nodes
}

/// Keys that the member at `place` owns, in the view of `node`.
pub fn keys_of(node: &Node, place: usize, count: usize) -> Vec<String> {
    let owner = |key: &String| node.owner(key).unwrap().url() == urls()[place];
    (0..)
        .map(|n| format!("key-{n}"))
        .filter(owner)
        .take(count)
        .collect()
}
