//! Where the members of a cluster come from. Each source is a file or a folder of its own.

#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod discovery;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "file")]
mod member_file;
mod parse;
mod static_members;

pub use discovery::Discovery;
#[cfg(feature = "dns")]
pub use dns::{Dns, DnsOptions, IpFamily};
#[cfg(feature = "file")]
pub use member_file::MemberFile;
pub use parse::parse_discovery;
pub use static_members::StaticMembers;
