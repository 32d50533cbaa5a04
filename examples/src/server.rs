//! A small server around one handler: HTTP/1.1, and HTTP/2 without TLS, told apart by what arrives.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::BoxError;
use crate::escape::Malformed;
use crate::program::with_causes;

/// The largest body a server here reads.
const MAX_BODY: usize = 64 << 20;

/// How long a connection may wait for its next request. Nodes close their connections to peers sooner,
/// so that a request seldom meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(120);

/// How long a new connection may take to send its first bytes.
const FIRST_BYTES: Duration = Duration::from_secs(10);

/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(30);

/// How long requests under way may take once the server is to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves `listener` until `stop` is over, then lets the requests under way finish.
pub(crate) async fn serve<H, F, B>(listener: TcpListener, handler: H, stop: impl Future)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE);
    // Over HTTP/2 a client may say nothing for as long as it likes, if it answers pings.
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(IDLE);
    let accept = async {
        // The server limits the time of a head only once it knows the version of HTTP, so that a client
        // that sends nothing has to be closed here.
        let mut silent = JoinSet::new();
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        silent.spawn(speaking(stream));
                    } else {
                        // Out of file descriptors, most likely: give connections time to end.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    continue;
                }
                Some(stream) = silent.join_next() => stream,
            };
            let Ok(Some(stream)) = stream else { continue };
            let handler = handler.clone();
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            // A connection that breaks concerns nobody but its client.
            tokio::spawn(connections.watch(connection.into_owned()));
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stop => {}
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
}

/// The connection, once its client has begun to send; `None` if that takes too long.
async fn speaking(stream: TcpStream) -> Option<TcpStream> {
    // Without it, small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let peeked = tokio::time::timeout(FIRST_BYTES, stream.peek(&mut first)).await;
    let bytes = peeked.ok()?.ok()?;
    (bytes > 0).then_some(stream)
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
pub(crate) async fn read_body(body: Incoming) -> Result<Bytes, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let before = tokio::time::Instant::now();
        assert!(speaking(accepted.unwrap().0).await.is_none());
        assert!(before.elapsed() >= FIRST_BYTES);
        drop(client);
    }
}
