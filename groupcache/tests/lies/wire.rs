//! Bytes as peers send them, on a simulated network.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use groupcache::peers::{Connector as _, Io};
use groupcache::testing::Network;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) const NODE: &str = "10.0.0.1:80";
pub(crate) const LIAR: &str = "10.0.0.2:80";

/// More bytes than any limit in these tests, and than are ever in flight.
pub(crate) const ENDLESS: usize = 4096;

/// A connection from the liar to the node.
pub(crate) async fn connect(network: &Network) -> Box<dyn Io> {
    let url = format!("http://{NODE}").parse().unwrap();
    network.connector(LIAR).connect(&url).await.unwrap()
}

/// Sends bytes on a new connection, and returns all bytes that come back until it closes. Stops
/// sending when the node takes no more bytes.
pub(crate) async fn say(network: &Network, bytes: &[u8]) -> String {
    let (mut read, mut write) = tokio::io::split(connect(network).await);
    let mut answer = Vec::new();
    let sending = async {
        let _ = write.write_all(bytes).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        _ = read.read_to_end(&mut answer) => {}
        never = sending => match never {},
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer over HTTP/1.1.
pub(crate) fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// A message over HTTP/1.1. Its line and its headers are each without the end of the line.
pub(crate) fn message(line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut message = format!("{line}\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        message.extend_from_slice(header.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    message
}

/// A message with an honest length.
pub(crate) fn whole(line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    message(line, &[headers, &[&length]].concat(), body)
}

/// A message whose body comes in chunks and does not end.
pub(crate) fn endless(line: &str) -> Vec<u8> {
    let chunk = [b"400\r\n".as_slice(), &[b'x'; 0x400], b"\r\n"].concat();
    message(
        line,
        &["transfer-encoding: chunked"],
        &chunk.repeat(ENDLESS),
    )
}

/// More headers than anybody needs, in number or in size.
pub(crate) fn floods() -> [String; 2] {
    let many = vec!["a: b"; 300].join("\r\n");
    let long = format!("a: {}", "b".repeat(200_000));
    [many, long]
}

/// A body over HTTP/2: a chunk, so many times, and perhaps trailers.
#[derive(Clone)]
pub(crate) struct Chunks {
    pub(crate) chunk: Bytes,
    pub(crate) times: usize,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Chunks {
    pub(crate) fn once(chunk: impl Into<Bytes>) -> Self {
        Self {
            chunk: chunk.into(),
            times: 1,
            trailers: None,
        }
    }

    pub(crate) fn endless() -> Self {
        Self {
            times: ENDLESS,
            ..Self::once([b'x'; 0x400].to_vec())
        }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.times.checked_sub(1) {
            Some(left) => {
                self.times = left;
                Some(Frame::data(self.chunk.clone()))
            }
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }
}

/// A message as gRPC frames it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// A field of a protobuf message, with fewer than 128 bytes.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[number << 3 | 2, length][..], bytes].concat()
}
