//! Sources of members against the real servers, each a process of its own on a free port. A server that is not
//! installed is reported on standard error; in the gate (`CI=1`) that is a failure.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "gossip")]
mod gossip;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "etcd")]
#[allow(dead_code, reason = "another test needs the rest")]
#[path = "../support/pki.rs"]
mod pki;
mod support;
