//! Where the members of a cluster come from. Each source is a file or a folder of its own. The driver lets a router
//! follow one.

mod back_off;
#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod discovery;
mod driver;
#[cfg(feature = "file")]
mod member_file;
mod options;
mod parse;
mod settling;
mod static_members;
mod status;
mod troubles;
mod usable;

pub use discovery::Discovery;
pub use driver::DiscoveryDriver;
#[cfg(feature = "file")]
pub use member_file::MemberFile;
pub use options::DiscoveryOptions;
pub use parse::parse_discovery;
pub use static_members::StaticMembers;
pub use status::DiscoveryStatus;
