//! Thumbnails that three nodes make once for all of them: axum, real pictures, and a page to look at.
//!
//! ```text
//! thumbnails                                 # three nodes on free ports, with pictures that it draws itself
//! thumbnails --images ~/Pictures             # with yours
//! thumbnails --delay 2000                    # as if the pictures were far away: placeholders come first
//! ```
//!
//! - `GET /`: a gallery, and from where each of its thumbnails came.
//! - `GET /api/thumbnail?path=P&w=W`: the picture P of the folder, W pixels wide, with a `Cache-Control` and an `ETag`. The
//!   header `x-groupcache-source` is `main`, `hot`, `stale`, `peer` or `origin`. It is `placeholder` if the thumbnail was not
//!   there within `--patience`: then the answer is a drawing that no browser keeps, the load goes on, and the next
//!   request gets the real one. 400 if P or W makes no sense, 404 with the reason if P has no thumbnail, 503 if too many
//!   thumbnails are being made.
//! - `GET /api/stats`: what the node has counted, as JSON.
//!
//! The nodes share this process, so that one command shows it all. In real life each is a process of its own, with
//! its own copy of the pictures or a network file system; nothing else changes.

mod page;
mod routes;
mod samples;
mod studio;
mod wanted;

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use groupcache::peers::Server;
use groupcache::{HttpOptions, Node};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::BoxError;
use crate::folder::Folder;
use crate::server::{listen_in_a_row, serve_pages, url_of};
use routes::Gallery;
use studio::Studio;

/// Three nodes that make thumbnails, and a page that shows them.
#[derive(Debug, Parser)]
#[command(name = "thumbnails", version)]
pub struct Options {
    /// Folder of the pictures [default: some that the program draws].
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: u16,
    /// Address of the first node; the others have the ports after it. With port 0 each takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Bytes of thumbnails that each node may keep.
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    cache_bytes: usize,
    /// Pictures that are decoded at once [default: one for each processor].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<u16>>,
    /// Milliseconds after which a placeholder is answered.
    #[arg(long, value_name = "MS", default_value = "500", value_parser = milliseconds)]
    patience: Duration,
    /// Milliseconds that each load takes longer, as if the pictures were far away.
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    delay: Duration,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    until_eof: bool,
}

/// Serves until Ctrl-C, then finishes what is under way.
///
/// # Errors
///
/// When the pictures cannot be read or drawn, or an address not be bound.
pub async fn run(options: Options) -> Result<(), BoxError> {
    // Removed at the end, if there is one.
    let mut drawn = None;
    let folder = match &options.images {
        Some(folder) => folder.clone(),
        None => drawn.insert(samples::draw().await?).path().to_owned(),
    };
    let folder =
        Folder::open(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let jobs = match options.jobs {
        Some(jobs) => usize::from(jobs.get()),
        None => std::thread::available_parallelism().map_or(2, NonZero::get),
    };
    let studio = Studio::new(folder.clone(), jobs, options.delay);

    let listeners = listen_in_a_row(options.listen, options.nodes).await?;
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    let urls: Vec<String> = addresses?.into_iter().map(url_of).collect();
    let mut servers = Vec::new();
    for (listener, url) in listeners.into_iter().zip(&urls) {
        let node = Node::builder(url).peers(&urls).start().await?;
        let thumbnails = node
            .group("thumbnails", options.cache_bytes, studio.clone())
            .ttl(Duration::from_secs(3600))
            // Keys that may wait for their turn to be made; more are refused with 503.
            .max_flights(1024)
            .build()?;
        let gallery = Gallery {
            node: node.clone(),
            thumbnails,
            folder: folder.clone(),
            patience: options.patience,
        };
        let app = routes::router(Arc::new(gallery)).fallback_service(node.service());
        let app = TowerToHyperService::new(app);
        servers.push(Server::start_with(listener, app, HttpOptions::default())?);
    }
    serve_pages(servers, options.until_eof).await
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
