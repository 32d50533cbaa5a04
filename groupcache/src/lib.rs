// The README's links lead to GitHub and docs.rs. Here the first definition of a link counts.
//! [beside_others]: docs::beside_others
//! [budget]: docs::budget
//! [features]: docs::features
//! [getting_started]: docs::getting_started
//! [kubernetes]: docs::kubernetes
//! [move_from_go]: docs::move_from_go
//! [promises]: docs::promises
//! [protocols]: docs::protocols
//! [test_your_service]: docs::test_your_service
//! [watch]: docs::watch
//! [`Getter`]: Getter
//! [`Bulk`]: Bulk
//! [`Group::get_many`]: Group::get_many
//! [`GroupBuilder`]: GroupBuilder
//! [`HttpOptions`]: HttpOptions
//! [`Node::typed_group`]: Node::typed_group
//! [`NodeBuilder`]: NodeBuilder
//!
#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! - `axum`: axum's `IntoResponse` for [`ByteView`] and [`Error`], and the feature `tower`.
//! - `file`: [`peers::MemberFile`], a file with the members that is read again when it changes. Adds serde_json.
//! - `galaxycache-keys`: [`keys::galaxycache`], the keys of galaxycache's package `cachekey`.
//! - `groupcache-go`: [`Protocol::GroupcacheGo`], clusters of groupcache-go v3. Adds md-5 and serde_json.
//! - `grpc`: [`Protocol::GalaxycacheGrpc`], galaxycache over gRPC, by tonic.
//! - `ipronko`: [`Protocol::Ipronko`], clusters of ipronko/groupcache. Adds md-5.
//! - `json`: [`Json`], typed values as JSON, by serde_json.
//! - `mailgun`: [`Protocol::Mailgun`], clusters of mailgun/groupcache. Adds md-5.
//! - `msgpack`: [`MessagePack`], typed values as MessagePack, by rmp-serde.
//! - `protobuf`: [`Protobuf`], typed values as protobuf messages, by prost.
//! - `serde`: `Serialize` for [`Stats`] and [`Usage`].
//! - `testing`: [`testing`], a whole cluster in one process, for tests. Costs nothing at run time.
//! - `tower`: [`HttpService`] as a tower service, to [mount a node](Node::service) in axum. Adds tower-service, a trait.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod answers;
mod bulk;
mod clock;
pub mod docs;
mod entry;
mod error;
mod getter;
mod getter_error;
mod group;
mod key;
pub mod keys;
mod lifetime;
mod node;
mod options;
mod promoter;
mod rates;
mod splitmix64;
mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod typed;
mod value;

/// The crate that finds peers and talks to them: for transports, connectors and listeners of your own.
pub use peers;

pub use answers::Answers;
pub use bulk::Bulk;
pub use byteview::{ByteView, Reader};
pub use entry::{Entry, Source};
pub use error::{Error, ErrorKind, FailedPeer};
pub use getter::Getter;
pub use getter_error::{GetterError, NotFound};
pub use group::{GetMany, Group, GroupBuilder};
pub use key::{Key, ParseKeyError};
pub use lru::{Clock, ManualClock, Policy, SystemClock};
pub use node::{Node, NodeBuilder};
pub use options::{GetOptions, Mode};
pub use peers::consistenthash::{HashFn, Scheme};
pub use peers::{
    CircuitOptions, Context, Discovery, DiscoveryOptions, DiscoveryStatus, HttpOptions,
    HttpService, Member, Protocol, Transport,
};
pub use promoter::{
    Always, ByRate, Candidate, Never, OneInTen, OwnerMeasured, Promoter, SeenBefore,
};
pub use stats::Stats;
pub use store::{Store, Stored, Usage};
#[cfg(feature = "json")]
pub use typed::Json;
#[cfg(feature = "msgpack")]
pub use typed::MessagePack;
#[cfg(feature = "protobuf")]
pub use typed::Protobuf;
pub use typed::{
    Codec, Expiring, Raw, Text, ToTypedValue, TypedGetMany, TypedGetter, TypedGroup, TypedValue,
};
pub use value::Value;
