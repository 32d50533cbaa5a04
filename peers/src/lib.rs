//! Find peers and talk to them: routing, transports and wire formats of the groupcache family.
//!
//! A *member* of the cluster is `{ id, url }` ([`Member`]). A [`Router`] keeps the current
//! [`Routes`]: an immutable snapshot of the ring of members, each a [`Peer`] with a connected
//! [`PeerClient`] and a [`Circuit`] of its own. A [`Transport`] turns a member into a client; a
//! [`PeerService`] is the other side: the node behind a server.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod box_future;
mod client;
mod coherence;
mod connections;
mod context;
mod discovery;
mod endpoint;
mod error;
mod expiry;
mod galaxycache;
mod golang;
#[cfg(feature = "groupcache-go")]
mod groupcache_go;
mod http;
#[cfg(feature = "ipronko")]
mod ipronko;
mod limits;
mod load_scope;
#[cfg(feature = "mailgun")]
mod mailgun;
mod measure;
mod member;
mod message;
mod native;
mod protobuf;
mod protocol;
mod routing;
mod service;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
mod tls;
mod trace_context;
mod transport;
mod wall_clock;

/// The crate of hash rings: a [`Router`] takes its [`Scheme`](consistenthash::Scheme).
pub use consistenthash;
/// The client of Kubernetes: [`Kubernetes::with_client`] takes one.
#[cfg(feature = "kubernetes-unversioned")]
pub use kube;

#[cfg(feature = "tls")]
pub use access::Roster;
pub use access::{Access, Tokens};
pub use box_future::BoxFuture;
pub use client::PeerClient;
pub use coherence::{
    Coherence, CoherenceOptions, Confirmed, DueExchange, SetVerdict, Trust, VersionVector,
};
pub use connections::{Connections, Wire};
pub use context::Context;
#[cfg(feature = "file")]
pub use discovery::MemberFile;
pub use discovery::{
    Discovery, DiscoveryDriver, DiscoveryOptions, DiscoveryStatus, MemberLists, StaticMembers,
    parse_discovery,
};
#[cfg(feature = "dns")]
pub use discovery::{Dns, DnsOptions, IpFamily};
#[cfg(feature = "etcd")]
pub use discovery::{Etcd, EtcdOptions};
#[cfg(feature = "gossip")]
pub use discovery::{Gossip, GossipOptions};
#[cfg(feature = "kubernetes-unversioned")]
pub use discovery::{Kubernetes, KubernetesOptions, KubernetesPort};
pub use endpoint::{HttpService, HttpTransport};
pub use error::Error;
pub use expiry::Expiry;
pub use http::{
    Accepted, Body, Connected, Connector, Destination, HttpOptions, InboundConnections, Io,
    Listener, Page, RemoteAddr, Server, TcpConnector, listen,
};
pub use load_scope::{is_loading, load_scope};
pub use measure::{ClockSkew, Distribution, Failure, Histogram, Recent};
pub use member::Member;
pub use message::{
    ChangeId, GetManyReply, GetManyRequest, GetMode, GetRequest, Knowledge, KnownChange,
    NamedChange, NodeState, OfferRequest, RemoveRequest, Reply, SetRequest, Stamp, UnnamedChanges,
};
pub use protocol::Protocol;
pub use routing::{Circuit, CircuitOptions, Health, Peer, PeerStatus, Router, Routes};
pub use service::PeerService;
#[cfg(feature = "tls")]
pub use tls::{
    Certificates, ClientAuth, ExpectedName, PeerCertificate, ServerName, Tls, TlsConnector,
    TlsListener,
};
pub use trace_context::TraceContext;
pub use transport::Transport;
pub use wall_clock::WallClock;

/// Compiles and runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
