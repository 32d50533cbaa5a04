//! A small server around one handler, with the limits of a node's own server.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use peers::{HttpOptions, Listener};
use tokio::net::TcpListener;

use crate::BoxError;
use crate::escape::Malformed;
use crate::program::{self, with_causes};

/// The largest body a server here reads.
const MAX_BODY: usize = 64 << 20;

/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(30);

/// How long requests under way may take once the server is to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves `listener` until `stop` is over, then lets the requests under way finish.
pub(crate) async fn serve<H, F, B>(
    listener: impl Listener,
    handler: H,
    stop: impl Future,
) -> Result<(), BoxError>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let options = HttpOptions::default().drain_timeout(DRAIN);
    let server = peers::Server::start_with(listener, service, options)?;
    stop.await;
    server.shutdown().await;
    Ok(())
}

/// Listens on an address and, for the other nodes of a program, on the ports after it. With port 0 each gets a free one.
pub(crate) async fn listen_in_a_row(
    first: SocketAddr,
    count: u16,
) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for number in 0..count {
        let mut address = first;
        if first.port() != 0 {
            let port = first.port().checked_add(number);
            address.set_port(port.context("there are no ports after 65535")?);
        }
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("cannot listen on {address}"))?);
    }
    Ok(listeners)
}

/// How the nodes reach each other, also if they listen on all addresses.
pub(crate) fn url_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}")
}

/// An answer of plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    answer(status, "text/plain; charset=utf-8", text.into())
}

/// An answer of JSON.
pub(crate) fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    answer(StatusCode::OK, "application/json", value.to_string().into())
}

/// An answer of bytes that only the client knows the meaning of.
pub(crate) fn bytes(value: impl Into<Bytes>) -> Response<Full<Bytes>> {
    answer(StatusCode::OK, "application/octet-stream", value.into())
}

/// An answer with nothing in it.
pub(crate) fn done() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// Why a request gets no answer: a status, and a reason in one line.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    /// The request makes no sense.
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        text(self.status, self.reason + "\n")
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::bad(malformed.to_string())
    }
}

/// Something broke, through no fault of the client.
impl From<BoxError> for Refusal {
    fn from(error: BoxError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, with_causes(&*error))
    }
}

/// The whole body of a request.
pub(crate) async fn read_body<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Error: Into<BoxError>>,
{
    let body = tokio::time::timeout(BODY, Limited::new(body, MAX_BODY).collect());
    let too_slow = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long");
    match body.await.map_err(|_| too_slow())? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a value has at most {MAX_BODY} bytes"),
        )),
        Err(error) => Err(Refusal::bad(error.to_string())),
    }
}

/// Says where the nodes and their pages are, serves until Ctrl-C or what stands for it, and finishes what is under way.
///
/// # Errors
///
/// When the addresses cannot be said, or the wait fails.
pub(crate) async fn serve_pages(
    servers: Vec<peers::Server>,
    until_eof: bool,
) -> Result<(), BoxError> {
    for server in &servers {
        program::say_ready(server.local_addr())?;
    }
    eprintln!("Open one of these in a browser, and then another:");
    for server in &servers {
        eprintln!("  {}/", url_of(server.local_addr()));
    }
    program::stop_requested(until_eof).await?;
    for server in servers {
        server.shutdown().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;

    use super::*;

    /// A body whose client stops in the middle of it.
    struct Stalled;

    impl Body for Stalled {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_takes_too_long_is_refused() {
        let before = tokio::time::Instant::now();
        let refusal = read_body(Stalled).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(before.elapsed(), BODY);
    }
}
