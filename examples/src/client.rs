//! A small pooled HTTP client.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::BoxError;

/// The largest answer the client reads.
const MAX_BODY: usize = 64 << 20;

/// How long one exchange may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Keeps its connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        Self(
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
        )
    }

    /// One exchange; the answer's status is for the caller to judge.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>, BoxError> {
        let request = Request::builder().method(method).uri(url);
        self.exchange(request.body(body.into())?).await
    }

    /// One exchange, whose request may have headers.
    pub(crate) async fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, BoxError> {
        let url = request.uri().to_string();
        let exchange = async {
            let answer = self.0.request(request.map(Full::new)).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .map_err(|_| format!("{url} gave no answer within {TIMEOUT:?}"))?
    }

    /// As [`send`](Self::send), and every status but success is an error with the server's reason.
    pub(crate) async fn send_ok(
        &self,
        method: Method,
        url: &str,
        body: impl Into<Bytes>,
    ) -> Result<Bytes, BoxError> {
        let (head, body) = self.send(method, url, body).await?.into_parts();
        if head.status.is_success() {
            Ok(body)
        } else {
            let reason = String::from_utf8_lossy(&body);
            Err(format!("{url} answered {}: {}", head.status, reason.trim_end()).into())
        }
    }
}
