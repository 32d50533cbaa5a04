//! One node of a cluster: answers its peers, in every protocol, and `/api/` for everybody else, on one
//! port. The first bytes of a connection tell HTTP/2 without TLS, as gRPC speaks it, from HTTP/1.1.
//!
//! - `GET /api/get?key=K`: the value, with its source in the header `x-groupcache-source`. 404 if
//!   there is none; 414 if the key is too long; 502 if the getter failed, 503 if the node is too
//!   busy, 504 if the getter took too long, with the reason as text.
//! - `PUT /api/set?key=K[&ttl=MS]` with the value as body, `DELETE /api/remove?key=K`,
//!   `POST /api/clear`: 204; 413 or 414 if the value or the key is too large; 502 if the change did
//!   not reach a peer, 501 if the protocol cannot carry it. In the last two cases the change is made
//!   on this node and on those that it reached. All protocols but golang and galaxycache carry
//!   removals; native, mailgun and groupcache-go carry sets; only native carries clears.
//! - `GET|PUT /api/peers`: the members, a JSON array of `URL` or `ID=URL`.
//! - `GET /api/health`, `GET /api/stats`, and `GET /api/runtime`: how many tasks there are.
//! - `GET /metrics`: the same counters and more, as Prometheus reads them.
//! - `GET /groupcachez`: the live page of the node, for people; `/groupcachez.json` has its figures, which the tool
//!   `groupcache` reads.
//!
//! A key is percent-encoded, any bytes; as in a form, `+` is a space.

mod api;
mod frontend_options;
mod group_options;
mod origin;

use clap::Parser;
use groupcache::LivePageOptions;
use tokio::net::TcpListener;

use crate::node_options::secured;
use crate::{BoxError, program, server};
use api::Api;
use frontend_options::FrontendOptions;
use group_options::GroupOptions;
use origin::Origin;

/// One node of a cluster, with a cache that can be asked over HTTP.
#[derive(Debug, Parser)]
#[command(name = "frontend", version)]
pub struct Options {
    #[command(flatten)]
    of_node: FrontendOptions,
    /// Name of the group.
    #[arg(long, value_name = "NAME", default_value = "demo")]
    group: String,
    /// Bytes that the cache may take.
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    cache_bytes: usize,
    /// URL of the database server [default: values are made up].
    #[arg(long, value_name = "URL")]
    db: Option<String>,
    #[command(flatten)]
    of_group: GroupOptions,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    until_eof: bool,
}

/// Serves until Ctrl-C, then leaves the source of members, if there is one, and finishes what is under way.
///
/// # Errors
///
/// When a flag cannot work or the address not be bound.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let listen = &options.of_node.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr()?;
    let node = options
        .of_node
        .builder(address)?
        .live_page(LivePageOptions::default());
    let node = node.start().await?;

    let origin = Origin::new(options.db);
    let group = node.group(options.group, options.cache_bytes, origin);
    let group = options.of_group.apply(group).build()?;

    program::say_ready(address)?;
    let api = Api::new(node.clone(), group);
    let handler = move |request| api.clone().answer(request);
    let stop = async {
        let requested = program::stop_requested(options.until_eof).await;
        node.leave().await;
        node.service().end_page_streams();
        requested
    };
    server::serve(secured(listener, &node), handler, stop).await?;
    node.shutdown().await;
    Ok(())
}
