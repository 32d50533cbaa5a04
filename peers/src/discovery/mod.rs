//! Where the members of a cluster come from. Each source is a file or a folder of its own.

#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod discovery;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "gossip")]
mod gossip;
#[cfg(feature = "kubernetes-unversioned")]
mod kubernetes;
#[cfg(feature = "file")]
mod member_file;
mod parse;
mod static_members;

pub use discovery::Discovery;
#[cfg(feature = "dns")]
pub use dns::{Dns, DnsOptions, IpFamily};
#[cfg(feature = "etcd")]
pub use etcd::{Etcd, EtcdOptions};
#[cfg(feature = "gossip")]
pub use gossip::{Gossip, GossipOptions};
#[cfg(feature = "kubernetes-unversioned")]
pub use kubernetes::{Kubernetes, KubernetesOptions, KubernetesPort};
#[cfg(feature = "file")]
pub use member_file::MemberFile;
pub use parse::parse_discovery;
pub use static_members::StaticMembers;
