use std::fmt;
#[cfg(feature = "otel")]
use std::sync::Arc;
#[cfg(feature = "otel")]
use std::time::{Duration, Instant};

#[cfg(feature = "otel")]
use parking_lot::Mutex;
#[cfg(feature = "metrics")]
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Registry};

use super::node::Node;
use super::weak_node::WeakNode;
use crate::metrics::{self, Scrape};

/// A node's metrics, as OpenMetrics and OpenTelemetry have them; from [`Node::metrics`].
///
/// They are made of [`Node::report`] when somebody reads them, and nothing is recorded for them in between. The guide
/// [Watch and alert](crate::docs::watch) lists their names and labels. They do not keep the node: once its last clone is
/// dropped, there are none.
///
/// The number of metrics is bounded by the numbers of groups and peers. Only so many peers, the first by their ids, have
/// metrics of their own; the others are added up as the peer `other`, but for their times.
#[derive(Clone)]
pub struct NodeMetrics {
    node: WeakNode,
    max_peers: usize,
}

/// How long the instruments of one collection read the same report.
#[cfg(feature = "otel")]
const COLLECTION: Duration = Duration::from_millis(100);

impl Node {
    /// The node's metrics, for a registry, a server or a meter of your own.
    ///
    #[cfg_attr(feature = "metrics", doc = "```")]
    #[cfg_attr(not(feature = "metrics"), doc = "```ignore")]
    /// use groupcache::{Key, Node};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// let group = node.group("users", 1 << 20, |key: Key| async move {
    ///     Ok::<_, std::convert::Infallible>(key.to_vec())
    /// });
    /// group.build()?.get("ada").await?;
    ///
    /// let text = node.metrics().text();
    /// assert!(text.contains(r#"groupcache_gets_total{group="users",source="origin"} 1"#));
    ///
    /// // Or beside the metrics that the program has already:
    /// let mut registry = prometheus_client::registry::Registry::default();
    /// registry.register_collector(Box::new(node.metrics()));
    /// # Ok(()) }
    /// ```
    pub fn metrics(&self) -> NodeMetrics {
        NodeMetrics::of(WeakNode::of(self))
    }
}

impl NodeMetrics {
    /// Peers with metrics of their own.
    pub(super) const MAX_PEERS: usize = 100;

    pub(super) fn of(node: WeakNode) -> Self {
        Self {
            node,
            max_peers: Self::MAX_PEERS,
        }
    }

    /// How many peers have metrics of their own. Default: 100. A peer has 22 lines of text.
    pub fn max_peers(mut self, peers: usize) -> Self {
        self.max_peers = peers;
        self
    }

    fn scrape(&self) -> Option<Scrape> {
        let node = self.node.node()?;
        Some(Scrape::new(node.report(), self.max_peers))
    }
}

/// # OpenMetrics
#[cfg(feature = "metrics")]
impl NodeMetrics {
    /// The content type of the [text](Self::text).
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// The metrics as text, to be sent with [`CONTENT_TYPE`](Self::CONTENT_TYPE) by a server of your own. Needs the
    /// feature `metrics`.
    pub fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // Writing to a text does not fail.
        _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}

#[cfg(feature = "metrics")]
impl Collector for NodeMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match self.scrape() {
            Some(scrape) => metrics::encode(&scrape, encoder),
            None => Ok(()),
        }
    }
}

/// # OpenTelemetry
#[cfg(feature = "otel")]
impl NodeMetrics {
    /// Makes instruments of a meter that are observed when the meter's readers collect. Needs the feature `otel`.
    ///
    /// The names begin with `groupcache.`; the units are seconds and bytes, as attributes of the instruments. A histogram
    /// is three counters, `.count`, `.sum` and `.bucket`, the last with the greatest value of each bucket in the attribute
    /// `le`.
    ///
    /// ```
    /// use groupcache::Node;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// node.metrics().observe(&opentelemetry::global::meter("groupcache"));
    /// # Ok(()) }
    /// ```
    pub fn observe(self, meter: &opentelemetry::metrics::Meter) {
        let latest = Mutex::new(None::<(Instant, Arc<Scrape>)>);
        let source: metrics::Source = Arc::new(move || {
            let of_this_collection = latest.lock().clone();
            if let Some((at, scrape)) = of_this_collection
                && at.elapsed() < COLLECTION
            {
                return Some(scrape);
            }
            let scrape = Arc::new(self.scrape()?);
            *latest.lock() = Some((Instant::now(), Arc::clone(&scrape)));
            Some(scrape)
        });
        metrics::observe(meter, &source);
    }
}

impl fmt::Debug for NodeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeMetrics")
            .field("max_peers", &self.max_peers)
            .finish_non_exhaustive()
    }
}
