//! Where the members of a cluster come from. Each source is a file or a folder of its own.

#[allow(clippy::module_inception, reason = "the room is named after its trait")]
mod discovery;
#[cfg(feature = "dns")]
mod dns;

pub use discovery::Discovery;
#[cfg(feature = "dns")]
pub use dns::{Dns, DnsOptions, IpFamily};
