//! A node whose peers send false answers.

use std::convert::Infallible;

use groupcache::peers::Listener as _;
use groupcache::testing::Network;
use groupcache::{Always, CircuitOptions, HttpOptions, Key, Node, Protocol, Source};
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::common::MIB;
use super::wire::{Chunks, LIAR, NODE, endless, field, floods, framed, message, whole};

/// How a node treats a false answer.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The node believes the answer: it returns the value and keeps it.
    Kept,
    /// The node returns the value, and does not keep it.
    Given,
    /// The node reports that the answer is too large, and keeps nothing.
    TooLarge,
    /// The node treats the answer as none, loads the value itself, and keeps that value.
    Own,
}

/// Has a node that mirrors everything ask a liar, and checks what it keeps.
async fn asked(network: &Network, protocol: Protocol, lie: &str) -> Outcome {
    let http = HttpOptions::default()
        .connector(network.connector(NODE))
        .max_value_bytes(100);
    let members = [NODE, LIAR].map(|host| format!("http://{host}"));
    let node = Node::builder(&members[0])
        .peers(&members)
        .protocol(protocol)
        .http(http)
        .circuit(CircuitOptions::default());
    let node = node.start().await.unwrap();
    let getter = |_: Key| async { Ok::<_, Infallible>("own") };
    let group = node.group("g", MIB, getter).promoter(Always);
    let group = group.build().unwrap();
    let mut keys = (0..).map(|n| format!("{n}-key"));
    let key = keys.find(|key| node.owner(key).unwrap().url() == members[1]);
    let key = key.unwrap();

    let entry = group.entry(&key).await;
    let stats = group.stats();
    match entry {
        Ok(entry) if entry.source() == Source::Origin => {
            assert_eq!(
                (stats.entries, stats.peer_errors),
                (1, 1),
                "{lie}: {stats:?}"
            );
            assert_eq!(group.get(&key).await.unwrap(), "own", "{lie}");
            Outcome::Own
        }
        Ok(entry) => {
            assert_eq!(entry.value(), "v", "{lie}");
            assert_eq!(stats.fetched, 1, "{lie}: {stats:?}");
            match stats.entries {
                0 => Outcome::Given,
                _ => Outcome::Kept,
            }
        }
        Err(error) => {
            assert!(error.is_too_large(), "{lie}: {error}");
            assert_eq!((stats.entries, stats.failed), (0, 1), "{lie}: {stats:?}");
            Outcome::TooLarge
        }
    }
}

/// Answers every request with the same bytes, as far as they are taken.
fn lying(network: &Network, answer: Vec<u8>) {
    let mut listener = network.listen(LIAR).unwrap();
    tokio::spawn(async move {
        loop {
            let mut io = listener.accept().await.unwrap().into_io();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(io.read_u8().await.unwrap());
            }
            let _ = io.write_all(&answer).await;
        }
    });
}

/// The head's beginning of a value.
fn ok(protocol: Protocol) -> String {
    let content_type = match protocol {
        Protocol::Ipronko | Protocol::Galaxycache => "application/octet-stream",
        _ => "application/x-protobuf",
    };
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}")
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lies_leaves_no_entry_behind() {
    let one_nanosecond_after_1970 = b"\x18\x01".as_slice();
    let no_life_left = b"\x20\0".as_slice();
    for &protocol in Protocol::ALL {
        let is_raw = matches!(protocol, Protocol::Ipronko | Protocol::Galaxycache);
        let ok = &*ok(protocol);
        let expired = match protocol {
            Protocol::Native => [&field(1, b"v"), no_life_left].concat(),
            _ => [&field(1, b"v"), one_nanosecond_after_1970].concat(),
        };
        let mut lies = vec![
            (
                "announced beyond the limit",
                message(ok, &["content-length: 1000000000000"], b"v"),
                Outcome::TooLarge,
            ),
            ("without end", endless(ok), Outcome::TooLarge),
            (
                "shorter than it says",
                message(ok, &["content-length: 50"], b"v"),
                Outcome::Own,
            ),
            (
                "a chunk that is none",
                message(ok, &["transfer-encoding: chunked"], b"zz\r\n"),
                Outcome::Own,
            ),
            (
                "encoded",
                whole(ok, &["content-encoding: gzip"], b"v"),
                Outcome::Own,
            ),
            ("no HTTP", b"220 smtp ready\r\n".to_vec(), Outcome::Own),
            ("nothing", Vec::new(), Outcome::Own),
            (
                "ended by the connection alone",
                message("HTTP/1.0 200 OK", &["connection: close"], b"v"),
                Outcome::Own,
            ),
            (
                "a gateway's in place of a dead peer",
                whole(
                    "HTTP/1.1 503 Service Unavailable",
                    &[],
                    b"no healthy upstream",
                ),
                Outcome::Own,
            ),
            (
                "a page that says that there is no such page",
                whole(
                    "HTTP/1.1 404 Not Found",
                    &["x-content-type-options: nosniff"],
                    b"404 page not found\n",
                ),
                Outcome::Own,
            ),
        ];
        if protocol != Protocol::Ipronko {
            let page = &["content-type: text/html"];
            let body = if is_raw {
                b"v".to_vec()
            } else {
                field(1, b"v")
            };
            lies.push((
                "a page",
                whole("HTTP/1.1 200 OK", page, &body),
                Outcome::Own,
            ));
        }
        if !is_raw {
            lies.push(("an empty page", whole(ok, &[], b""), Outcome::Own));
        }
        let truth = match is_raw {
            true => b"v".to_vec(),
            false => field(1, b"v"),
        };
        lies.push(("the truth", whole(ok, &[], &truth), Outcome::Kept));
        let [many, long] = floods();
        lies.push(("many headers", whole(ok, &[&many], b"v"), Outcome::Own));
        lies.push(("a long header", whole(ok, &[&long], b"v"), Outcome::Own));
        if !is_raw {
            for (lie, body) in [
                ("no message", b"\xff\xff\xff".as_slice()),
                ("a value cut off", b"\x0a\x05v"),
                (
                    "a length without end",
                    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                ),
                ("a value of another type", b"\x08\x01"),
            ] {
                lies.push((lie, whole(ok, &[], body), Outcome::Own));
            }
        }
        let expired = match protocol {
            Protocol::Galaxycache => {
                let past = "expires: Thu, 01 Jan 1970 00:00:01 GMT";
                lies.push((
                    "a date that is none",
                    whole(ok, &["expires: whenever"], b"v"),
                    Outcome::Own,
                ));
                Some((whole(ok, &[past], b"v"), Outcome::Given))
            }
            // Under mailgun's protocol, such a value is no answer.
            Protocol::Mailgun => Some((whole(ok, &[], &expired), Outcome::Own)),
            Protocol::Ipronko | Protocol::GalaxycacheGrpc => None,
            _ => Some((whole(ok, &[], &expired), Outcome::Given)),
        };
        lies.extend(expired.map(|(bytes, outcome)| ("expired on arrival", bytes, outcome)));
        for (lie, bytes, outcome) in lies {
            let network = Network::new();
            lying(&network, bytes);
            let outcome = match protocol {
                Protocol::GalaxycacheGrpc => Outcome::Own, // none of these is HTTP/2
                _ => outcome,
            };
            assert_eq!(
                asked(&network, protocol, lie).await,
                outcome,
                "{protocol}, {lie}"
            );
        }
    }
}

/// Answers every call with the same body and a status of success.
fn lying_over_grpc(network: &Network, headers: HeaderMap, mut body: Chunks) {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    body.trailers = Some(trailers);
    let mut listener = network.listen(LIAR).unwrap();
    tokio::spawn(async move {
        loop {
            let io = TokioIo::new(listener.accept().await.unwrap().into_io());
            let (headers, body) = (headers.clone(), body.clone());
            let answer = move |_: http::Request<Incoming>| {
                let mut answer = Response::new(body.clone());
                *answer.headers_mut() = headers.clone();
                async { Ok::<_, Infallible>(answer) }
            };
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(io, service_fn(answer)));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lies_over_grpc_leaves_no_entry_behind() {
    let header = |name: &'static str, value: &str| {
        let mut headers = HeaderMap::new();
        let grpc = HeaderValue::from_static("application/grpc");
        headers.insert("content-type", grpc);
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    };
    let plain = || header("a", "b");
    // A timestamp of one second after 1970.
    let expired = [field(1, b"v"), field(3, b"\x08\x01")].concat();
    let cut_off = Chunks::once(b"\0\0\0\0\x09\x0a".as_slice());
    let no_time = [field(1, b"v"), field(3, b"\xff")].concat();
    for (lie, headers, body, outcome) in [
        (
            "the truth",
            plain(),
            Chunks::once(framed(&field(1, b"v"))),
            Outcome::Kept,
        ),
        (
            "expired on arrival",
            plain(),
            Chunks::once(framed(&expired)),
            Outcome::Given,
        ),
        (
            "no time",
            plain(),
            Chunks::once(framed(&no_time)),
            Outcome::Own,
        ),
        (
            "longer than anything",
            plain(),
            Chunks::once(b"\0\xff\xff\xff\xffx".as_slice()),
            Outcome::TooLarge,
        ),
        ("without end", plain(), Chunks::endless(), Outcome::Own),
        (
            "no message",
            plain(),
            Chunks::once(framed(b"\xff\xff")),
            Outcome::Own,
        ),
        ("shorter than it says", plain(), cut_off, Outcome::Own),
        ("nothing", plain(), Chunks::once(""), Outcome::Own),
        (
            "compressed",
            header("grpc-encoding", "gzip"),
            Chunks::once(b"\x01\0\0\0\x01x".as_slice()),
            Outcome::Own,
        ),
        (
            "a flood of headers",
            header("a", &"b".repeat(200_000)),
            Chunks::once(framed(&field(1, b"v"))),
            Outcome::Own,
        ),
    ] {
        let network = Network::new();
        lying_over_grpc(&network, headers, body);
        let asked = asked(&network, Protocol::GalaxycacheGrpc, lie).await;
        assert_eq!(asked, outcome, "{lie}");
    }
}
