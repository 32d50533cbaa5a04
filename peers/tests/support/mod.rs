//! What the tests share: recorded rows, a server and clients on a simulated network, and peers that
//! speak raw bytes.
#![allow(dead_code)] // every test uses some of it

pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod operations;
pub(crate) mod pki;
pub(crate) mod recorded;
pub(crate) mod served;
pub(crate) mod stream;

use std::sync::Arc;
use std::time::Duration;

use peers::testing::{Network, NetworkListener};
use peers::{
    Error, GetMode, GetRequest, HttpOptions, HttpService, HttpTransport, Io, Listener as _, Member,
    PeerClient, PeerService, Protocol, Reply, Server, Transport as _,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Where the server listens.
pub(crate) const SERVER: &str = "10.0.0.1:8080";
/// Where the client is.
pub(crate) const CLIENT: &str = "10.0.0.2:8080";

/// The rows of a file in `testdata`.
pub(crate) fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/testdata/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let rows: Vec<Value> = serde_json::from_value(file["rows"].take()).unwrap();
    assert!(!rows.is_empty());
    rows
}

pub(crate) fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("hexadecimal text");
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

pub(crate) fn base64(text: &Value) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = text.as_str().expect("base64 text").trim_end_matches('=');
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.bytes() {
        bits = bits << 6 | DIGITS.iter().position(|&d| d == digit).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// The script of a peer where every key's value is the key itself.
pub(crate) fn echo(request: GetRequest<'_>) -> Result<Reply, Error> {
    Ok(value(request.key))
}

pub(crate) fn value(bytes: &[u8]) -> Reply {
    Reply {
        value: bytes.to_vec().into(),
        ..Reply::default()
    }
}

pub(crate) fn get(key: &[u8]) -> GetRequest<'_> {
    GetRequest {
        group: "g",
        key,
        mode: GetMode::Load,
        known: &[],
    }
}

/// Runs `peer` at [`SERVER`].
pub(crate) fn serve<P: PeerService>(
    network: &Network,
    protocol: Protocol,
    options: HttpOptions,
    peer: P,
) -> (Server, Arc<P>) {
    let peer = Arc::new(peer);
    let service = HttpService::new(Arc::clone(&peer) as _, protocol, options).unwrap();
    let server = Server::start(network.listen(SERVER).unwrap(), service).unwrap();
    (server, peer)
}

/// A client at [`CLIENT`] that asks [`SERVER`].
pub(crate) fn dial(
    network: &Network,
    protocol: Protocol,
    options: HttpOptions,
) -> Arc<dyn PeerClient> {
    let options = options.connector(network.connector(CLIENT));
    let transport = HttpTransport::new(protocol, options).unwrap();
    transport
        .dial(&Member::new(format!("http://{SERVER}")).unwrap())
        .unwrap()
}

/// A connection on which a test sends raw bytes.
pub(crate) struct Raw {
    io: Box<dyn Io>,
    buffer: Vec<u8>,
}

/// A message as received. Header names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        Some(value)
    }

    pub(crate) fn status(&self) -> u16 {
        self.line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

impl Raw {
    pub(crate) fn new(io: Box<dyn Io>) -> Self {
        Self {
            io,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn connect(network: &Network) -> Self {
        use peers::Connector as _;
        let url = format!("http://{SERVER}").parse().unwrap();
        Self::new(network.connector(CLIENT).connect(&url).await.unwrap())
    }

    pub(crate) async fn accept(listener: &mut NetworkListener) -> Self {
        Self::new(listener.accept().await.unwrap().into_io())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends as much as the other end takes, and returns how the sending ended.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.io.write_all(bytes).await
    }

    /// The next message, with a body of its Content-Length. `None` if no message follows.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        let head = self.receive_head().await?;
        let length = head
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            if !self.more().await {
                return None;
            }
        }
        let body = self.buffer.drain(..length).collect();
        Some(Message { body, ..head })
    }

    /// The next message without its body, as the answer to a HEAD.
    pub(crate) async fn receive_head(&mut self) -> Option<Message> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Some(Message {
            line,
            headers,
            body: Vec::new(),
        })
    }

    /// Reads bytes that are not looked at, and says whether there were any.
    pub(crate) async fn receives_more(&mut self) -> bool {
        self.buffer.clear();
        self.more().await
    }

    /// Whether the other end has closed the connection without sending anything.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.more().await
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let length = self.io.read(&mut buffer).await.unwrap_or(0);
        self.buffer.extend_from_slice(&buffer[..length]);
        length > 0
    }
}

/// A GET for `target` as a client sends it.
pub(crate) fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: {SERVER}\r\n\r\n")
}

/// An answer with this body.
pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    answer_of_type("application/x-protobuf", body)
}

fn answer_of_type(content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Asks once while a peer answers by the script. Also returns how many requests the peer saw.
pub(crate) async fn scripted(
    network: &Network,
    client: &dyn PeerClient,
    protocol: Protocol,
    row: &Value,
) -> (Result<Reply, Error>, u64) {
    let name = row["name"].as_str().unwrap();
    if name == "connection-refused" {
        return (client.get(get(b"k")).await, 0);
    }
    let mut listener = network.listen(SERVER).unwrap();
    let mut requests = 0;
    let peer = async {
        let mut first = Raw::accept(&mut listener).await;
        if name.starts_with("prime:") {
            first.receive().await.unwrap();
            let content_type = content_type(protocol).unwrap_or("text/plain");
            first.send(answer_of_type(content_type, b"\x0a\x00")).await;
        }
        let mut next = Some(first);
        loop {
            let mut raw = match next.take() {
                Some(raw) => raw,
                None => Raw::accept(&mut listener).await,
            };
            raw.receive().await.unwrap();
            requests += 1;
            for step in steps(&row["scripted_response_hex"]) {
                match step {
                    Step::Send(bytes) => raw.send(bytes).await,
                    Step::Wait(seconds) => tokio::time::sleep(seconds).await,
                }
            }
            match row["then"].as_str().unwrap() {
                // A reset looks the same from here; connections.rs has one on a real socket.
                "close" | "reset" => drop(raw),
                _ => std::future::pending().await,
            }
        }
    };
    let asking = async {
        if name.starts_with("prime:") {
            client.get(get(b"k")).await.unwrap();
        }
        client.get(get(b"k")).await
    };
    let result = tokio::select! {
        result = asking => result,
        () = peer => unreachable!("the peer answers for ever"),
    };
    (result, requests)
}

/// The content type that a protocol's peers state for a value. `None` if they guess it from the
/// value.
fn content_type(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Ipronko => None,
        Protocol::Galaxycache => Some("application/octet-stream"),
        _ => Some("application/x-protobuf"),
    }
}

/// Whether a scripted value lacks a mark of a peer's values: a length or chunks, and the protocol's
/// content type.
pub(crate) fn lacks_a_peers_marks(row: &Value, protocol: Protocol) -> bool {
    if row["outcome"] != "peer-value" {
        return false;
    }
    let sent = steps(&row["scripted_response_hex"]).into_iter();
    let sent: Vec<u8> = sent
        .filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes),
            Step::Wait(_) => None,
        })
        .flatten()
        .collect();
    let text = String::from_utf8_lossy(&sent).to_lowercase();
    let head = text.rsplit("http/1.").next().unwrap_or_default();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    let has_end = head.contains("content-length:") || head.contains("transfer-encoding:");
    let has_type = content_type(protocol).is_none_or(|expected| head.contains(expected));
    !has_end || !has_type
}

enum Step {
    Send(Vec<u8>),
    Wait(Duration),
}

/// One text, or a list of texts and pauses in seconds.
fn steps(script: &Value) -> Vec<Step> {
    match script {
        Value::Array(steps) => steps.iter().flat_map(self::steps).collect(),
        Value::Number(seconds) => vec![Step::Wait(Duration::from_secs_f64(
            seconds.as_f64().unwrap(),
        ))],
        text => vec![Step::Send(hex(text))],
    }
}
