//! A node whose callers send false requests.

use std::time::Duration;

use groupcache::testing::Network;
use groupcache::{Group, HttpOptions, Node, Protocol};
use http::{HeaderMap, HeaderValue, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::common::{Calls, MIB};
use super::wire::{
    Chunks, NODE, connect, endless, field, floods, framed, message, say, status, whole,
};

/// A node that accepts keys of ten bytes and values of a hundred, and a group that is stricter.
async fn node(network: &Network, protocol: Protocol, calls: &Calls) -> (Node, Group) {
    let http = HttpOptions::default()
        .connector(network.connector(NODE))
        .max_key_bytes(10)
        .max_value_bytes(100)
        .body_timeout(Duration::from_secs(5));
    let node = Node::builder(format!("http://{NODE}"))
        .protocol(protocol)
        .http(http)
        .listener(network.listen(NODE).unwrap());
    let node = node.start().await.unwrap();
    let group = node.group("g", MIB, calls.echo());
    let group = group.max_key_bytes(5).max_value_bytes(50).build().unwrap();
    (node, group)
}

/// Checks that the node has loaded and kept nothing, and that it answers honest callers.
async fn assert_unmoved(network: &Network, group: &Group, calls: &Calls, lie: &str) {
    let stats = group.stats();
    assert_eq!((stats.entries, calls.count()), (0, 0), "{lie}: {stats:?}");
    let ping = whole("GET /healthz HTTP/1.1", &[], b"");
    assert_eq!(status(&say(network, &ping).await), 200, "{lie}");
}

/// A `SetRequest` about a key of a group.
fn set(group: &str, key: &str, value: &[u8], expire: &[u8]) -> Vec<u8> {
    [
        &field(1, group.as_bytes()),
        &field(2, key.as_bytes()),
        &field(3, value),
        expire,
    ]
    .concat()
}

/// The field by which a value has expired: it has no life left, or lived until a nanosecond after 1970.
fn expired(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Native => b"\x28\0",
        _ => b"\x20\x01",
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_lies_is_answered_as_documented_and_stores_nothing() {
    let path = "PUT /_groupcache/g/k HTTP/1.1";
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let network = Network::new();
        let calls = Calls::default();
        let (_node, group) = node(&network, protocol, &calls).await;
        let no_group = match protocol {
            Protocol::Native => 404,
            _ => 500,
        };
        let chunked = "transfer-encoding: chunked";
        let honest = set("g", "k", b"v", b"");
        for (lie, bytes, expected) in [
            (
                "expired on arrival",
                whole(path, &[], &set("g", "k", b"v", expired(protocol))),
                200,
            ),
            (
                "about a group that is not there",
                whole(
                    "PUT /_groupcache/h/k HTTP/1.1",
                    &[],
                    &set("h", "k", b"v", b""),
                ),
                no_group,
            ),
            (
                "another group in the path",
                whole("PUT /_groupcache/h/k HTTP/1.1", &[], &honest),
                no_group,
            ),
            (
                "longer than it says, and so than is read",
                whole(path, &[], &honest[..honest.len() - 1]),
                400,
            ),
            (
                "shorter than it says",
                message(path, &["content-length: 50"], &honest),
                408,
            ),
            (
                "announced beyond the limit",
                message(path, &["content-length: 1000000000000"], &honest),
                413,
            ),
            ("without end", endless(path), 413),
            (
                "beyond the limit of the group",
                whole(path, &[], &set("g", "k", &[b'v'; 51], b"")),
                500,
            ),
            (
                "a key beyond the limit of the group",
                whole(
                    "PUT /_groupcache/g/sixsix HTTP/1.1",
                    &[],
                    &set("g", "sixsix", b"v", b""),
                ),
                500,
            ),
            ("no message", whole(path, &[], b"\xff\xff\xff"), 400),
            (
                "a chunk that is none",
                message(path, &[chunked], b"zz\r\n"),
                400,
            ),
        ] {
            let answer = say(&network, &bytes).await;
            assert_eq!(status(&answer), expected, "{protocol}, {lie}: {answer}");
            assert_unmoved(&network, &group, &calls, lie).await;
        }
        for flood in floods() {
            let bytes = whole(path, &[&flood], &honest);
            assert_eq!(status(&say(&network, &bytes).await), 431, "{protocol}");
            assert_unmoved(&network, &group, &calls, "a flood of headers").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_whose_body_names_another_group_leaves_no_entry_there() {
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let network = Network::new();
        let calls = Calls::default();
        let (node, group) = node(&network, protocol, &calls).await;
        let other = node.group("other", MIB, calls.echo()).build().unwrap();
        let bytes = whole(
            "PUT /_groupcache/g/k HTTP/1.1",
            &[],
            &set("other", "k", b"v", b""),
        );
        // Our nodes refuse such a request from each other. In Go the path's group counts.
        let (expected, entries) = match protocol {
            Protocol::Native => (400, 0),
            _ => (200, 1),
        };
        assert_eq!(status(&say(&network, &bytes).await), expected, "{protocol}");
        assert_eq!(group.stats().entries, entries, "{protocol}");
        assert_eq!(other.stats().entries, 0, "{protocol}");
    }
}

/// The line of a get, and the status for a group that is not there.
fn gets(protocol: Protocol) -> (&'static str, u16) {
    match protocol {
        Protocol::Galaxycache | Protocol::GalaxycacheGrpc => ("GET /_galaxycache", 404),
        Protocol::Mailgun | Protocol::GroupcacheGo => ("GET /_groupcache", 500),
        _ => ("GET /_groupcache", 404),
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_that_lies_is_answered_as_documented_and_loads_nothing() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let calls = Calls::default();
        let (_node, group) = node(&network, protocol, &calls).await;
        let (base, no_group) = gets(protocol);
        let line = |path: &str| format!("{base}{path} HTTP/1.1");
        let too_long = line("/g/elevenbytes");
        for (lie, bytes, expected) in [
            ("no such group", whole(&line("/h/k"), &[], b""), no_group),
            ("no key", whole(&line("/g"), &[], b""), 400),
            ("a broken escape", whole(&line("/g/%zz"), &[], b""), 400),
            ("beyond the limit", whole(&too_long, &[], b""), 414),
            (
                "beyond the limit of the group",
                whole(&line("/g/sixsix"), &[], b""),
                500,
            ),
            (
                "a body beyond the limit",
                message(&line("/g/k"), &["content-length: 1000000000000"], b""),
                413,
            ),
            (
                "two lengths",
                message(
                    &line("/g/k"),
                    &["content-length: 1", "content-length: 2"],
                    b"",
                ),
                400,
            ),
        ] {
            let answer = say(&network, &bytes).await;
            assert_eq!(status(&answer), expected, "{protocol}, {lie}: {answer}");
            assert_unmoved(&network, &group, &calls, lie).await;
        }
        for flood in floods() {
            let bytes = whole(&line("/g/k"), &[&flood], b"");
            assert_eq!(status(&say(&network, &bytes).await), 431, "{protocol}");
            assert_unmoved(&network, &group, &calls, "a flood of headers").await;
        }
        // A get needs no body: the node leaves the body unread, and answers the request.
        let answer = say(&network, &endless(&line("/g/k"))).await;
        assert_eq!(status(&answer), 200, "{protocol}");
        assert_eq!(calls.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_lies_is_answered_as_documented_and_changes_nothing() {
    for (protocol, path, garbage) in [
        (Protocol::Native, "/_groupcache/g/_remove-keys/", 400),
        (Protocol::GroupcacheGo, "/_groupcache/g/_remove-keys/", 400),
        (Protocol::Native, "/_groupcache/g/_grow/", 404),
        (Protocol::GroupcacheGo, "/_groupcache/g/_grow/", 404),
        (Protocol::Ipronko, "/_groupcache/g/a%2Fb", 400),
    ] {
        let network = Network::new();
        let calls = Calls::default();
        let (_node, group) = node(&network, protocol, &calls).await;
        let line = format!("POST {path} HTTP/1.1");
        for (lie, bytes, expected) in [
            ("no message", whole(&line, &[], b"\xff\xff"), garbage),
            (
                "announced beyond the limit",
                message(&line, &["content-length: 1000000000000"], b""),
                413,
            ),
            ("without end", endless(&line), 413),
            (
                "shorter than it says",
                message(&line, &["content-length: 50"], b"half"),
                408,
            ),
        ] {
            let answer = say(&network, &bytes).await;
            assert_eq!(status(&answer), expected, "{protocol}, {lie}: {answer}");
            assert_unmoved(&network, &group, &calls, lie).await;
        }
    }
}

/// One exchange over HTTP/2 on a connection of its own: the statuses of HTTP and of gRPC, or
/// nothing if the stream or the connection was refused.
async fn exchange(network: &Network, request: Request<Chunks>) -> Option<(u16, Option<String>)> {
    let io = TokioIo::new(connect(network).await);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.ok()?;
    let grpc = answer.headers().get("grpc-status");
    let grpc = grpc.map(|status| status.to_str().unwrap().to_owned());
    Some((answer.status().as_u16(), grpc))
}

fn over_http2(method: &str, path: &str, headers: HeaderMap, body: Chunks) -> Request<Chunks> {
    let mut request = Request::new(body);
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = format!("http://{NODE}{path}").parse().unwrap();
    *request.headers_mut() = headers;
    request
}

fn one_header(name: &'static str, value: impl TryInto<HeaderValue>) -> HeaderMap {
    let value = value.try_into().ok().expect("a header's value");
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    headers
}

#[tokio::test(start_paused = true)]
async fn a_lie_over_http_2_is_answered_as_over_http_1() {
    let lengthy = || one_header("content-length", "1000000000000");
    let flood = |length| one_header("a", "b".repeat(length));
    let none = HeaderMap::new;
    let path = "/_groupcache/g/k";
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let network = Network::new();
        let calls = Calls::default();
        let (_node, group) = node(&network, protocol, &calls).await;
        let expired = Chunks::once(set("g", "k", b"v", expired(protocol)));
        for (lie, request, expected) in [
            ("expired", over_http2("PUT", path, none(), expired), 200),
            (
                "announced beyond the limit",
                over_http2("PUT", path, lengthy(), Chunks::endless()),
                413,
            ),
            (
                "without end",
                over_http2("PUT", path, none(), Chunks::endless()),
                413,
            ),
            (
                "a flood of headers",
                over_http2("GET", path, flood(20_000), Chunks::once("")),
                431,
            ),
        ] {
            let answer = exchange(&network, request).await;
            assert_eq!(answer, Some((expected, None)), "{protocol}, {lie}");
            assert_unmoved(&network, &group, &calls, lie).await;
        }
        // The node does not even read so large a body, and closes the connection.
        let request = over_http2("GET", path, flood(200_000), Chunks::once(""));
        assert_eq!(exchange(&network, request).await, None, "{protocol}");
        assert_unmoved(&network, &group, &calls, "a greater flood").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_lies_is_answered_as_documented_and_loads_nothing() {
    let path = "/galaxycachepb.GalaxyCache/GetFromPeer";
    let network = Network::new();
    let calls = Calls::default();
    let (_node, group) = node(&network, Protocol::GalaxycacheGrpc, &calls).await;
    let grpc = || one_header("content-type", "application/grpc");
    let with = |name, value: &str| {
        let mut headers = grpc();
        headers.extend(one_header(name, value));
        headers
    };
    let ask = |group: &[u8], key: &[u8]| {
        let message = [field(1, group), field(2, key)].concat();
        Chunks::once(framed(&message))
    };
    let honest = || ask(b"g", b"k");
    let status = |code: &str| Some((200, Some(code.to_owned())));
    for (lie, headers, body, expected) in [
        ("another group", grpc(), ask(b"h", b"k"), status("3")),
        (
            "a group of no text",
            grpc(),
            ask(b"\xff", b"k"),
            status("3"),
        ),
        (
            "no patience",
            with("grpc-timeout", "0n"),
            honest(),
            status("4"),
        ),
        (
            "beyond the limit",
            grpc(),
            ask(b"g", b"elevenbytes"),
            status("11"),
        ),
        (
            "beyond the limit of the group",
            grpc(),
            ask(b"g", b"sixsix"),
            status("11"),
        ),
        (
            "no message",
            grpc(),
            Chunks::once(framed(b"\xff")),
            status("13"),
        ),
        (
            "longer than anything",
            grpc(),
            Chunks::once(b"\0\xff\xff\xff\xffx".as_slice()),
            status("11"),
        ),
        (
            "shorter than it says",
            grpc(),
            Chunks::once(b"\0\0\0\0\x09x".as_slice()),
            status("13"),
        ),
        (
            "announced beyond the limit",
            with("content-length", "1000000000000"),
            Chunks::endless(),
            Some((413, None)),
        ),
        ("without end", grpc(), Chunks::endless(), Some((413, None))),
        (
            "a flood of headers",
            with("a", &"b".repeat(20_000)),
            honest(),
            Some((431, None)),
        ),
    ] {
        let answer = exchange(&network, over_http2("POST", path, headers, body)).await;
        assert_eq!(answer, expected, "{lie}");
        assert_unmoved(&network, &group, &calls, lie).await;
    }
}
