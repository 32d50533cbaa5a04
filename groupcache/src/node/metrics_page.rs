use peers::Page;

use super::builder::NodeBuilder;
use super::node_metrics::NodeMetrics;
use super::page_answer::{no_node, of_type};
use super::weak_node::WeakNode;

/// The settings of the page on which Prometheus finds a node's metrics; for [`NodeBuilder::metrics`].
#[derive(Clone, Debug)]
#[must_use = "a page is there once a node has it"]
pub struct MetricsPage {
    path: String,
    max_peers: usize,
    is_open: bool,
}

impl Default for MetricsPage {
    fn default() -> Self {
        Self {
            path: "/metrics".into(),
            max_peers: NodeMetrics::MAX_PEERS,
            is_open: false,
        }
    }
}

impl MetricsPage {
    /// The path of the page. Default: `/metrics`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// How many peers have metrics of their own, as [`NodeMetrics::max_peers`]. Default: 100.
    pub fn max_peers(mut self, peers: usize) -> Self {
        self.max_peers = peers;
        self
    }

    /// Answers everybody, also where the node asks for [credentials](NodeBuilder::token). Metrics tell the names of groups
    /// and members, and no key. Default: the page needs the credentials of a change.
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    fn of(self, node: WeakNode) -> Page {
        let metrics = NodeMetrics::of(node.clone()).max_peers(self.max_peers);
        let page = Page::new(self.path, move |_| {
            let answer = if node.node().is_some() {
                of_type(NodeMetrics::CONTENT_TYPE, metrics.text())
            } else {
                no_node()
            };
            async { answer }
        });
        if self.is_open { page.open() } else { page }
    }
}

/// # Watching
impl NodeBuilder {
    /// Answers `GET /metrics` on the port of the peers with the node's [metrics](crate::Node::metrics), as Prometheus reads
    /// them. Default: no such page. Needs the feature `metrics`.
    ///
    /// ```
    /// use groupcache::{MetricsPage, Node};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
    /// let node = Node::builder("http://127.0.0.1:8080")
    ///     .listen("127.0.0.1:0")
    ///     .metrics(MetricsPage::default())
    ///     .start()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Where the node asks for credentials, so does the page, unless it is [open](MetricsPage::open). Prometheus sends a
    /// token as its setting `authorization` has it.
    pub fn metrics(self, page: MetricsPage) -> Self {
        self.page_of_node(|node| page.of(node))
    }
}
