//! A slow key-value server on SQLite: what the nodes spare.
//!
//! `GET|PUT|DELETE /kv/{key}`, the key percent-encoded; 404 when it is absent. `GET /stats` tells
//! how many reads there were, in all and by key.

mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde_json::json;
use tokio::net::TcpListener;

use crate::escape::unescape_path;
use crate::server::{self, Refusal};
use crate::{BoxError, program};
use store::Store;

/// A slow key-value server on SQLite.
#[derive(Debug, Parser)]
#[command(name = "dbserver", version)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Database file, made if it is missing [default: in memory, gone at the end].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Milliseconds that every read takes.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    delay: u64,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    until_eof: bool,
}

/// Serves until Ctrl-C.
///
/// # Errors
///
/// When the file cannot be opened or the address not be bound.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let database = Arc::new(Database {
        store: Store::open(options.data.as_deref())?,
        delay: Duration::from_millis(options.delay),
        gets: Mutex::default(),
    });
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    program::say_ready(listener.local_addr()?)?;
    let handler = move |request| {
        let database = Arc::clone(&database);
        async move {
            database
                .answer(request)
                .await
                .unwrap_or_else(Refusal::into_response)
        }
    };
    server::serve(
        listener,
        handler,
        program::stop_requested(options.until_eof),
    )
    .await
}

struct Database {
    store: Store,
    delay: Duration,
    /// Reads by key, those of absent keys included.
    gets: Mutex<BTreeMap<Vec<u8>, u64>>,
}

impl Database {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if let Some(escaped) = path.strip_prefix("/kv/") {
            let key = unescape_path(escaped)?;
            return self.key(key, request).await;
        }
        match (path, request.method()) {
            ("/stats", &Method::GET) => Ok(self.stats()),
            ("/stats", _) => Err(unknown_method("GET")),
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "known are /kv/{key} and /stats",
            )),
        }
    }

    async fn key(&self, key: Vec<u8>, request: Request<Incoming>) -> Answer {
        let absent = || Refusal::new(StatusCode::NOT_FOUND, "no such key");
        match *request.method() {
            Method::GET => {
                *self.gets.lock().entry(key.clone()).or_default() += 1;
                tokio::time::sleep(self.delay).await;
                let value = self.store.get(key).await?;
                value.map(server::bytes).ok_or_else(absent)
            }
            Method::PUT => {
                let value = server::read_body(request.into_body()).await?;
                self.store.put(key, value).await?;
                Ok(server::done())
            }
            Method::DELETE => {
                let existed = self.store.delete(key).await?;
                existed.then(server::done).ok_or_else(absent)
            }
            _ => Err(unknown_method("GET, PUT and DELETE")),
        }
    }

    fn stats(&self) -> Response<Full<Bytes>> {
        // JSON names are text, so keys that only differ in invalid UTF-8 are counted together.
        let mut by_key = BTreeMap::<String, u64>::new();
        for (key, gets) in &*self.gets.lock() {
            *by_key
                .entry(String::from_utf8_lossy(key).into_owned())
                .or_default() += gets;
        }
        server::json(&json!({ "gets": by_key.values().sum::<u64>(), "gets_by_key": by_key }))
    }
}

type Answer = Result<Response<Full<Bytes>>, Refusal>;

fn unknown_method(known: &str) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("only {known} can be used here"),
    )
}
