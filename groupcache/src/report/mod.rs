//! What a node tells of itself: snapshots for metrics, pages and tools.

mod discovery_report;
mod evictions;
mod get_times;
mod group_failure;
mod group_report;
mod hot_key;
mod inbound_report;
mod key_mask;
mod node_report;
mod peer_report;
mod ring_picture;
mod ring_report;
#[cfg(feature = "serde")]
pub(crate) mod serialized;

pub use discovery_report::DiscoveryReport;
pub use evictions::Evictions;
pub use get_times::GetTimes;
pub use group_failure::{FailedStep, GroupFailure};
pub use group_report::{FlightsUnderWay, GroupReport};
pub use hot_key::HotKey;
pub use inbound_report::InboundReport;
pub(crate) use key_mask::KeyMask;
pub use node_report::NodeReport;
pub use peer_report::PeerReport;
pub use ring_picture::RingPicture;
pub use ring_report::RingReport;
