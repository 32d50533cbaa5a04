//! One node of a cluster: answers its peers, in every protocol, and `/api/` for everybody else, on one
//! port. Those who speak HTTP/2 (without TLS), as gRPC does, are told from the others by what they send.
//!
//! - `GET /api/get?key=K`: the value, and in the header `x-groupcache-source` where it came from.
//!   404 if there is none; 502 if it could not be made, 503 if the node is too busy, 504 if it took
//!   too long, with the reason as text.
//! - `PUT /api/set?key=K[&ttl=MS]` with the value as body, `DELETE /api/remove?key=K`,
//!   `POST /api/clear`: 204; 502 if a peer could not be told, 501 if the protocol cannot say it. Then
//!   the change is only made on the nodes that were told, this one among them. All protocols but
//!   golang and galaxycache can say that a key is removed; native, mailgun and groupcache-go that it
//!   is set; only native that the group is cleared.
//! - `GET|PUT /api/peers`: the members, a JSON array of `URL` or `ID=URL`.
//! - `GET /api/health`, `GET /api/stats`.
//!
//! A key is percent-encoded, any bytes; as in a form, `+` is a space.

mod api;
mod origin;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use groupcache::{
    Always, ByRate, GroupBuilder, Never, Node, OneInTen, OwnerMeasured, Protocol, SeenBefore,
};
use tokio::net::TcpListener;

use crate::{BoxError, program, server};
use api::Api;
use origin::Origin;

/// One node of a cluster, with a cache that can be asked over HTTP.
#[derive(Debug, Parser)]
#[command(name = "frontend", version)]
pub struct Options {
    /// Address to listen on, for peers and for /api/; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    listen: String,
    /// How peers reach this node, as URL or ID=URL [default: http:// and the address].
    #[arg(long = "self", value_name = "URL")]
    this: Option<String>,
    /// The members of the cluster, as URL or ID=URL, with or without this node.
    #[arg(long, value_name = "URL,URL", value_delimiter = ',')]
    peers: Vec<String>,
    /// Name of the group.
    #[arg(long, value_name = "NAME", default_value = "demo")]
    group: String,
    /// Bytes that the cache may take.
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    cache_bytes: usize,
    /// URL of the database server [default: values are made up].
    #[arg(long, value_name = "URL")]
    db: Option<String>,
    /// Wire format and ring.
    #[arg(long, value_name = "P", default_value_t)]
    protocol: Protocol,
    /// Milliseconds that a value stays fresh [default: for ever].
    #[arg(long, value_name = "MS")]
    ttl: Option<u64>,
    /// Points of each member on the ring [default: as the protocol has it].
    #[arg(long, value_name = "N")]
    replicas: Option<u32>,
    /// Which values of other nodes are mirrored here.
    #[arg(long, value_enum, default_value_t = Mirror::Owner)]
    promoter: Mirror,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    until_eof: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mirror {
    Always,
    Never,
    OneInTen,
    /// What is fetched ten times a minute.
    Qps,
    /// What is fetched again.
    Known,
    /// What its owner measures to be asked for most.
    Owner,
}

/// Serves until Ctrl-C, then finishes what is under way.
///
/// # Errors
///
/// When a flag cannot work or the address not be bound.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener.local_addr()?;
    let this = match options.this {
        Some(this) => this,
        None => url_of(address)?,
    };

    let mut node = Node::builder(this)
        .peers(options.peers)
        .protocol(options.protocol);
    if let Some(replicas) = options.replicas {
        node = node.replicas(replicas);
    }
    let node = node.start().await?;

    let origin = Origin::new(options.db);
    let mut group = node.group(options.group, options.cache_bytes, origin);
    if let Some(ttl) = options.ttl {
        group = group.ttl(Duration::from_millis(ttl));
    }
    let group = options.promoter.of(group).build()?;

    program::say_ready(address)?;
    let api = Api::new(node.clone(), group);
    let handler = move |request| api.clone().answer(request);
    server::serve(
        listener,
        handler,
        program::stop_requested(options.until_eof),
    )
    .await;
    node.shutdown().await;
    Ok(())
}

fn url_of(address: SocketAddr) -> Result<String, BoxError> {
    if address.ip().is_unspecified() {
        return Err(format!("--self is needed, because no peer can reach http://{address}").into());
    }
    Ok(format!("http://{address}"))
}

impl Mirror {
    fn of(self, group: GroupBuilder) -> GroupBuilder {
        match self {
            Self::Always => group.promoter(Always),
            Self::Never => group.promoter(Never),
            Self::OneInTen => group.promoter(OneInTen::default()),
            Self::Qps => group.promoter(ByRate::per_minute(10.0)),
            Self::Known => group.promoter(SeenBefore),
            Self::Owner => group.promoter(OwnerMeasured::default()),
        }
    }
}
