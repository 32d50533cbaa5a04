//! Our nodes: a group that asks another process's node, which owns the keys. The asker mirrors nothing, so that each get
//! goes over the wire.

use std::net::SocketAddr;

use anyhow::Result;
use groupcache::{Group, Key, Never, Node, Protocol};
use tokio::net::TcpListener;

use super::caller::{Caller, Client};
use super::keys::value;

const GROUP: &str = "versus";

/// The owner, which makes values and keeps them.
pub(super) async fn serve(listener: TcpListener, protocol: Protocol) -> Result<()> {
    let node = start(listener, "owner", protocol, []).await?;
    let getter = |key: Key| async move { value(&key) };
    let _group = node.group(GROUP, 4 << 30, getter).build()?;
    std::future::pending().await
}

async fn start<const PEERS: usize>(
    listener: TcpListener,
    name: &str,
    protocol: Protocol,
    peers: [String; PEERS],
) -> Result<Node> {
    let this = format!("{name}=http://{}", listener.local_addr()?);
    let node = Node::builder(this)
        .protocol(protocol)
        .peers(peers.iter().map(String::as_str))
        .listener(listener);
    Ok(node.start().await?)
}

pub(super) struct Asker {
    group: Group,
    /// Serves its peers while it is kept.
    _node: Node,
}

impl Asker {
    pub(super) async fn connect(server: SocketAddr, protocol: Protocol) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let owner = format!("owner=http://{server}");
        let node = start(listener, "asker", protocol, [owner]).await?;
        let getter = |_: Key| async { Err::<Vec<u8>, _>("the asker has no values") };
        Ok(Self {
            group: node
                .group(GROUP, 64 << 20, getter)
                .promoter(Never)
                .build()?,
            _node: node,
        })
    }
}

impl Client for Asker {
    type Caller = Group;
    async fn caller(&self) -> Result<Group> {
        Ok(self.group.clone())
    }
}

impl Caller for Group {
    async fn get(&mut self, key: &str) -> Result<usize> {
        Ok(Group::get(self, key).await?.len())
    }

    async fn many(&mut self, keys: &[String]) -> Result<usize> {
        many(self, keys).await
    }
}

/// All keys at once: the sum of the lengths of their values.
async fn many(group: &Group, keys: &[String]) -> Result<usize> {
    let mut bytes = 0;
    for value in group.get_many(keys).await {
        bytes += value?.len();
    }
    Ok(bytes)
}
