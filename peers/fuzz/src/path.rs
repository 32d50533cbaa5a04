use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper::service::Service as _;
use peers::testing::FakePeer;
use peers::{
    BoxFuture, Connector, Error, GetMode, GetRequest, HttpService, HttpTransport, Io, Member,
    Protocol, Reply, Server, Transport as _,
};
use tokio::io::DuplexStream;

use super::connection::Once;
use super::{MAX_KEY_BYTES, options, run};

/// What a connection holds on its way.
const BUFFER: usize = 16 << 10;

/// Reads the input as the end of a request's path, and sends it as a key.
pub fn path(input: &[u8]) {
    run(input, async {
        for dialect in DIALECTS {
            is_read_by_the_rules(dialect, input).await;
        }
        if input.len() <= MAX_KEY_BYTES {
            for dialect in DIALECTS {
                arrives(dialect.protocol, input).await;
            }
        }
    });
}

/// The ways in which the family reads paths.
#[derive(Clone, Copy)]
struct Dialect {
    protocol: Protocol,
    base: &'static str,
    /// Whether a plus is a space.
    plus_is_space: bool,
    /// Whether the path is split before it is unescaped.
    split_first: bool,
}

const DIALECTS: [Dialect; 3] = [
    Dialect {
        protocol: Protocol::Golang,
        base: "/_groupcache/",
        plus_is_space: true,
        split_first: false,
    },
    Dialect {
        protocol: Protocol::Mailgun,
        base: "/_groupcache/",
        plus_is_space: false,
        split_first: false,
    },
    Dialect {
        protocol: Protocol::Galaxycache,
        base: "/_galaxycache/",
        plus_is_space: false,
        split_first: true,
    },
];

impl Dialect {
    /// The group and the key in a path, found without haste.
    fn read(self, path: &[u8]) -> Option<(String, Vec<u8>)> {
        let (group, key) = match self.split_first {
            true => {
                let (group, key) = split(path)?;
                (self.unescape(&group)?, self.unescape(&key)?)
            }
            false => split(&self.unescape(path)?)?,
        };
        let group = String::from_utf8(group).ok()?;
        (key.len() <= MAX_KEY_BYTES).then_some((group, key))
    }

    fn unescape(self, text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let (byte, length) = match text[at] {
                b'%' => {
                    let digits = text.get(at + 1..at + 3)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    let digits = str::from_utf8(digits).ok()?;
                    (u8::from_str_radix(digits, 16).ok()?, 3)
                }
                b'+' if self.plus_is_space => (b' ', 1),
                byte => (byte, 1),
            };
            bytes.push(byte);
            at += length;
        }
        Some(bytes)
    }
}

fn split(path: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let slash = path.iter().position(|byte| *byte == b'/')?;
    Some((path[..slash].into(), path[slash + 1..].into()))
}

async fn is_read_by_the_rules(dialect: Dialect, path: &[u8]) {
    let target = [dialect.base.as_bytes(), path].concat();
    let Ok(target) = Uri::from_maybe_shared(Bytes::from(target)) else {
        return;
    };
    let Some(path) = target.path().strip_prefix(dialect.base) else {
        return;
    };
    let expected = dialect.read(path.as_bytes());
    let peer = Arc::new(FakePeer::new(echo));
    let service = HttpService::new(Arc::clone(&peer) as _, dialect.protocol, options());
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = target;
    let Ok(response) = service.expect("good options").call(request).await;
    let asked = peer.asked().pop().map(|asked| (asked.group, asked.key));
    assert_eq!(asked, expected);
    assert_eq!(asked.is_some(), response.status().is_success());
}

/// A key of any bytes is what the other side is asked for.
async fn arrives(protocol: Protocol, key: &[u8]) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let peer = Arc::new(FakePeer::new(echo));
    let service = HttpService::new(Arc::clone(&peer) as _, protocol, options());
    let _server = Server::start(Once(Some(far)), service.expect("good options"));
    let options = options().connector(Connected(Mutex::new(Some(near))));
    let client = HttpTransport::new(protocol, options)
        .and_then(|transport| transport.dial(&Member::new("http://10.0.0.1:8080")?))
        .expect("good options");
    let mode = GetMode::Load;
    let reply = client
        .get(GetRequest {
            group: "g %",
            key,
            mode,
            known: &[],
        })
        .await;
    assert_eq!(reply.expect("an echo").value, key);
    assert_eq!(peer.asked()[0].group, "g %");
}

/// Connects once.
#[derive(Debug)]
struct Connected(Mutex<Option<DuplexStream>>);

impl Connector for Connected {
    fn connect<'a>(&'a self, _: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        let io = self.0.lock().ok().and_then(|mut io| io.take());
        let io = io.ok_or(io::ErrorKind::ConnectionRefused);
        Box::pin(async { Ok(Box::new(io?) as Box<dyn Io>) })
    }
}

fn echo(request: GetRequest<'_>) -> Result<Reply, Error> {
    Ok(Reply {
        value: request.key.to_vec().into(),
        ..Reply::default()
    })
}
