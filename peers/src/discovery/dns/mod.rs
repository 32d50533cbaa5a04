//! Members from a name server.

#[allow(clippy::module_inception, reason = "the room is named after its type")]
mod dns;
mod ip_family;
mod lookups;
mod options;

pub use dns::Dns;
pub use ip_family::IpFamily;
pub use options::DnsOptions;
