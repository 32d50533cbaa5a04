use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::service::Service;
use tokio::sync::Semaphore;

use super::{Body, HttpOptions, MODE, PEEK, failure, unwind};
use crate::{BoxFuture, Error, GetMode, PeerService, Protocol, golang};

/// Where load balancers ask whether the server is there.
const HEALTH: &str = "/healthz";

/// Serves peers over HTTP: a [`hyper::service::Service`], to run in a [`Server`](crate::Server) or
/// to mount in a server of one's own.
///
/// Answers `GET <base path><group>/<key>` as the [`Protocol`] has it, and `GET /healthz` with "ok".
/// Whatever else is asked gets a status that fits and a line of plain text. A request beyond
/// [`max_requests`](HttpOptions::max_requests) is told "overloaded" (429) at once, so that its
/// caller goes elsewhere. If the [`PeerService`] panics, that one request is answered with 500.
///
/// Clones share the limit on requests.
///
/// # Cancel safety
///
/// When the returned future is dropped, because the caller has gone away, so is the future of the
/// [`PeerService`].
#[derive(Clone)]
pub struct HttpService(Arc<Inner>);

struct Inner {
    service: Arc<dyn PeerService>,
    protocol: Protocol,
    options: HttpOptions,
    /// One permit per request that is being answered.
    requests: Semaphore,
}

impl HttpService {
    /// Serves `service` in the dialect of `protocol`.
    ///
    /// # Errors
    ///
    /// Those of [`HttpOptions::validate`].
    pub fn new(
        service: Arc<dyn PeerService>,
        protocol: Protocol,
        options: HttpOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        let requests = Semaphore::new(options.max_requests);
        Ok(Self(Arc::new(Inner {
            service,
            protocol,
            options,
            requests,
        })))
    }

    /// The options that the service was made with.
    pub fn options(&self) -> &HttpOptions {
        &self.0.options
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService")
            .field("protocol", &self.0.protocol)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl<B: http_body::Body> Service<Request<B>> for HttpService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        match self.0.route(&request) {
            Break(response) => Box::pin(ready(Ok(response))),
            Continue(mode) => {
                let inner = Arc::clone(&self.0);
                let uri = request.into_parts().0.uri;
                Box::pin(async move { Ok(inner.get(&uri, mode).await) })
            }
        }
    }
}

impl Inner {
    /// What is asked of the node; or, if nothing is, the answer.
    fn route<B: http_body::Body>(
        &self,
        request: &Request<B>,
    ) -> ControlFlow<Response<Body>, GetMode> {
        let path = request.uri().path();
        if !path.starts_with(&self.options.base_path) && path != HEALTH {
            return Break(failure::text(StatusCode::NOT_FOUND, "404 page not found"));
        }
        let body = request.body().size_hint().lower();
        let limit = self.options.max_body_bytes() as u64;
        if body > limit {
            let error = Error::too_large("a request body", body, limit);
            return Break(failure::answer(StatusCode::PAYLOAD_TOO_LARGE, &error));
        }
        if request.method() != Method::GET {
            let mut response = failure::text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET"));
            return Break(response);
        }
        if path == HEALTH {
            let mut response = Response::new(Body::from("ok"));
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
            return Break(response);
        }
        Continue(match request.headers().get(MODE) {
            Some(mode) if mode == PEEK => GetMode::Peek,
            _ => GetMode::Load,
        })
    }

    async fn get(&self, uri: &Uri, mode: GetMode) -> Response<Body> {
        let Ok(_permit) = self.requests.try_acquire() else {
            let error = Error::overloaded("too many requests at once");
            return failure::answer(StatusCode::TOO_MANY_REQUESTS, &error);
        };
        let target = &uri.path()[self.options.base_path.len()..];
        let answer = golang::answer(self.protocol, &self.options, &*self.service, target, mode);
        unwind::catch(answer).await.unwrap_or_else(|_| {
            tracing::error!(path = uri.path(), "the peer service panicked");
            failure::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        })
    }
}
