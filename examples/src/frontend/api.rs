use std::time::Duration;

use bytes::Bytes;
use groupcache::{Error, ErrorKind, Group, Node};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use serde_json::json;
use tracing::{Instrument as _, info_span};

use crate::BoxError;
use crate::escape::query_value;
use crate::program::with_causes;
use crate::server::{self, Refusal, text};

/// Answers requests: those for `/api/` here, and all others by the node.
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
            let (method, path) = (request.method(), request.uri().path());
            let span = info_span!("request", %method, path, otel.kind = "server");
            let answer = self.api(request).instrument(span).await;
            let answer = answer.unwrap_or_else(Refusal::into_response);
            return answer.map(|body| body.map_err(BoxError::from).boxed_unsync());
        }
        match self.node.service().call(request).await {
            Ok(answer) => answer.map(|body| body.map_err(BoxError::from).boxed_unsync()),
            Err(never) => match never {},
        }
    }

    async fn api(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        match (&*path, request.method().as_str()) {
            ("/api/get", "GET") => self.get(&request).await,
            ("/api/set", "PUT") => self.set(request).await,
            ("/api/remove", "DELETE") => self.remove(&request).await,
            ("/api/clear", "POST") => changed(self.group.clear().await),
            ("/api/peers", "GET") => Ok(self.peers()),
            ("/api/peers", "PUT") => self.set_peers(request).await,
            ("/api/health", "GET") => Ok(text(StatusCode::OK, "ok\n")),
            ("/api/stats", "GET") => Ok(server::json(&json!(self.group.stats()))),
            ("/api/runtime", "GET") => Ok(runtime()),
            (
                "/api/get" | "/api/set" | "/api/remove" | "/api/clear" | "/api/peers"
                | "/api/health" | "/api/stats" | "/api/runtime",
                method,
            ) => {
                let reason = format!("{path} does not know {method}");
                Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason))
            }
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no {path}"),
            )),
        }
    }

    async fn get(&self, request: &Request<Incoming>) -> Answer {
        let entry = self.group.entry(key(request)?).await?;
        let source = HeaderValue::from_static(entry.source().as_str());
        let mut answer = server::bytes(entry.into_value());
        answer.headers_mut().insert("x-groupcache-source", source);
        Ok(answer)
    }

    async fn set(&self, request: Request<Incoming>) -> Answer {
        let (key, ttl) = (key(&request)?, ttl(&request)?);
        let mut value = groupcache::Value::from(server::read_body(request.into_body()).await?);
        if let Some(ttl) = ttl {
            value = value.expires_in(ttl);
        }
        changed(self.group.set(key, value).await)
    }

    async fn remove(&self, request: &Request<Incoming>) -> Answer {
        changed(self.group.remove(key(request)?).await)
    }

    fn peers(&self) -> Response<Full<Bytes>> {
        let members: Vec<String> = self.node.peers().iter().map(ToString::to_string).collect();
        server::json(&json!(members))
    }

    async fn set_peers(&self, request: Request<Incoming>) -> Answer {
        let body = server::read_body(request.into_body()).await?;
        let members: Vec<String> = serde_json::from_slice(&body)
            .map_err(|error| Refusal::bad(format!("not a JSON array of URLs: {error}")))?;
        self.node
            .set_peers(members)
            .map_err(|error| Refusal::bad(with_causes(&error)))?;
        Ok(self.peers())
    }
}

/// How many tasks there are in this process.
fn runtime() -> Response<Full<Bytes>> {
    let metrics = tokio::runtime::Handle::current().metrics();
    server::json(&json!({ "tasks": metrics.num_alive_tasks() }))
}

type Answer = Result<Response<Full<Bytes>>, Refusal>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(status(error.kind()), with_causes(&error))
    }
}

fn changed(result: Result<(), Error>) -> Answer {
    result?;
    Ok(server::done())
}

fn key(request: &Request<Incoming>) -> Result<Vec<u8>, Refusal> {
    let key = query_value(request.uri().query().unwrap_or_default(), "key");
    Ok(key.ok_or_else(|| Refusal::bad("key= is missing"))??)
}

fn ttl(request: &Request<Incoming>) -> Result<Option<Duration>, Refusal> {
    let Some(ttl) = query_value(request.uri().query().unwrap_or_default(), "ttl") else {
        return Ok(None);
    };
    let ms = std::str::from_utf8(&ttl?)
        .ok()
        .and_then(|ttl| ttl.parse().ok());
    let ms = ms.ok_or_else(|| Refusal::bad("ttl= is not a number of milliseconds"))?;
    Ok(Some(Duration::from_millis(ms)))
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::KeyTooLarge => StatusCode::URI_TOO_LONG,
        ErrorKind::ValueTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}
