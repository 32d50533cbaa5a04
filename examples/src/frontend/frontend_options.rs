use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use groupcache::{
    CoherenceOptions, DiscoveryOptions, HttpOptions, MetricsPage, NodeBuilder, Protocol,
};

use crate::BoxError;
use crate::node_options::NodeOptions;

/// The settings of the node. Most are also environment variables, as `NodeBuilder::from_env` reads them but for
/// `GROUPCACHE_TLS_MUTUAL`; a flag goes before its variable. Those that are not given stay as the library has them.
#[derive(Debug, Args)]
pub(super) struct FrontendOptions {
    /// Address to listen on, for peers and for /api/; port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9001",
        env = "GROUPCACHE_LISTEN"
    )]
    pub(super) listen: String,
    #[command(flatten)]
    node: NodeOptions,
    /// Wire format and ring.
    #[arg(long, value_name = "P", default_value_t, env = "GROUPCACHE_PROTOCOL")]
    protocol: Protocol,
    /// Label of the cluster, which nodes of another one refuse [default: none].
    #[arg(long, value_name = "NAME", env = "GROUPCACHE_CLUSTER")]
    cluster: Option<String>,
    /// Points of each member on the ring [default: as the protocol has it].
    #[arg(long, value_name = "N", env = "GROUPCACHE_REPLICAS")]
    replicas: Option<u32>,
    /// Milliseconds after a change of the members in which a load asks the former owner [default: 30000].
    #[arg(long, value_name = "MS", env = "GROUPCACHE_HANDOFF_MS")]
    handoff: Option<u64>,
    /// Milliseconds that a node may take to hand its values over when it leaves [default: 10000].
    #[arg(long, value_name = "MS", env = "GROUPCACHE_LEAVE_TIMEOUT_MS")]
    leave_timeout: Option<u64>,
    /// Milliseconds that a connection to a peer may take [default: 1000].
    #[arg(long, value_name = "MS", env = "GROUPCACHE_CONNECT_TIMEOUT_MS")]
    connect_timeout: Option<u64>,
    /// Milliseconds that an exchange with a peer may take [default: 30000].
    #[arg(long, value_name = "MS", env = "GROUPCACHE_REQUEST_TIMEOUT_MS")]
    request_timeout: Option<u64>,
    /// Milliseconds that a node still answers after it has left its source of members [default: 1000].
    #[arg(long, value_name = "MS", env = "GROUPCACHE_LINGER_MS")]
    linger: Option<u64>,
    /// Milliseconds between two comparisons with a peer of the changes that both know; 0 for none [default: 10000].
    #[arg(long, value_name = "MS")]
    exchange_interval: Option<u64>,
    /// Bytes of the log of the latest changes [default: 4194304].
    #[arg(long, value_name = "N")]
    change_log_bytes: Option<usize>,
}

impl FrontendOptions {
    /// The node with these settings, whose server listens at `address`.
    pub(super) fn builder(self, address: SocketAddr) -> Result<NodeBuilder, BoxError> {
        let mut http = HttpOptions::default();
        if let Some(ms) = self.connect_timeout {
            http = http.connect_timeout(Duration::from_millis(ms));
        }
        if let Some(ms) = self.request_timeout {
            http = http.request_timeout(Duration::from_millis(ms));
        }
        let mut coherence = CoherenceOptions::default();
        if let Some(ms) = self.exchange_interval {
            coherence = coherence.exchange_interval(Duration::from_millis(ms));
        }
        if let Some(bytes) = self.change_log_bytes {
            coherence = coherence.change_log_bytes(bytes);
        }
        let node = self.node.builder(address)?;
        let mut node = node
            .protocol(self.protocol)
            .http(http)
            .coherence(coherence)
            .metrics(MetricsPage::default());
        if let Some(ms) = self.linger {
            let linger = Duration::from_millis(ms);
            node = node.discovery_options(DiscoveryOptions::default().linger(linger));
        }
        if let Some(label) = self.cluster {
            node = node.cluster(label);
        }
        if let Some(replicas) = self.replicas {
            node = node.replicas(replicas);
        }
        if let Some(window) = self.handoff {
            node = node.handoff(Duration::from_millis(window));
        }
        if let Some(limit) = self.leave_timeout {
            node = node.leave_timeout(Duration::from_millis(limit));
        }
        Ok(node)
    }
}
