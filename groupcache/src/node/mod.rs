//! A node: its settings, its groups, and what it lends them.

mod builder;
mod environment;
mod groups;
mod host;
mod members;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod node;
mod report;
#[cfg(feature = "report-page")]
mod report_page;
mod security;
mod weak_node;

pub use builder::NodeBuilder;
pub(crate) use host::Host;
pub(crate) use members::members;
pub use node::Node;
