//! Members from the keys of an etcd cluster, by etcd's v3 API over tonic.
//!
//! The crate etcd-client is not used: its build script runs `protoc`, and neither the users of this feature nor this
//! workspace's build should need a program besides Rust and a C compiler. etcdv3client, which needs no `protoc`, has no
//! TLS and an old tonic. The source needs six calls, so [`messages`] has their messages, and tonic does the rest.

mod announcement;
mod client;
#[allow(clippy::module_inception, reason = "the room is named after its type")]
mod etcd;
mod messages;
mod options;
mod servers;
mod view;

pub use etcd::Etcd;
pub use options::EtcdOptions;
