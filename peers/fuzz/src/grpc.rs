use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use peers::{
    BoxFuture, Connector, HttpService, HttpTransport, Io, Member, Protocol, Transport as _,
};

use super::exchange::ask_all;
use super::node::Node;
use super::{options, run};

/// What a connection holds on its way.
const BUFFER: usize = 16 << 10;

/// Reads an answer, or serves a request. Both are written as over HTTP/1.1, with `HTTP/2` as the
/// version; frames and header compression are the business of others. An answer's trailers stand
/// between its headers and its body.
pub fn exchange(input: &[u8]) {
    run(input, async {
        match input.strip_prefix(b"HTTP/2 ") {
            Some(answer) => ask(answer).await,
            None => serve(input).await,
        }
    });
}

async fn serve(request: &[u8]) {
    let (line, headers, body) = head(request);
    let mut words = line.split(|byte| *byte == b' ');
    let method = Method::from_bytes(words.next().unwrap_or_default());
    let target = Uri::try_from(words.next().unwrap_or_default());
    let (Ok(method), Ok(target)) = (method, target) else {
        return;
    };
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
    (*request.method_mut(), *request.uri_mut()) = (method, target);
    (*request.headers_mut(), *request.version_mut()) = (headers, Version::HTTP_2);

    let protocol = Protocol::GalaxycacheGrpc;
    let service = HttpService::new(Arc::new(Node), protocol, options()).expect("good options");
    let Ok(response) = service.call(request).await;
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    if head.status == StatusCode::OK && is_grpc(&head.headers) {
        let trailers = body.trailers().unwrap_or(&head.headers);
        assert!(trailers.contains_key("grpc-status"));
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/grpc")
}

async fn ask(answer: &[u8]) {
    let options = options().connector(Answering(Bytes::copy_from_slice(answer)));
    let client = HttpTransport::new(Protocol::GalaxycacheGrpc, options)
        .and_then(|transport| transport.dial(&Member::new("http://10.0.0.1:8080")?))
        .expect("good options");
    ask_all(&*client, answer.len()).await;
}

/// Connects to servers that give the same answer to every request.
#[derive(Debug)]
struct Answering(Bytes);

impl Connector for Answering {
    fn connect<'a>(&'a self, _: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        let (client, server) = tokio::io::duplex(BUFFER);
        let answer = self.0.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            let response = response(&answer);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http2::Builder::new(TokioExecutor::new());
        tokio::spawn(connection.serve_connection(TokioIo::new(server), service));
        Box::pin(async { Ok(Box::new(client) as Box<dyn Io>) })
    }
}

fn response(
    answer: &[u8],
) -> Response<impl http_body_util::BodyExt<Data = Bytes, Error = Infallible> + Send + 'static + use<>>
{
    let (status, headers, rest) = head(answer);
    let (first, mut trailers, body) = head(rest);
    append(&mut trailers, first);
    let trailers = async move { (!trailers.is_empty()).then_some(Ok(trailers)) };
    let mut response =
        Response::new(Full::new(Bytes::copy_from_slice(body)).with_trailers(trailers));
    *response.status_mut() = StatusCode::from_bytes(status).unwrap_or_default();
    *response.headers_mut() = headers;
    response
}

/// The first line, the headers after it, and what follows an empty line. What is no header is left
/// out.
fn head(message: &[u8]) -> (&[u8], HeaderMap, &[u8]) {
    if let Some(body) = message.strip_prefix(b"\r\n") {
        return (b"", HeaderMap::new(), body);
    }
    let end = message.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (&message[..end], &message[end + 4..]),
        None => (message, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        append(&mut headers, line);
    }
    (first.strip_suffix(b"\r").unwrap_or(first), headers, body)
}

fn append(headers: &mut HeaderMap, line: &[u8]) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return;
    };
    let value = line[colon + 1..].trim_ascii();
    let name = HeaderName::from_bytes(&line[..colon]);
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
        headers.append(name, value);
    }
}
