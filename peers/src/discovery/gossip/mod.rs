//! Members that find each other by gossip, with no server, by chitchat.
//!
//! Two libraries were read: chitchat and foca.
//!
//! - *chitchat* is Scuttlebutt reconciliation with an accrual failure detector. A node's state is a map that the others
//!   converge to, which is just what a URL and a goodbye need. It brings the UDP transport, a cluster label that is
//!   checked, seeds whose names are resolved again, and the live nodes as a watch. Its licence is MIT. It costs zstd,
//!   and each message lists all nodes, about 50 bytes each, so that it suits clusters of up to several hundred nodes.
//! - *foca* is SWIM. It probes members and has messages of constant size, so that it scales further and finds dead nodes
//!   a little sooner. It has no transport, timers, codec, label or state but an identity: all that would be written
//!   here. Its licence, MPL-2.0, asks for more than attribution, which this workspace's policy does not allow.
//!
//! chitchat does all of what is needed, for the sizes that this project is made for.

#[allow(clippy::module_inception, reason = "the room is named after its type")]
mod gossip;
mod options;
mod state;

pub use gossip::Gossip;
pub use options::GossipOptions;
