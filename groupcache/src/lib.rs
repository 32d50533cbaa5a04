// The README's links lead to GitHub and docs.rs. Here the first definition of a link counts.
//! [beside_others]: docs::beside_others
//! [budget]: docs::budget
//! [features]: docs::features
//! [getting_started]: docs::getting_started
//! [kubernetes]: docs::kubernetes
//! [move_from_go]: docs::move_from_go
//! [objects]: docs::objects
//! [promises]: docs::promises
//! [protocols]: docs::protocols
//! [secure]: docs::secure
//! [test_your_service]: docs::test_your_service
//! [watch]: docs::watch
//! [`Getter`]: Getter
//! [`Bulk`]: Bulk
//! [`Group::get_many`]: Group::get_many
//! [`GroupBuilder`]: GroupBuilder
//! [`HttpOptions`]: HttpOptions
//! [`Node::objects`]: Node::objects
//! [`Node::typed_group`]: Node::typed_group
//! [`NodeBuilder`]: NodeBuilder
//!
#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! - `axum`: axum's `IntoResponse` for [`ByteView`] and [`Error`], and the feature `tower`.
//! - `cli`: the program `groupcache`, which asks and watches the nodes of a cluster: `cargo install groupcache-rs --features
//!   cli`, or `cli,tls,grpc`. [Watch and alert][watch] shows its commands. The library is the same with it.
//! - `disk`: [`GroupBuilder::disk`], a disk below a group's memory, which is there again after a restart. Adds foyer.
//! - `dns`: [`peers::Dns`], the members that a name server knows. Adds hickory-resolver.
//! - `etcd`: [`peers::Etcd`], the members that have announced themselves in etcd. Adds tonic with its transport, and
//!   rustls.
//! - `file`: [`peers::MemberFile`], a file with the members that is read again when it changes. Adds serde_json.
//! - `galaxycache-keys`: [`keys::galaxycache`], the keys of galaxycache's package `cachekey`.
//! - `gossip`: [`peers::Gossip`], members that find each other, without a server. Adds chitchat, with zstd in C.
//! - `groupcache-go`: [`Protocol::GroupcacheGo`], clusters of groupcache-go v3. Adds md-5 and serde_json.
//! - `grpc`: [`Protocol::GalaxycacheGrpc`], galaxycache over gRPC, by tonic.
//! - `ipronko`: [`Protocol::Ipronko`], clusters of ipronko/groupcache. Adds md-5.
//! - `json`: [`Json`], typed values as JSON, by serde_json.
//! - `kubernetes`: [`peers::Kubernetes`], the ready endpoints of a service. Adds kube and rustls, and k8s-openapi for
//!   Kubernetes 1.33 and later. A program that chooses the version of k8s-openapi itself takes
//!   `kubernetes-unversioned`.
//! - `lz4`: [`Compression`], values that are kept compressed where that makes them shorter. Adds lz4_flex.
//! - `mailgun`: [`Protocol::Mailgun`], clusters of mailgun/groupcache. Adds md-5.
//! - `metrics`: [`NodeBuilder::metrics`] and [`Node::metrics`], metrics as text of OpenMetrics, which Prometheus reads. Adds
//!   prometheus-client.
//! - `msgpack`: [`MessagePack`], typed values as MessagePack, by rmp-serde.
//! - `objects-http`: [`ServeObjects`], [objects] over HTTP as a tower service. Adds headers, percent-encoding and
//!   tower-service.
//! - `otel`: OpenTelemetry. A get is one trace over all nodes that work on it; see [`docs::watch`].
//!   [`NodeMetrics::observe`] makes instruments of the metrics. Adds opentelemetry and tracing-opentelemetry.
//! - `page`: [`NodeBuilder::live_page`], a page at `/groupcachez` on which a node shows itself, with its report as JSON.
//!   Adds maud, sha2, base64 and serde_json.
//! - `protobuf`: [`Protobuf`], typed values as protobuf messages, by prost.
//! - `report-page`: [`NodeBuilder::report_page`], the report as JSON alone, for the program `groupcache` and for scripts.
//!   Adds serde_json.
//! - `serde`: `Serialize` for [`Stats`], [`Usage`], [`NodeReport`] and its parts.
//! - `testing`: [`testing`], a whole cluster in one process, for tests. Costs nothing at run time.
//! - `tls`: [`NodeBuilder::tls`], encrypted connections, and peers that are known by their certificates. Adds rustls with
//!   ring, which needs a C compiler.
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
#[cfg(any(feature = "metrics", feature = "otel"))]
mod metrics;
mod node;
mod objects;
mod options;
#[cfg(feature = "page")]
mod page;
mod panics;
mod promoter;
mod rates;
mod report;
mod splitmix64;
mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
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
#[cfg(feature = "metrics")]
pub use node::MetricsPage;
#[cfg(any(feature = "metrics", feature = "otel"))]
pub use node::NodeMetrics;
pub use node::{Node, NodeBuilder};
#[cfg(feature = "objects-http")]
pub use objects::{ObjectBody, ServeObjects};
pub use objects::{
    ObjectInfo, ObjectReader, ObjectSource, ObjectStream, ObjectVersion, Objects, ObjectsBuilder,
};
pub use options::{GetOptions, Mode};
#[cfg(feature = "page")]
pub use page::{LivePage, LivePageOptions};
pub use peers::consistenthash::{HashFn, Scheme};
pub use peers::{
    Access, CircuitOptions, ClockSkew, CoherenceOptions, Connections, Context, Discovery,
    DiscoveryOptions, DiscoveryStatus, Distribution, Failure, Health, HttpOptions, HttpService,
    Member, MemberLists, Page, Protocol, Tokens, TraceContext, Transport, WallClock, Wire,
};
#[cfg(feature = "tls")]
pub use peers::{Certificates, ClientAuth, ExpectedName, ServerName, Tls};
pub use promoter::{
    Always, ByRate, Candidate, Never, OneInTen, OwnerMeasured, Promoter, SeenBefore,
};
pub use report::{
    DiscoveryReport, Evictions, FailedStep, FlightsUnderWay, GetTimes, GroupFailure, GroupReport,
    HotKey, InboundReport, NodeReport, PeerReport, RingPicture, RingReport,
};
pub use stats::Stats;
#[cfg(feature = "lz4")]
pub use store::Compression;
pub use store::{Cached, Entries, EvictionCause, Store, Stored, Usage};
#[cfg(feature = "disk")]
pub use store::{DiskOptions, DiskReport, DiskState};
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
