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
use crate::server::{self, text};
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
        async move { database.answer(request).await }
    };
    server::serve(
        listener,
        handler,
        program::stop_requested(options.until_eof),
    )
    .await;
    Ok(())
}

struct Database {
    store: Store,
    delay: Duration,
    /// Reads by key, those of absent keys included.
    gets: Mutex<BTreeMap<Vec<u8>, u64>>,
}

impl Database {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let method = request.method().clone();
        let path = request.uri().path();
        if let Some(escaped) = path.strip_prefix("/kv/") {
            return match unescape_path(escaped) {
                Ok(key) => self.key(&method, key, request.into_body()).await,
                Err(malformed) => text(StatusCode::BAD_REQUEST, format!("{malformed}\n")),
            };
        }
        match (path, method) {
            ("/stats", Method::GET) => self.stats(),
            ("/stats", _) => text(StatusCode::METHOD_NOT_ALLOWED, "only GET is known here\n"),
            _ => text(StatusCode::NOT_FOUND, "known are /kv/{key} and /stats\n"),
        }
    }

    async fn key(&self, method: &Method, key: Vec<u8>, body: Incoming) -> Response<Full<Bytes>> {
        let result = match *method {
            Method::GET => {
                *self.gets.lock().entry(key.clone()).or_default() += 1;
                tokio::time::sleep(self.delay).await;
                self.store
                    .get(key)
                    .await
                    .map(|value| value.map(server::bytes))
            }
            Method::PUT => match server::read_body(body).await {
                Ok(value) => self
                    .store
                    .put(key, value)
                    .await
                    .map(|()| Some(server::done())),
                Err(refusal) => return refusal,
            },
            Method::DELETE => self
                .store
                .delete(key)
                .await
                .map(|existed| existed.then(server::done)),
            _ => {
                let known = "only GET, PUT and DELETE are known here\n";
                return text(StatusCode::METHOD_NOT_ALLOWED, known);
            }
        };
        match result {
            Ok(Some(response)) => response,
            Ok(None) => text(StatusCode::NOT_FOUND, "no such key\n"),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
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
