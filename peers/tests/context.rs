//! The context that a hook makes of a request reaches the node over every protocol. A request that
//! the hook refuses does not reach the node.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http_body_util::Empty;
use hyper::service::Service as _;
use peers::testing::{FakePeer, Network};
use peers::{
    Context, Error, GetRequest, HttpOptions, HttpService, Protocol, RemoteAddr, RemoveRequest,
    Reply, SetRequest,
};
use support::node::Node;
use support::{CLIENT, Raw, SERVER, dial, echo, get, request, serve, value};

/// The context that the hook of these tests makes of a request.
#[derive(Debug, PartialEq)]
struct Seen(String);

fn look(head: &Parts) -> Result<Context, Error> {
    let remote = head.extensions.get::<RemoteAddr>();
    let remote = remote.map_or("nowhere".into(), |RemoteAddr(address)| address.to_string());
    let seen = format!("{} {} from {remote}", head.method, head.uri.path());
    Ok(Context::new(Seen(seen)))
}

/// A peer whose values repeat what the hook has put into the context.
fn telling() -> FakePeer {
    FakePeer::new(|_| {
        let context = Context::current();
        let seen = context.get::<Seen>().map_or("nothing", |seen| &seen.0);
        Ok(value(seen.as_bytes()))
    })
}

#[tokio::test(start_paused = true)]
async fn the_node_sees_the_context_that_the_hook_made() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let options = HttpOptions::default().on_request(look);
        let (_server, _) = serve(&network, protocol, options, telling());
        let client = dial(&network, protocol, HttpOptions::default());
        let line = match protocol {
            Protocol::Galaxycache => "GET /_galaxycache/g/k",
            Protocol::GalaxycacheGrpc => "POST /galaxycachepb.GalaxyCache/GetFromPeer",
            _ => "GET /_groupcache/g/k",
        };
        let seen = client.get(get(b"k")).await.unwrap().value;
        assert_eq!(seen, format!("{line} from {CLIENT}").as_str(), "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_hook_there_is_no_context() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let (_server, _) = serve(&network, protocol, HttpOptions::default(), telling());
        let client = dial(&network, protocol, HttpOptions::default());
        assert_eq!(client.get(get(b"k")).await.unwrap().value, "nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_hook_refuses_reaches_nobody_and_its_caller_may_ask_elsewhere() {
    for &protocol in Protocol::ALL {
        for (status, grpc) in [(401, 16), (403, 7), (418, 2)] {
            let network = Network::new();
            let options = HttpOptions::default()
                .on_request(move |_| Err(Error::status(status, "not for you")));
            let (_server, peer) = serve(&network, protocol, options, FakePeer::new(echo));
            let client = dial(&network, protocol, HttpOptions::default());
            let error = client.get(get(b"k")).await.unwrap_err();
            let is_grpc = protocol == Protocol::GalaxycacheGrpc;
            let expected = match status {
                401 | 403 if is_grpc => {
                    format!("http://{SERVER} refuses a call of this node: not for you")
                }
                401 | 403 => format!("http://{SERVER} refuses a GET of this node: not for you"),
                _ if is_grpc => format!("gRPC status {grpc}: not for you"),
                _ => format!("HTTP status {status}: not for you"),
            };
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.is_denied(), status != 418);
            assert!(!error.is_answer() && !error.is_transport());
            assert!(peer.asked().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_be_any_error_that_a_node_may_answer() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let options = HttpOptions::default().on_request(|_| Err(Error::overloaded("this tenant")));
        let (_server, _) = serve(&network, protocol, options, FakePeer::new(echo));
        let client = dial(&network, protocol, HttpOptions::default());
        let error = client.get(get(b"k")).await.unwrap_err();
        assert_eq!(error.to_string(), "overloaded: this tenant", "{protocol}");
        assert!(error.is_overloaded() && error.is_answer());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_costs_one_request_and_not_the_connection() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let calls = AtomicUsize::new(0);
        let options = HttpOptions::default().on_request(move |_| {
            assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "the first");
            Ok(Context::default())
        });
        let (_server, peer) = serve(&network, protocol, options, FakePeer::new(echo));
        let client = dial(
            &network,
            protocol,
            HttpOptions::default().multiplexing(false),
        );
        let error = client.get(get(b"k")).await.unwrap_err().to_string();
        assert!(error.ends_with(": internal error"), "{protocol}: {error}");
        assert!(peer.asked().is_empty());
        assert_eq!(client.get(get(b"k")).await.unwrap().value, "k");
        assert_eq!(network.accepted(SERVER), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn changes_come_to_the_hook_too_and_the_health_check_does_not() {
    let network = Network::new();
    let options = HttpOptions::default().on_request(|_| Err(Error::status(403, "read elsewhere")));
    let (_server, node) = serve(&network, Protocol::Native, options, Node::new("url"));
    let client = dial(&network, Protocol::Native, HttpOptions::default());
    let set = SetRequest {
        group: "g",
        key: b"k",
        value: "v".into(),
        expiry: None,
        stamp: None,
        known: &[],
    };
    let keys: [&[u8]; 2] = [b"k", b"l"];
    let one = RemoveRequest {
        group: "g",
        keys: &keys[..1],
        stamp: None,
    };
    let both = RemoveRequest {
        group: "g",
        keys: &keys,
        stamp: None,
    };
    for refused in [
        client.set(set).await,
        client.remove(one).await,
        client.remove(both).await,
        client.clear("g", None).await,
    ] {
        let error = refused.unwrap_err();
        assert!(error.is_denied() && error.to_string().ends_with(": read elsewhere"));
    }
    assert_eq!(node.asked(), []);
    client.ping().await.unwrap();
    let mut raw = Raw::connect(&network).await;
    raw.send(request("/healthz")).await;
    assert_eq!(raw.receive().await.unwrap().status(), 200);
}

/// A service that is mounted in another server. The hook gets what outer layers know of a request
/// through the request's extensions. The node gets what they set as the request's context.
#[tokio::test]
async fn a_layer_around_the_service_can_speak_to_the_hook_and_to_the_node() {
    let reading = |options| {
        let peer = FakePeer::new(|_: GetRequest<'_>| {
            let context = Context::current();
            let known = context.get::<u32>().copied().unwrap_or_default();
            Ok(Reply {
                minute_qps: Some(known.into()),
                ..Reply::default()
            })
        });
        let peer = Arc::new(peer);
        (
            HttpService::new(Arc::clone(&peer) as _, Protocol::Golang, options).unwrap(),
            peer,
        )
    };
    let request = || http::Request::get("/_groupcache/g/k").body(Empty::<Bytes>::new());
    let body = async |answering| {
        use http_body_util::BodyExt as _;
        let answering: http::Response<peers::Body> = answering;
        let collected = answering.into_body().collect().await.unwrap().to_bytes();
        f64::from_le_bytes(*collected.last_chunk().unwrap())
    };

    let (service, _) = reading(HttpOptions::default().on_request(|head| {
        let known = head.extensions.get::<u32>();
        Ok(known.copied().map(Context::new).unwrap_or_default())
    }));
    let mut marked = request().unwrap();
    marked.extensions_mut().insert(17_u32);
    assert_eq!(body(service.call(marked).await.unwrap()).await, 17.0);

    let (service, _) = reading(HttpOptions::default());
    let answering = Context::new(18_u32).scope(service.call(request().unwrap()));
    assert_eq!(body(answering.await.unwrap()).await, 18.0);
}
