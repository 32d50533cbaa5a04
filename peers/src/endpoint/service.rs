use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::service::Service;
use tokio::sync::{Semaphore, watch};

use super::dialect::Dialect;
use crate::access::Pass;
#[cfg(feature = "grpc")]
use crate::galaxycache::grpc;
use crate::http::server::{
    InboundRequest, PageStreams, Received, RequestTurns, UpgradedConnection, catch_unwind, receive,
    upgrade,
};
use crate::http::{Addressee, Body, BodyBudget, HEALTH, failure, trace_headers};
use crate::native::stream::{self, StreamService};
use crate::{
    BoxFuture, Context, Error, HttpOptions, Listener, Member, PeerService, Protocol, Server,
};

/// Serves peers over HTTP: to run in a [`Server`](crate::Server), or to mount in a server of one's
/// own. It is a [`hyper::service::Service`], and with the feature `tower` a `tower_service::Service`
/// too, as axum mounts them. A server of one's own has to bring limits of its own for what comes
/// before a request is whole, and needs HTTP/2 without TLS ("h2c") for peers that speak gRPC. Native peers
/// open a stream by an HTTP/1.1 upgrade, for which the server has to allow upgrades, as axum does; to one
/// that does not, they speak plain HTTP. A stream runs on a task of its own there, and ends in good order
/// when the last clone of the service is dropped.
///
/// Answers `<base path><group>/<key>` as the [`Protocol`] has it, `/_galaxycache/` and
/// `/_galaxycache_peek/` as galaxycache has them, over HTTP/2 the gRPC methods of galaxycache (with
/// the feature `grpc`), `GET` and `HEAD` of `/healthz` with "ok", or what is [amiss](PeerService::degraded), and the
/// [pages](HttpOptions::page). Every other request gets a status and a line of plain text, and does not reach the [`PeerService`]:
///
/// | a request | is answered with | over gRPC |
/// |---|---|---|
/// | without the [credentials](HttpOptions::tokens) that it needs | 401; with the certificate of somebody who is no member 403 | `UNAUTHENTICATED`, `PERMISSION_DENIED` |
/// | that cannot be read: its escapes, its message, what its headers say of changes, a body that breaks off | 400 | `INTERNAL` |
/// | with a method that the protocol does not have | 405 | |
/// | whose body takes longer than [`body_timeout`](HttpOptions::body_timeout) | 408 | the same 408 |
/// | whose body is longer, or said to be longer, than a value may be | 413, without reading on | the same 413; of a message `OUT_OF_RANGE` |
/// | whose body waits as long for a share of [`max_body_bytes_in_flight`](HttpOptions::max_body_bytes_in_flight) | 408 | the same 408 |
/// | whose key is longer than [`max_key_bytes`](HttpOptions::max_key_bytes) | 414 | `OUT_OF_RANGE` |
/// | beyond [`max_requests`](HttpOptions::max_requests), after a [wait](HttpOptions::request_queue_timeout) | 429, "overloaded": a Go caller then loads the value itself, one of ours takes it for the answer | `RESOURCE_EXHAUSTED` |
/// | whose head is longer than a key needs (by the [`Server`](crate::Server)) | 431, or over HTTP/2 the end of the connection | the same |
/// | that sets a value which has expired already | as one that is set, and removes the old one | |
/// | whose body names another group or key than its path | `native`: 400. mailgun, groupcache-go: as in Go, the path's group and the body's key count | |
/// | about a group that is not there | 404; mailgun, groupcache-go: 500, as their 404 means the key | `INVALID_ARGUMENT` |
/// | that [means](Self::for_member) another member or another cluster | 421, and its body is not read | |
/// | on which the [`PeerService`] panics | 500 | `INTERNAL` |
///
/// Clones share the limit on requests.
///
/// # Cancel safety
///
/// When the returned future is dropped, because the caller has gone away, so is the future of the
/// [`PeerService`].
#[derive(Clone)]
pub struct HttpService(Arc<Inner>);

pub(super) struct Inner {
    service: Arc<dyn PeerService>,
    /// The protocol under the base path.
    pub(super) protocol: Protocol,
    pub(super) options: Arc<HttpOptions>,
    /// Who this node is, if it checks that it is meant.
    pub(super) this: Option<Addressee>,
    /// One turn per request that is being answered.
    requests: Arc<RequestTurns>,
    /// The bytes of all bodies that are being received.
    bodies: Arc<BodyBudget>,
    /// Closes with the last clone of the service, which ends the streams in a server of one's own.
    streams: watch::Sender<bool>,
    /// One permit per page that is being answered, until the last byte is sent; a stream has one of `page_streams`
    /// instead. Pages take none of [`requests`](Self::requests), so that an overloaded node still says what overloads it.
    pub(super) page_requests: Arc<Semaphore>,
    pub(super) page_streams: PageStreams,
}

/// The most pages that are answered at one time.
const MAX_PAGE_REQUESTS: usize = 64;

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
        Self::build(service, protocol, options, None)
    }

    /// The same for the node that is `this` member: it refuses native requests that mean another one, or another
    /// [`cluster`](HttpOptions::cluster). The address of a former member may have become this node's. The refusal names
    /// this node, and so a caller without the credentials that it asks for does not get one.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn for_member(
        service: Arc<dyn PeerService>,
        protocol: Protocol,
        options: HttpOptions,
        this: &Member,
    ) -> Result<Self, Error> {
        let this = Addressee::new(this.id(), options.cluster.as_deref());
        Self::build(service, protocol, options, Some(this))
    }

    /// The bytes of requests' bodies that are being received at the moment, for reports. Over all,
    /// [`max_body_bytes_in_flight`](HttpOptions::max_body_bytes_in_flight) bounds them.
    pub fn body_bytes_in_flight(&self) -> usize {
        self.0.bodies.in_use()
    }

    fn build(
        service: Arc<dyn PeerService>,
        protocol: Protocol,
        options: HttpOptions,
        this: Option<Addressee>,
    ) -> Result<Self, Error> {
        options.validate()?;
        let requests = Arc::new(RequestTurns::new(&options));
        let page_streams = PageStreams::new(options.max_page_streams);
        let options = Arc::new(options);
        let bodies = Arc::new(BodyBudget::new(options.max_body_bytes_in_flight));
        Ok(Self(Arc::new(Inner {
            service,
            protocol,
            options,
            this,
            requests,
            bodies,
            streams: watch::Sender::new(false),
            page_requests: Arc::new(Semaphore::new(MAX_PAGE_REQUESTS)),
            page_streams,
        })))
    }

    /// The options that the service was made with.
    pub fn options(&self) -> &HttpOptions {
        &self.0.options
    }

    /// Ends the [streams](crate::Body::stream) of pages that are open, so that a server of one's own in which the service
    /// is mounted can drain. A [`Server`] does this itself.
    pub fn end_page_streams(&self) {
        self.0.page_streams.end();
    }
}

impl Server {
    /// Serves connections of `listener` with a node's service, within its options, on a task of its
    /// own.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if the listener cannot tell its address.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(listener: impl Listener, service: HttpService) -> Result<Self, Error> {
        let options = service.options().clone();
        let page_streams = service.0.page_streams.clone();
        let mut server = Self::start_with(listener, service, options)?;
        server.page_streams = Some(page_streams);
        Ok(server)
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

impl<B> Service<Request<B>> for HttpService
where
    B: http_body::Body<Data: Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        // Before anything else looks at the request: there is no way around it.
        if let Err(refusal) = self.0.check_credentials(&mut request) {
            return Box::pin(ready(Ok(*refusal)));
        }
        #[cfg(feature = "grpc")]
        if grpc::is_ours(&request) {
            let inner = Arc::clone(&self.0);
            let (head, body) = request.into_parts();
            return match inner.admit(&head) {
                Err(error) => Box::pin(ready(Ok(grpc::refused(&error)))),
                Ok(context) => within(context, async move {
                    inner.grpc(Request::from_parts(head, body)).await
                }),
            };
        }
        if let Err(refusal) = self.0.check_addressee(&request) {
            return Box::pin(ready(Ok(*refusal)));
        }
        if let Some(pass) = self.0.pass_for_stream(&request) {
            return Box::pin(ready(Ok(self.0.begin_stream(request, pass))));
        }
        if let Some(page) = self.0.options.page_at(request.uri().path()) {
            let (inner, page) = (Arc::clone(&self.0), page.clone());
            let (head, _) = request.into_parts();
            return match inner.admit(&head) {
                Err(error) => Box::pin(ready(Ok(refused(&error)))),
                Ok(context) => within(context, async move { inner.answer_page(&page, head).await }),
            };
        }
        match self.0.route(&request) {
            Break(response) => Box::pin(ready(Ok(response))),
            Continue(route) => {
                let inner = Arc::clone(&self.0);
                let (head, body) = request.into_parts();
                let context = match inner.admit(&head) {
                    Ok(context) => context,
                    Err(error) => return Box::pin(ready(Ok(refused(&error)))),
                };
                let body = inner
                    .limit_of_body(&route, &head.method, head.uri.path())
                    .map(|limit| -> BoxFuture<'_, _> {
                        let budget = Arc::clone(&inner.bodies);
                        Box::pin(receive(body, limit, inner.options.body_timeout, budget))
                    });
                within(
                    context,
                    async move { inner.answer(route, &head, body).await },
                )
            }
        }
    }
}

/// The answer to a request that the hook refuses.
fn refused(error: &Error) -> Response<Body> {
    failure::answer(failure::status(error), error)
}

/// The work of a request, with its context if it has one.
fn within(
    context: Option<Context>,
    work: impl Future<Output = Response<Body>> + Send + 'static,
) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
    match context {
        None => Box::pin(async { Ok(work.await) }),
        Some(context) => Box::pin(context.scope(async { Ok(work.await) })),
    }
}

/// The answer to a request with another method than these.
pub(super) fn method_not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = failure::text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Where a request goes.
pub(super) struct Route {
    pub(super) dialect: Dialect,
    /// The length of the base path.
    pub(super) base: usize,
}

/// A body that is still to come.
type Coming = BoxFuture<'static, Result<Received, Box<Response<Body>>>>;

impl Inner {
    /// Asks the hook, if there is one, for the context of a request. Its place in a trace is the one that the request
    /// names, unless the hook says another.
    fn admit(&self, head: &Parts) -> Result<Option<Context>, Error> {
        let hook = self.options.on_request.as_ref();
        let context = hook.map(|hook| hook.admit(head)).transpose()?;
        if context.as_ref().and_then(Context::trace).is_some() {
            return Ok(context);
        }
        Ok(match trace_headers::read(&head.headers) {
            Some(trace) => Some(context.unwrap_or_default().with_trace(trace)),
            None => context,
        })
    }

    /// Answers the calls of a stream, once the answer to the request for it is written.
    fn begin_stream<B>(&self, mut request: Request<B>, pass: Pass) -> Response<Body> {
        let service = StreamService {
            pass: pass.clone(),
            service: Arc::clone(&self.service),
            options: Arc::clone(&self.options),
            requests: Arc::clone(&self.requests),
            bodies: Arc::clone(&self.bodies),
        };
        let mounted = self.streams.subscribe();
        upgrade(&mut request, mounted, move |connection| async move {
            let UpgradedConnection {
                io,
                first,
                draining,
            } = connection;
            // A peer whose credentials have become worthless is asked to open another stream, with better ones.
            let draining = Box::pin(async {
                tokio::select! {
                    () = draining => {}
                    () = pass.expiry() => {}
                }
            });
            stream::serve(io, &first, service, draining).await;
        });
        stream::switching()
    }

    /// The dialect of a path; `None` for the health check, and where nobody answers.
    pub(super) fn locate(&self, path: &str) -> Option<Route> {
        if let Some((dialect, base)) = Dialect::by_path(path) {
            return Some(Route { dialect, base });
        }
        let base_path = &self.options.base_path;
        let is_ours = path == HEALTH || self.options.page_at(path).is_some();
        (path.starts_with(base_path) && !is_ours).then(|| Route {
            dialect: Dialect::of(self.protocol),
            base: base_path.len(),
        })
    }

    /// The dialect that answers the request, or an answer that needs none.
    fn route<B: http_body::Body>(
        &self,
        request: &Request<B>,
    ) -> ControlFlow<Response<Body>, Route> {
        let path = request.uri().path();
        let route = self.locate(path);
        if route.is_none() && path != HEALTH {
            return Break(failure::text(StatusCode::NOT_FOUND, "404 page not found"));
        }
        let body = request.body().size_hint().lower();
        let limit = route
            .as_ref()
            .and_then(|route| self.limit_of_body(route, request.method(), path))
            .unwrap_or_else(|| self.options.max_body_bytes()) as u64;
        if body > limit {
            let error = Error::too_large("a request body", body, limit);
            return Break(failure::answer(StatusCode::PAYLOAD_TOO_LARGE, &error));
        }
        let methods = route
            .as_ref()
            .map_or("GET, HEAD", |route| route.dialect.methods());
        let method = request.method().as_str();
        if methods.split(", ").all(|known| known != method) {
            return Break(method_not_allowed(methods));
        }
        match route {
            Some(route) => Continue(route),
            None => {
                let degraded = self.service.degraded();
                let health = degraded.map_or_else(|| Body::from("ok"), Body::from);
                let mut response = Response::new(health);
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, plain);
                Break(response)
            }
        }
    }

    #[cfg(feature = "grpc")]
    async fn grpc<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data: Send> + Send + 'static,
    {
        let (options, service) = (&self.options, &*self.service);
        let answer = grpc::answer(options, service, &self.requests, &self.bodies, request);
        let answer = catch_unwind::catch(answer);
        answer.await.unwrap_or_else(|_| {
            tracing::error!("the peer service panicked");
            grpc::panicked()
        })
    }

    /// How long a body may be; `None` if it is not looked at.
    fn limit_of_body(&self, route: &Route, method: &Method, path: &str) -> Option<usize> {
        match *method {
            Method::PUT => Some(self.options.max_body_bytes()),
            Method::POST => Some(route.dialect.limit_of_post(&path[route.base..])),
            _ => None,
        }
    }

    async fn answer(&self, route: Route, head: &Parts, body: Option<Coming>) -> Response<Body> {
        let path = head.uri.path();
        let mut request = InboundRequest {
            service: &*self.service,
            options: &self.options,
            method: &head.method,
            target: &path[route.base..],
            headers: &head.headers,
            body: Bytes::new(),
        };
        // Keeps its share of the budget until the request is answered.
        let mut _received = None;
        if let Some(body) = body {
            if let Err(refusal) = route.dialect.check_head(&request) {
                return *refusal;
            }
            match body.await {
                Ok(body) => {
                    request.body = body.bytes.clone();
                    _received = Some(body);
                }
                Err(refusal) => return *refusal,
            }
        }
        // Only now, so that bodies that do not come hold up nobody.
        let _turn = match self.requests.next().await {
            Ok(turn) => turn,
            Err(error) => return failure::answer(StatusCode::TOO_MANY_REQUESTS, &error),
        };
        let answer = catch_unwind::catch(route.dialect.answer(request));
        answer.await.unwrap_or_else(|_| {
            tracing::error!(path, "the peer service panicked");
            failure::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        })
    }
}
