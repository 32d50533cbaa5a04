//! A node: its settings, its groups, and what it lends them.

mod builder;
mod environment;
mod exchanges;
mod groups;
mod hand_over;
mod host;
mod leaving;
mod members;
#[cfg(feature = "metrics")]
mod metrics_page;
mod newcomers;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod node;
#[cfg(any(feature = "metrics", feature = "otel"))]
mod node_metrics;
#[cfg(any(feature = "metrics", feature = "page", feature = "report-page"))]
mod page_answer;
mod report;
#[cfg(feature = "report-page")]
mod report_page;
mod security;
mod weak_node;

pub use builder::NodeBuilder;
pub(crate) use host::Host;
pub(crate) use members::members;
#[cfg(feature = "metrics")]
pub use metrics_page::MetricsPage;
pub use node::Node;
#[cfg(any(feature = "metrics", feature = "otel"))]
pub use node_metrics::NodeMetrics;
#[cfg(feature = "page")]
pub(crate) use page_answer::{no_node, of_type, text};
#[cfg(feature = "page")]
pub(crate) use weak_node::WeakNode;
