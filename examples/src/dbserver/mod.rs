//! A slow key-value server on SQLite: what the nodes spare.
//!
//! `GET|PUT|DELETE /kv/{key}`, the key percent-encoded; 404 when it is absent. `GET /stats` tells
//! how many reads there were, in all and by key. `PUT /delay`, with a number of milliseconds as body, and `PUT /failing`,
//! with `true` or `false`, change how reads go from then on; one that fails is answered with 503.

mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
        delay_ms: options.delay.into(),
        is_failing: AtomicBool::new(false),
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
    delay_ms: AtomicU64,
    is_failing: AtomicBool,
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
            ("/delay", &Method::PUT) => {
                let ms = read(request, "a number of milliseconds").await?;
                self.delay_ms.store(ms, Ordering::Relaxed);
                Ok(server::done())
            }
            ("/failing", &Method::PUT) => {
                let is_failing = read(request, "true or false").await?;
                self.is_failing.store(is_failing, Ordering::Relaxed);
                Ok(server::done())
            }
            ("/delay" | "/failing", _) => Err(unknown_method("PUT")),
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "known are /kv/{key}, /stats, /delay and /failing",
            )),
        }
    }

    async fn key(&self, key: Vec<u8>, request: Request<Incoming>) -> Answer {
        let absent = || Refusal::new(StatusCode::NOT_FOUND, "no such key");
        match *request.method() {
            Method::GET => {
                *self.gets.lock().entry(key.clone()).or_default() += 1;
                let delay = self.delay_ms.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(delay)).await;
                if self.is_failing.load(Ordering::Relaxed) {
                    let reason = "the database was told to fail";
                    return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason));
                }
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

/// The body, as what it has to be.
async fn read<T: FromStr>(request: Request<Incoming>, wanted: &str) -> Result<T, Refusal> {
    let body = server::read_body(request.into_body()).await?;
    let text = str::from_utf8(&body).unwrap_or_default();
    let refusal = |_| Refusal::bad(format!("the body is not {wanted}"));
    text.trim().parse().map_err(refusal)
}

fn unknown_method(known: &str) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("only {known} can be used here"),
    )
}
