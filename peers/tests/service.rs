//! The server's answers to each kind of caller, and what our client makes of them.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::service::Service as _;
use peers::testing::{FakePeer, Network};
use peers::{
    BoxFuture, Error, Expiry, GetMode, GetRequest, HttpOptions, HttpService, NodeState,
    PeerService, Protocol, Reply,
};
use support::{Message, Raw, dial, echo, get, request, serve, value};

const PROTOCOLS: [Protocol; 2] = [Protocol::Native, Protocol::Golang];

/// Sends raw bytes to a server of `peer` and returns its answer.
async fn say(peer: FakePeer, options: HttpOptions, bytes: &str) -> Message {
    let network = Network::new();
    let (_server, _) = serve(&network, Protocol::Golang, options, peer);
    let mut raw = Raw::connect(&network).await;
    raw.send(bytes).await;
    raw.receive().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_question_gets_the_right_status_and_a_plain_text() {
    for (sent, status, text) in [
        (request("/"), 404, "404 page not found\n"),
        (request("/_groupcache"), 404, "404 page not found\n"),
        (request("/_groupcach/g/k"), 404, "404 page not found\n"),
        (request("*"), 404, "404 page not found\n"),
        (request("/_groupcache/"), 400, "bad request\n"),
        (request("/_groupcache/g"), 400, "bad request\n"),
        (
            request("/_groupcache/g/%"),
            400,
            "bad request: malformed escape in the path\n",
        ),
        (
            request("/_groupcache/%zz/k"),
            400,
            "bad request: malformed escape in the path\n",
        ),
        (
            request("/_groupcache/%ff/k"),
            404,
            "no such group: \u{fffd}\n",
        ),
        (
            request("/_groupcache/g/k").replace("GET", "PUT"),
            405,
            "method not allowed\n",
        ),
        (
            request("/healthz").replace("GET", "DELETE"),
            405,
            "method not allowed\n",
        ),
        (
            request("/other").replace("GET", "POST"),
            404,
            "404 page not found\n",
        ),
    ] {
        let answer = say(FakePeer::new(echo), HttpOptions::default(), &sent).await;
        assert_eq!((answer.status(), answer.text()), (status, text), "{sent}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let methods = if sent.contains("/healthz") {
            "GET, HEAD"
        } else {
            "GET"
        };
        assert_eq!(answer.header("allow"), (status == 405).then_some(methods));
        assert_eq!(
            answer.header("content-length"),
            Some(text.len().to_string().as_str())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_health_check_says_ok() {
    let answer = say(
        FakePeer::new(echo),
        HttpOptions::default(),
        &request("/healthz"),
    )
    .await;
    assert_eq!((answer.status(), answer.text()), (200, "ok"));
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_may_ask_for_health_without_a_body() {
    let network = Network::new();
    let peer = FakePeer::new(echo);
    let (_server, _) = serve(&network, Protocol::Golang, HttpOptions::default(), peer);
    let mut raw = Raw::connect(&network).await;
    raw.send(request("/healthz").replace("GET", "HEAD")).await;
    assert_eq!(raw.receive_head().await.unwrap().status(), 200);
    // A body would be read as the beginning of the next answer.
    raw.send(request("/healthz")).await;
    assert_eq!(raw.receive().await.unwrap().text(), "ok");
}

/// A node whose only group is `g`.
struct OneGroup;

impl PeerService for OneGroup {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { echo(request) })
    }

    fn has_group(&self, group: &str) -> bool {
        group == "g"
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_by_its_head_before_its_body_is_read() {
    let head = |target: &str| {
        request(target)
            .replace("GET", "PUT")
            .replace("\r\n\r\n", "\r\ncontent-length: 1000000\r\n\r\n")
    };
    let too_long = format!("/_groupcache/g/{}", "k".repeat(2_000));
    for (target, text) in [
        ("/_groupcache/nowhere/k", "no such group: nowhere"),
        (&*too_long, "1024"),
    ] {
        let network = Network::new();
        let options = HttpOptions::default().max_key_bytes(1024);
        let (_server, _) = serve(&network, Protocol::Mailgun, options, OneGroup);
        let mut raw = Raw::connect(&network).await;
        raw.send(head(target)).await;
        let answer = raw.receive().await.unwrap();
        assert_ne!(answer.status(), 200);
        assert!(answer.text().contains(text), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_base_path_of_one_slash_everything_is_a_group_but_the_health_check() {
    let options = || HttpOptions::default().base_path("/");
    let answer = say(FakePeer::new(echo), options(), &request("/g/k")).await;
    assert_eq!(
        (answer.status(), &*answer.body),
        (200, b"\x0a\x01k".as_slice())
    );
    let answer = say(FakePeer::new(echo), options(), &request("/healthz")).await;
    assert_eq!((answer.status(), answer.text()), (200, "ok"));
}

#[tokio::test(start_paused = true)]
async fn a_value_is_a_protobuf_message_also_when_it_is_empty() {
    for (key, body) in [("", b"\x0a\x00".as_slice()), ("k", b"\x0a\x01k")] {
        let target = format!("/_groupcache/g/{key}");
        let answer = say(
            FakePeer::new(echo),
            HttpOptions::default(),
            &request(&target),
        )
        .await;
        assert_eq!((answer.status(), &*answer.body), (200, body));
        assert_eq!(
            answer.header("content-type"),
            Some("application/x-protobuf")
        );
    }
}

/// An error of the node, the status for callers of other implementations, our header, and the text.
fn errors() -> [(Error, u16, Option<&'static str>, &'static str); 8] {
    let away = std::io::Error::other("away");
    [
        (Error::not_found(""), 500, Some("not-found"), "not found\n"),
        (
            Error::not_found("no cat"),
            500,
            Some("not-found"),
            "no cat\n",
        ),
        (Error::getter("no luck"), 500, Some("getter"), "no luck\n"),
        (
            Error::no_such_group("g"),
            404,
            Some("no-such-group"),
            "no such group: g\n",
        ),
        (
            Error::overloaded("loads"),
            429,
            Some("overloaded"),
            "loads\n",
        ),
        (
            Error::too_large("a value", 2, 1),
            500,
            Some("too-large"),
            "a value of 2 bytes is larger than the limit of 1 bytes\n",
        ),
        (
            Error::peer_timed_out("a load took longer than 1s"),
            504,
            Some("timed-out"),
            "a load took longer than 1s\n",
        ),
        (
            Error::unreachable("http://a", away),
            500,
            None,
            "cannot connect to http://a\n",
        ),
    ]
}

/// A peer that fails once, with the error of row `i`.
fn failing(i: usize) -> FakePeer {
    FakePeer::new(move |_| Err(errors().into_iter().nth(i).unwrap().0))
}

#[tokio::test(start_paused = true)]
async fn errors_reach_golang_callers_as_statuses_that_make_them_fall_back() {
    for (i, (_, status, name, text)) in errors().into_iter().enumerate() {
        let sent = request("/_groupcache/g/k");
        let answer = say(failing(i), HttpOptions::default(), &sent).await;
        assert_eq!((answer.status(), answer.text()), (status, text));
        assert_eq!(answer.header("x-groupcache-error"), name);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_reach_our_callers_as_what_they_were() {
    for protocol in PROTOCOLS {
        for (i, (sent, status, name, _)) in errors().into_iter().enumerate() {
            let network = Network::new();
            let (_server, _) = serve(&network, protocol, HttpOptions::default(), failing(i));
            let client = dial(&network, protocol, HttpOptions::default());
            let received = client.get(get(b"k")).await.unwrap_err();
            match name {
                Some(_) => assert_eq!(received.to_string(), sent.to_string()),
                None => {
                    assert_eq!(
                        received.to_string(),
                        format!("HTTP status {status}: {sent}")
                    );
                }
            }
            assert_eq!(received.is_answer(), sent.is_answer());
            assert!(!received.is_transport(), "{received}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_be_any_bytes() {
    for protocol in PROTOCOLS {
        let network = Network::new();
        let options = HttpOptions::default();
        let (_server, peer) = serve(&network, protocol, options.clone(), FakePeer::new(echo));
        let client = dial(&network, protocol, options);
        let every_byte: Vec<u8> = (0..=255).collect();
        for key in [
            b"".as_slice(),
            b"a b",
            b"a+b",
            b"%",
            b"..",
            b"/a//b/",
            &every_byte,
        ] {
            assert_eq!(client.get(get(key)).await.unwrap().value, key);
            assert_eq!(peer.asked().pop().unwrap().key, key);
        }
        let request = GetRequest {
            group: "größe + mehr%",
            ..get(b"k")
        };
        client.get(request).await.unwrap();
        assert_eq!(peer.asked().pop().unwrap().group, request.group);
    }
}

#[tokio::test(start_paused = true)]
async fn a_literal_plus_is_a_space_from_golang_and_itself_from_others() {
    for (protocol, key) in [(Protocol::Golang, b"a b"), (Protocol::Native, b"a+b")] {
        let network = Network::new();
        let (_server, peer) = serve(
            &network,
            protocol,
            HttpOptions::default(),
            FakePeer::new(echo),
        );
        let mut raw = Raw::connect(&network).await;
        raw.send(request("/_groupcache/g/a+b")).await;
        raw.receive().await.unwrap();
        assert_eq!(peer.asked()[0].key, key);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peek_is_a_peek_on_the_other_side() {
    let network = Network::new();
    let options = HttpOptions::default();
    let (_server, peer) = serve(
        &network,
        Protocol::Native,
        options.clone(),
        FakePeer::new(echo),
    );
    let client = dial(&network, Protocol::Native, options);
    for mode in [GetMode::Peek, GetMode::Load] {
        client.get(GetRequest { mode, ..get(b"k") }).await.unwrap();
        assert_eq!(peer.asked().pop().unwrap().mode, mode);
    }
}

#[tokio::test(start_paused = true)]
async fn golang_peers_are_not_asked_for_a_peek_because_they_would_load() {
    let network = Network::new();
    let client = dial(&network, Protocol::Golang, HttpOptions::default());
    let mode = GetMode::Peek;
    let error = client
        .get(GetRequest { mode, ..get(b"k") })
        .await
        .unwrap_err();
    assert!(error.is_unsupported() && !error.is_transport());
}

#[tokio::test(start_paused = true)]
async fn the_rate_travels_under_both_protocols_and_the_expiry_and_the_number_of_changes_under_native()
 {
    let expiry = Some(Expiry::In(Duration::from_nanos(123_456_789)));
    // A short value is sent in one piece with its framing, a long value in a piece of its own.
    for bytes in [b"short".as_slice(), &[b'x'; 100_000]] {
        for protocol in PROTOCOLS {
            let sent = Reply {
                expiry,
                minute_qps: Some(12.5),
                state: Some(NodeState {
                    origin: u64::MAX - 300,
                    made: u64::MAX - 301,
                }),
                ..value(bytes)
            };
            let network = Network::new();
            let answer = sent.clone();
            let peer = FakePeer::new(move |_| Ok(answer.clone()));
            let (_server, _) = serve(&network, protocol, HttpOptions::default(), peer);
            let client = dial(&network, protocol, HttpOptions::default());
            let received = client.get(get(b"k")).await.unwrap();
            let expected = match protocol {
                Protocol::Native => sent,
                _ => Reply {
                    expiry: None,
                    state: None,
                    ..sent
                },
            };
            assert_eq!(received, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_request_and_not_the_connection() {
    let network = Network::new();
    let peer = FakePeer::new(|request| match request.key {
        b"bad" => panic!("a bug"),
        _ => echo(request),
    });
    let (_server, _) = serve(&network, Protocol::Native, HttpOptions::default(), peer);
    let client = dial(&network, Protocol::Native, HttpOptions::default());
    let error = client.get(get(b"bad")).await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP status 500: internal error");
    assert_eq!(client.get(get(b"good")).await.unwrap().value, "good");
    assert_eq!(network.accepted(support::SERVER), 1);
}

#[tokio::test]
async fn the_service_can_be_mounted_anywhere_and_sends_a_value_from_where_it_is() {
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    let reply = Reply {
        value: large.clone().into(),
        ..Reply::default()
    };
    let peer = Arc::new(FakePeer::new(move |_| Ok(reply.clone())));
    let service = HttpService::new(peer, Protocol::Golang, HttpOptions::default()).unwrap();

    let request = http::Request::new(Empty::<Bytes>::new());
    assert_eq!(service.call(request).await.unwrap().status(), 404);

    let request = http::Request::get("http://any/_groupcache/g/k")
        .body(Full::<Bytes>::from("x"))
        .unwrap();
    let mut body = service.call(request).await.unwrap().into_body();
    let framing = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(*framing, *b"\x0a\x80\x80\x40");
    let sent = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!((sent.as_ptr(), sent.len()), (large.as_ptr(), large.len()));
    assert!(body.frame().await.is_none());
}
