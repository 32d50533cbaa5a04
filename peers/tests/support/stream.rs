//! The other end of a native stream, which says what a test wants.

use std::time::Duration;

use peers::testing::{Network, NetworkListener};

use super::Raw;

pub(crate) const HELLO: u8 = 0;
pub(crate) const PING: u8 = 1;
pub(crate) const PONG: u8 = 2;
pub(crate) const CANCEL: u8 = 3;
pub(crate) const CANCELLED: u8 = 4;
pub(crate) const GRANT: u8 = 5;
pub(crate) const GOAWAY: u8 = 6;
pub(crate) const GET: u8 = 16;
pub(crate) const SET: u8 = 17;
pub(crate) const VALUE: u8 = 32;
pub(crate) const DONE: u8 = 33;
pub(crate) const FAILURE: u8 = 35;

/// How much of a message may be sent without a grant.
pub(crate) const FREE: usize = (1 << 20) + (64 << 10);
/// The longest payload of a frame.
pub(crate) const PIECE: usize = 256 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) more: bool,
    pub(crate) id: u32,
    pub(crate) time: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, id: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            more: false,
            id,
            time: if (16..32).contains(&kind) { 30_000 } else { 0 },
            payload: payload.into(),
        }
    }

    /// A get of a key in group `g`.
    pub(crate) fn get(id: u32, key: &[u8]) -> Self {
        Self::new(GET, id, [b"\0\x01\0g", key].concat())
    }

    /// The answer with a value.
    pub(crate) fn value(id: u32, value: &[u8]) -> Self {
        Self::new(VALUE, id, [b"\0", value].concat())
    }

    pub(crate) fn hello(calls: u32) -> Self {
        let message = (64_u64 << 20).to_le_bytes();
        Self::new(HELLO, 0, [&calls.to_le_bytes()[..], &message].concat())
    }

    /// The first frame of a message of several, which tells the length of the whole.
    pub(crate) fn first(kind: u8, id: u32, length: u64, piece: &[u8]) -> Self {
        let payload = [&length.to_le_bytes()[..], piece].concat();
        Self::new(kind, id, payload).more()
    }

    pub(crate) fn more(self) -> Self {
        Self { more: true, ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = (self.payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend([self.kind, self.more.into(), 0, 0]);
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(self.time.to_le_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// A stream after its handshake.
pub(crate) struct RawStream(pub(crate) Raw);

/// The request for a stream.
pub(crate) fn upgrade() -> String {
    let host = super::SERVER;
    format!(
        "GET /_groupcache/ HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\n\
        upgrade: groupcache-stream/1\r\n\r\n"
    )
}

impl RawStream {
    /// Opens a stream as a client, and reads the greeting.
    pub(crate) async fn open(network: &Network) -> Self {
        let mut raw = Raw::connect(network).await;
        raw.send(upgrade()).await;
        assert_eq!(raw.receive_head().await.unwrap().status(), 101);
        let mut stream = Self(raw);
        assert_eq!(stream.receive().await.unwrap().kind, HELLO);
        stream
    }

    /// Grants a stream as a server, without a greeting.
    pub(crate) async fn accept(listener: &mut NetworkListener) -> Self {
        Self::accept_with(listener, "").await
    }

    /// The same with these lines too in the head of the answer.
    pub(crate) async fn accept_with(listener: &mut NetworkListener, lines: &str) -> Self {
        let mut raw = Raw::accept(listener).await;
        let request = raw.receive().await.unwrap();
        assert_eq!(request.header("upgrade"), Some("groupcache-stream/1"));
        raw.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
            upgrade: groupcache-stream/1\r\n{lines}\r\n"
        ))
        .await;
        Self(raw)
    }

    /// The same with a greeting.
    pub(crate) async fn greet(listener: &mut NetworkListener) -> Self {
        let mut stream = Self::accept(listener).await;
        stream.send(Frame::hello(100)).await;
        stream
    }

    pub(crate) async fn send(&mut self, frame: Frame) {
        self.0.send(frame.bytes()).await;
    }

    /// The next frame. `None` at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Option<Frame> {
        let head = self.take(16).await?;
        let length = u32::from_le_bytes(head[..4].try_into().unwrap());
        Some(Frame {
            kind: head[4],
            more: head[5] == 1,
            id: u32::from_le_bytes(head[8..12].try_into().unwrap()),
            time: u32::from_le_bytes(head[12..].try_into().unwrap()),
            payload: self.take(length as usize).await?,
        })
    }

    /// Whether the other end closes the stream within a minute, without another word.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let closing = tokio::time::timeout(Duration::from_secs(60), self.receive());
        matches!(closing.await, Ok(None))
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.0.buffer.len() < length {
            if !self.0.more().await {
                return None;
            }
        }
        Some(self.0.buffer.drain(..length).collect())
    }
}
