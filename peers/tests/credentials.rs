//! Without the cluster's token, or with another one, nothing is read or changed: over every protocol, by every method,
//! also where the node is mounted in another server.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::service::Service as _;
use peers::testing::Network;
use peers::{Access, HttpOptions, HttpService, Protocol, Tokens};
use support::log::Log;
use support::node::{Asked, Node};
use support::operations::{operations, supported};
use support::{Raw, SERVER, dial, get, request, serve};
use tracing_subscriber::filter::LevelFilter;

const NATIVE: Protocol = Protocol::Native;

fn tokens(token: &str) -> Tokens {
    Tokens::new(token).unwrap()
}

fn with(token: &str) -> HttpOptions {
    HttpOptions::default().tokens(tokens(token))
}

/// The options of clients that must not get through: without a token and with another one, over the stream and over
/// plain HTTP.
fn strangers() -> [HttpOptions; 4] {
    let none = HttpOptions::default;
    [
        none(),
        none().multiplexing(false),
        with("sesame, open"),
        with("sesame, open").multiplexing(false),
    ]
}

#[tokio::test(start_paused = true)]
async fn without_the_token_every_operation_of_every_protocol_is_refused_and_does_nothing() {
    for &protocol in Protocol::ALL {
        for options in strangers() {
            let network = Network::new();
            let (_server, node) = serve(&network, protocol, with("open sesame"), Node::new("url"));
            let client = dial(&network, protocol, options);
            let mut refused = 0;
            for (name, outcome) in operations(&*client).await {
                let Some(outcome) = outcome else { continue };
                let error = outcome.expect_err(name);
                let text = error.to_string();
                assert!(error.is_denied(), "{protocol}, {name}: {text}");
                assert!(!error.is_transport() && !error.is_answer(), "{text}");
                assert!(
                    text.contains(SERVER) && text.contains("needs credentials"),
                    "{text}"
                );
                assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
                refused += 1;
            }
            assert_eq!(refused, supported(protocol), "{protocol}");
            assert_eq!(node.asked(), [], "{protocol}");
            client.ping().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_token_every_operation_is_done() {
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            let network = Network::new();
            let (_server, node) = serve(&network, protocol, with("open sesame"), Node::new("url"));
            let client = dial(
                &network,
                protocol,
                with("open sesame").multiplexing(multiplexing),
            );
            let mut done = 0;
            for (name, outcome) in operations(&*client).await {
                let Some(outcome) = outcome else { continue };
                outcome.unwrap_or_else(|error| panic!("{protocol}, {name}: {error}"));
                done += 1;
            }
            assert_eq!(done, supported(protocol), "{protocol}");
            assert!(node.asked().contains(&Asked::Load(b"k".into())));
            client.ping().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_changes_need_credentials_anybody_reads() {
    for &protocol in Protocol::ALL {
        for options in strangers() {
            let network = Network::new();
            let guarded = with("open sesame").access(Access::Changes);
            let (_server, node) = serve(&network, protocol, guarded, Node::new("url"));
            let client = dial(&network, protocol, options);
            for (name, outcome) in operations(&*client).await {
                let Some(outcome) = outcome else { continue };
                match name {
                    "get" | "peek" | "warm-up" | "get many" => outcome.expect(name),
                    _ => assert!(outcome.expect_err(name).is_denied(), "{protocol}, {name}"),
                }
            }
            let reads = |asked: &Asked| matches!(asked, Asked::Get(..) | Asked::Load(_));
            let asked = node.asked();
            assert!(!asked.is_empty() && asked.iter().all(reads), "{asked:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_does_not_wait_for_the_body() {
    for &protocol in Protocol::ALL {
        for access in [Access::Everything, Access::Changes] {
            let network = Network::new();
            let options = with("t").access(access);
            let (_server, node) = serve(&network, protocol, options, Node::new("url"));
            for head in [
                "PUT /_groupcache/g/k",
                "POST /_groupcache/g/_remove-keys/",
                "POST /_groupcache/g/_clear/",
                "POST /galaxycachepb.GalaxyCache/Evict",
                "PUT /_galaxycache/g/k",
                "BREW /_groupcache/g/k",
                "PUT /elsewhere",
                "POST /healthz/",
            ] {
                if protocol == Protocol::Ipronko
                    && access == Access::Changes
                    && head.starts_with("POST /_gr")
                {
                    continue; // warm-ups there
                }
                let mut raw = Raw::connect(&network).await;
                let head = format!("{head} HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
                raw.send(head.clone()).await;
                let answer = tokio::time::timeout(Duration::from_millis(1), raw.receive());
                let answer = answer.await.expect("no wait").unwrap();
                assert_eq!(answer.status(), 401, "{protocol}: {head}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            }
            assert_eq!(node.asked(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_spelling_of_a_change_passes_for_a_read() {
    let network = Network::new();
    let options = with("t").access(Access::Changes);
    let (_server, node) = serve(&network, NATIVE, options, Node::new("url"));
    for head in [
        "POST /_groupcache/g/_clear%2F",
        "POST /_groupcache/g%2F_clear%2F/_get-many/",
        "POST /_groupcache/g/_clear/?x=/_get-many/",
        "POST /_groupcache/g%2F_clear/",
        "DELETE /_groupcache/g/_get-many/",
        "PUT /_groupcache/g/_get-many/",
        "POST /_groupcache//g/_remove-keys/",
        "OPTIONS /_groupcache/g/k",
    ] {
        let mut raw = Raw::connect(&network).await;
        raw.send(format!(
            "{head} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        let status = raw.receive().await.unwrap().status();
        assert_eq!(status, 401, "{head}");
    }
    assert_eq!(node.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn the_health_checks_need_no_token() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let (_server, _) = serve(&network, protocol, with("t"), Node::new("url"));
        let mut raw = Raw::connect(&network).await;
        raw.send(request("/healthz")).await;
        assert_eq!(raw.receive().await.unwrap().status(), 200);
        raw.send(request("/_groupcache/health")).await;
        let expected = if protocol == Protocol::Ipronko {
            200
        } else {
            401
        };
        assert_eq!(raw.receive().await.unwrap().status(), expected);
        raw.send(request("/unknown")).await;
        assert_eq!(raw.receive().await.unwrap().status(), 401);
    }
}

/// The header as ipronko's programs send and compare it: their option `Auth`, as it is.
#[tokio::test(start_paused = true)]
async fn ipronkos_header_is_the_token_alone() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = dial(&network, Protocol::Ipronko, with("open sesame"));
    let asking = tokio::spawn(async move { client.get(get(b"k")).await });
    let mut raw = Raw::accept(&mut listener).await;
    let received = raw.receive().await.unwrap();
    assert_eq!(received.header("authorization"), Some("open sesame"));
    // What its server answers to another header.
    raw.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        .await;
    let error = asking.await.unwrap().unwrap_err();
    assert!(error.is_denied());
    assert_eq!(
        error.to_string(),
        format!("http://{SERVER} refuses a GET of this node")
    );
    drop(listener);

    let (_server, _) = serve(
        &network,
        Protocol::Ipronko,
        with("open sesame"),
        Node::new("url"),
    );
    for (header, status) in [
        ("open sesame", 200),
        ("Bearer open sesame", 200),
        ("open", 401),
    ] {
        let mut raw = Raw::connect(&network).await;
        let head = request("/_groupcache/g/k").replace("\r\n\r\n", "\r\nAuthorization: ");
        raw.send(format!("{head}{header}\r\n\r\n")).await;
        assert_eq!(raw.receive().await.unwrap().status(), status, "{header}");
    }
}

/// One step of a rotation after the other, on two nodes that ask each other all the time.
#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_without_a_refusal() {
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            let network = Network::new();
            let (here, there) = (tokens("old"), tokens("old"));
            let options = HttpOptions::default().tokens(there.clone());
            let (_server, node) = serve(&network, protocol, options, Node::new("url"));
            let options = HttpOptions::default().tokens(here.clone());
            let client = dial(&network, protocol, options.multiplexing(multiplexing));
            let steps: [(&Tokens, &[&str]); 6] = [
                (&here, &["old", "new"]),
                (&there, &["old", "new"]),
                (&here, &["new", "old"]),
                (&there, &["new", "old"]),
                (&there, &["new"]),
                (&here, &["new"]),
            ];
            for (tokens, list) in steps {
                client.get(get(b"k")).await.unwrap();
                tokens.set(list.iter().copied()).unwrap();
                // The end of a stream whose token is forgotten arrives before the next call.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            client.get(get(b"k")).await.unwrap();
            there.set(["newer"]).unwrap();
            node.asked();
            let error = client.get(get(b"k")).await.unwrap_err();
            assert!(error.is_denied(), "{protocol}: {error}");
            assert_eq!(node.asked(), []);
        }
    }
}

/// A call that is on its way when the token of its stream is forgotten.
#[tokio::test(start_paused = true)]
async fn a_call_that_crosses_with_the_end_of_its_token_is_refused() {
    let network = Network::new();
    let there = tokens("old");
    let options = HttpOptions::default().tokens(there.clone());
    let (_server, node) = serve(&network, NATIVE, options, Node::new("url"));
    let client = dial(&network, NATIVE, with("old"));
    client.get(get(b"k")).await.unwrap();
    network.delay(Duration::from_secs(1));
    node.asked();
    let crossing = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.get(get(b"k")).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    there.set(["new"]).unwrap();
    let error = crossing.await.unwrap().unwrap_err();
    assert!(
        error.is_denied() && error.to_string().contains(SERVER),
        "{error}"
    );
    assert_eq!(node.asked(), []);
}

/// As axum mounts a node: by its service, without this crate's server.
#[tokio::test]
async fn a_service_in_another_server_refuses_too() {
    for &protocol in Protocol::ALL {
        let node = Arc::new(Node::new("url"));
        let service = HttpService::new(Arc::clone(&node) as _, protocol, with("t")).unwrap();
        let path = match protocol {
            Protocol::Galaxycache => "/_galaxycache/g/k",
            _ => "/_groupcache/g/k",
        };
        let request = || http::Request::get(path);
        for (request, status) in [
            (request(), 401),
            (request().header("authorization", "Bearer u"), 401),
            (request().header("authorization", "Bearer t"), 200),
        ] {
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let answer = service.call(request).await.unwrap();
            assert_eq!(answer.status(), status);
            let length = answer.into_body().collect().await.unwrap().to_bytes().len();
            assert!(length > 0);
            assert_eq!(node.asked().is_empty(), status == 401);
        }
    }
}

#[tokio::test]
async fn an_access_without_credentials_is_a_mistake() {
    let options = HttpOptions::default().access(Access::Changes);
    let node = Arc::new(Node::new("url"));
    let error = HttpService::new(node, NATIVE, options).unwrap_err();
    assert!(
        error.is_configuration() && error.to_string().contains("access"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_log_shows_a_token() {
    let log = Log::of(LevelFilter::TRACE);
    for &protocol in Protocol::ALL {
        for (client, server) in [
            ("open sesame", "open sesame"),
            ("sesame, open", "open sesame"),
        ] {
            let network = Network::new();
            let (_server, _) = serve(&network, protocol, with(server), Node::new("url"));
            let client = dial(&network, protocol, with(client));
            operations(&*client).await;
            client.ping().await.unwrap();
        }
    }
    assert!(!log.lines("").is_empty());
    let shown = log.lines("sesame");
    assert!(shown.is_empty(), "{shown:#?}");
}
