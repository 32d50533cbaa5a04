//! Where the members of a cluster come from. Each source is a file or a folder of its own. The driver lets a router
//! follow one.

mod back_off;
#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod discovery;
#[cfg(feature = "dns")]
mod dns;
mod driver;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "gossip")]
mod gossip;
#[cfg(feature = "kubernetes-unversioned")]
mod kubernetes;
mod left_out;
#[cfg(feature = "file")]
mod member_file;
mod options;
mod parse;
mod settling;
mod static_members;
mod status;
#[cfg(any(
    feature = "dns",
    feature = "etcd",
    feature = "file",
    feature = "gossip",
    feature = "kubernetes-unversioned",
    feature = "testing"
))]
pub(crate) mod tells_lists;
mod troubles;
mod usable;

pub use discovery::{Discovery, MemberLists};
#[cfg(feature = "dns")]
pub use dns::{Dns, DnsOptions, IpFamily};
pub use driver::DiscoveryDriver;
#[cfg(feature = "etcd")]
pub use etcd::{Etcd, EtcdOptions};
#[cfg(feature = "gossip")]
pub use gossip::{Gossip, GossipOptions};
#[cfg(feature = "kubernetes-unversioned")]
pub use kubernetes::{Kubernetes, KubernetesOptions, KubernetesPort};
#[cfg(feature = "file")]
pub use member_file::MemberFile;
pub use options::DiscoveryOptions;
pub use parse::parse_discovery;
pub use static_members::StaticMembers;
pub use status::DiscoveryStatus;
