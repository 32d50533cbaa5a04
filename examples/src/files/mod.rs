//! A file server with three nodes: files of a folder in ranges, of which each piece is read once for all nodes.
//!
//! ```text
//! files                                      # three nodes on free ports, with a sound and a book that it makes itself
//! files --files ~/Videos                     # with yours
//! curl -r 0-99 http://127.0.0.1:PORT/files/book.txt
//! files --measure                            # beside nginx, a file of 4 GiB, and what it costs
//! ```
//!
//! - `GET /`: the files, and a player for those that play.
//! - `GET /files/{path}`: a file or ranges of it, with `ETag` and all that [`groupcache::ServeObjects`] does. 404 for what is
//!   not in the folder.
//! - `GET /api/stats`: what the node has counted, as JSON.
//!
//! The folder stands in for an object store: slow, far away and the same for all nodes. The nodes share this process, so
//! that one command shows it all. In real life each is a process of its own; nothing else changes.

mod directory;
mod measure;
mod page;
mod routes;
mod samples;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use groupcache::peers::Server;
use groupcache::{HttpOptions, Node};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::BoxError;
use crate::folder::Folder;
use crate::server::{listen_in_a_row, serve_pages, url_of};
use directory::Directory;
use measure::Setting;
use routes::FileServer;

/// Three nodes that serve the files of a folder.
#[derive(Debug, Parser)]
#[command(name = "files", version)]
pub struct Options {
    /// Folder of the files [default: some that the program makes].
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: u16,
    /// Address of the first node; the others have the ports after it. With port 0 each takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Bytes of pieces that each node may keep.
    #[arg(long, value_name = "N", default_value_t = 256 << 20)]
    cache_bytes: usize,
    /// Bytes of a piece.
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    piece_bytes: usize,
    /// Pieces that are fetched before they are needed.
    #[arg(long, value_name = "N", default_value_t = 2)]
    read_ahead: usize,
    /// Milliseconds after which a change of a file is seen at the latest.
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    info_ttl: u64,
    /// Measure memory and throughput with a file of this many bytes, beside nginx if it is installed, and end.
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "4294967296")]
    measure: Option<u64>,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    until_eof: bool,
}

/// Serves until Ctrl-C, then finishes what is under way.
///
/// # Errors
///
/// When the files cannot be read or made, or an address not be bound.
pub async fn run(options: Options) -> Result<(), BoxError> {
    if let Some(bytes) = options.measure {
        return measure::run(Setting {
            bytes,
            cache_bytes: options.cache_bytes,
            piece_bytes: options.piece_bytes,
            read_ahead: options.read_ahead,
        })
        .await;
    }
    // Removed at the end, if there is one.
    let mut made = None;
    let folder = match &options.files {
        Some(folder) => folder.clone(),
        None => made.insert(samples::make()?).path().to_owned(),
    };
    let folder =
        Folder::open(&folder).with_context(|| format!("cannot read {}", folder.display()))?;

    let listeners = listen_in_a_row(options.listen, options.nodes).await?;
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    let urls: Vec<String> = addresses?.into_iter().map(url_of).collect();
    let mut servers = Vec::new();
    for (listener, url) in listeners.into_iter().zip(&urls) {
        let node = Node::builder(url).peers(&urls).start().await?;
        let files = node
            .objects("files", options.cache_bytes, Directory::new(folder.clone()))
            .piece_bytes(options.piece_bytes)
            .read_ahead(options.read_ahead)
            .info_ttl(Duration::from_millis(options.info_ttl))
            .build()?;
        let server = FileServer {
            node: node.clone(),
            files,
            folder: folder.clone(),
        };
        let app = routes::router(Arc::new(server)).fallback_service(node.service());
        let app = TowerToHyperService::new(app);
        servers.push(Server::start_with(listener, app, HttpOptions::default())?);
    }
    serve_pages(servers, options.until_eof).await
}
