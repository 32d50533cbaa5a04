//! A web service whose nodes share a cache of its database: axum, SQLite behind a pool, three typed groups, and
//! all that an orchestrator asks of a service. Made to be copied: take this folder, `node_options.rs`, `program.rs` and
//! `traces/` (whose `otlp.rs` needs `client.rs`) as the start of your own.
//!
//! ```text
//! service --listen 127.0.0.1:8001 --peers http://127.0.0.1:8002 --database shop.sqlite
//! service --listen 127.0.0.1:8002 --peers http://127.0.0.1:8001 --database shop.sqlite
//!
//! curl -X PUT --json '{"name": "Ada", "email": "ada@example.org"}' http://127.0.0.1:8001/users/1
//! curl -i http://127.0.0.1:8002/users/1
//! ```
//!
//! | path | |
//! |---|---|
//! | `GET`, `PUT`, `DELETE /users/{id}` | a user, as JSON; cached as JSON |
//! | `GET`, `PUT`, `DELETE /products/{id}` | a product, as JSON; cached as protobuf |
//! | `GET`, `PUT`, `DELETE /config/{name}` | any JSON |
//! | `GET /stats` | the node, its members and the counters of its groups, as JSON |
//! | `GET /metrics` | the same counters and more, as Prometheus reads them |
//! | `GET /groupcachez` | the live page of the node, for operators |
//! | `GET /healthz` | 200 while the process works |
//! | `GET /readyz` | 200 while requests are welcome, 503 once the service is to stop |
//!
//! A value that was read has its source in the header `x-groupcache-source`. A write goes to the database, and then
//! takes the value out of the cache of every node: 204 if every node has forgotten the old value, 202 if some node
//! could not be reached and will forget it later.
//!
//! While the database fails, values that a node has had are still answered, for as long as `--stale` says: their
//! source is `stale`. What no node has had is a 502, 503 or 504.
//!
//! On SIGTERM or Ctrl-C, `/readyz` says no, the node leaves its source of members (`--discover`), and requests are still
//! answered for `--drain`. Then the service takes no more connections, finishes the requests under way within `--finish`,
//! and ends.

mod database;
mod groups;
mod model;
mod options;
mod reply;
mod routes;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context;
use groupcache::peers::Server;
use groupcache::{HttpOptions, LivePageOptions, MetricsPage};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::node_options::secured;
use crate::{BoxError, program};
use database::Database;
use groups::Groups;
pub use options::Options;
use state::State;

/// Serves until SIGTERM or Ctrl-C, then drains.
///
/// # Errors
///
/// When a flag cannot work, the address not be bound or the database not be opened.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let database = Database::open(&options.database, options.connections).await?;
    let listener = TcpListener::bind(&options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    let node = options.node.builder(address)?;
    let node = node.metrics(MetricsPage::default());
    let node = node.live_page(LivePageOptions::default()).start().await?;
    let groups = Groups::build(&node, &database, &options.cache)?;
    let state = Arc::new(State::new(node.clone(), groups, database));

    // Users and peers share the port: the node answers every request that is for none of the routes. The server
    // has limits on connections and slow clients, and waits for the requests of both when it stops.
    let app = routes::router(Arc::clone(&state)).fallback_service(node.service());
    let limits = HttpOptions::default().drain_timeout(options.finish);
    let listener = secured(listener, &node);
    let server = Server::start_with(listener, TowerToHyperService::new(app), limits)?;

    program::say_ready(address)?;
    program::stop_requested(options.until_eof).await?;
    state.stop_being_ready();
    tracing::info!(drain = ?options.drain, "the service is to stop");
    node.leave().await;
    tokio::time::sleep(options.drain).await;
    node.service().end_page_streams();
    let cut_off = server.shutdown().await;
    tracing::info!(cut_off, "the service has stopped");
    Ok(())
}
