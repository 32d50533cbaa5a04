use bytes::Bytes;
use groupcache::{Error, Group, Node, Stats};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use serde_json::{Value, json};

use crate::BoxError;
use crate::escape::query_value;
use crate::program::with_causes;
use crate::server::{self, text};

/// What answers a request: `/api/` here, everything else the node.
#[derive(Clone)]
pub(super) struct Api {
    node: Node,
    group: Group,
}

impl Api {
    pub(super) fn new(node: Node, group: Group) -> Self {
        Self { node, group }
    }

    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Response<UnsyncBoxBody<Bytes, BoxError>> {
        if request.uri().path().starts_with("/api/") {
            let answer = self.api(request).await;
            return answer.map(|body| body.map_err(BoxError::from).boxed_unsync());
        }
        match self.node.service().call(request).await {
            Ok(answer) => answer.map(|body| body.map_err(BoxError::from).boxed_unsync()),
            Err(never) => match never {},
        }
    }

    async fn api(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let method = request.method().clone();
        let path = request.uri().path();
        match (path.trim_start_matches("/api/"), method) {
            ("get", Method::GET) => self.get(request.uri().query().unwrap_or_default()).await,
            ("peers", Method::GET) => self.peers(),
            ("peers", Method::PUT) => match server::read_body(request.into_body()).await {
                Ok(body) => self.set_peers(&body),
                Err(refusal) => refusal,
            },
            ("health", Method::GET) => text(StatusCode::OK, "ok\n"),
            ("stats", Method::GET) => server::json(&stats(self.group.stats())),
            ("set", Method::PUT) | ("remove", Method::DELETE) | ("clear", Method::POST) => text(
                StatusCode::NOT_IMPLEMENTED,
                "groups can only be read in this version\n",
            ),
            ("get" | "peers" | "health" | "stats" | "set" | "remove" | "clear", method) => text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{path} does not know {method}\n"),
            ),
            _ => text(StatusCode::NOT_FOUND, format!("there is no {path}\n")),
        }
    }

    async fn get(&self, query: &str) -> Response<Full<Bytes>> {
        let key = match query_value(query, "key") {
            Some(Ok(key)) => key,
            Some(Err(malformed)) => return text(StatusCode::BAD_REQUEST, format!("{malformed}\n")),
            None => return text(StatusCode::BAD_REQUEST, "key= is missing\n"),
        };
        match self.group.entry(key).await {
            Ok(entry) => {
                let source = HeaderValue::from_static(entry.source().as_str());
                let mut answer = server::bytes(entry.into_value());
                answer.headers_mut().insert("x-groupcache-source", source);
                answer
            }
            Err(error) => text(status(&error), format!("{}\n", with_causes(&error))),
        }
    }

    fn peers(&self) -> Response<Full<Bytes>> {
        let members: Vec<String> = self.node.peers().iter().map(ToString::to_string).collect();
        server::json(&json!(members))
    }

    fn set_peers(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let set = serde_json::from_slice::<Vec<String>>(body)
            .map_err(|error| format!("not a JSON array of URLs: {error}"))
            .and_then(|members| {
                self.node
                    .set_peers(members)
                    .map_err(|error| with_causes(&error))
            });
        match set {
            Ok(()) => self.peers(),
            Err(reason) => text(StatusCode::BAD_REQUEST, format!("{reason}\n")),
        }
    }
}

fn status(error: &Error) -> StatusCode {
    if error.is_not_found() {
        StatusCode::NOT_FOUND
    } else if error.is_overloaded() {
        StatusCode::SERVICE_UNAVAILABLE
    } else if error.is_timeout() {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::BAD_GATEWAY
    }
}

fn stats(stats: Stats) -> Value {
    json!({
        "gets": stats.gets,
        "main_hits": stats.main_hits,
        "hot_hits": stats.hot_hits,
        "stale_hits": stats.stale_hits,
        "fetched": stats.fetched,
        "loaded": stats.loaded,
        "not_found": stats.not_found,
        "failed": stats.failed,
        "peer_gets": stats.peer_gets,
        "peer_errors": stats.peer_errors,
        "getter_calls": stats.getter_calls,
        "evictions": stats.evictions,
        "bytes": stats.bytes,
        "entries": stats.entries,
    })
}
