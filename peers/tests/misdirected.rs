//! Native requests that mean another member, or another cluster, than the one at the address.

mod support;

use std::sync::Arc;

use peers::testing::Network;
use peers::{
    Error, GetManyRequest, GetMode, HttpOptions, HttpService, HttpTransport, Knowledge, Member,
    OfferRequest, PeerClient, Protocol, RemoveRequest, Server, SetRequest, Tokens, Transport,
};
use support::node::Node;
use support::{CLIENT, Raw, SERVER, get};

/// The node `this`, of the cluster with this label.
fn serve(network: &Network, this: &str, cluster: Option<&str>) -> (Server, Arc<Node>) {
    let node = Arc::new(Node::new("http://10.0.0.1:8080"));
    let this = Member::with_id(this, format!("http://{SERVER}")).unwrap();
    let service = HttpService::for_member(
        Arc::clone(&node) as _,
        Protocol::Native,
        labelled(cluster),
        &this,
    );
    let server = Server::start(network.listen(SERVER).unwrap(), service.unwrap()).unwrap();
    (server, node)
}

fn labelled(cluster: Option<&str>) -> HttpOptions {
    match cluster {
        Some(label) => HttpOptions::default().cluster(label),
        None => HttpOptions::default(),
    }
}

/// A client that means the member `meant`, by a stream or without one.
fn dial(
    network: &Network,
    meant: &str,
    cluster: Option<&str>,
    stream: bool,
) -> Arc<dyn PeerClient> {
    let options = labelled(cluster)
        .connector(network.connector(CLIENT))
        .multiplexing(stream);
    let transport = HttpTransport::new(Protocol::Native, options).unwrap();
    let member = Member::with_id(meant, format!("http://{SERVER}")).unwrap();
    transport.dial(&member).unwrap()
}

/// What comes of each operation.
async fn ask_everything(client: &dyn PeerClient) -> Vec<Result<(), Error>> {
    let (group, keys, stamp) = ("g", &[&b"k"[..], b"l"][..], None);
    let set = SetRequest {
        group,
        key: b"k",
        value: "v".into(),
        expiry: None,
        stamp,
        known: &[],
    };
    let many = GetManyRequest {
        group,
        keys,
        mode: GetMode::Load,
        known: &[],
    };
    vec![
        client.ping().await,
        client.get(get(b"k")).await.map(drop),
        client.get_many(many).await.map(drop),
        client.set(set).await,
        client.remove(RemoveRequest { group, keys, stamp }).await,
        client
            .remove(RemoveRequest {
                group,
                keys: &keys[..1],
                stamp,
            })
            .await,
        client.clear(group, stamp).await,
        client.sync(Knowledge::default()).await.map(drop),
        client.note_behind(&["pod-3"]).await,
        client
            .offer(OfferRequest {
                member: "pod-3",
                group,
                keys,
            })
            .await,
    ]
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_refused_and_the_error_names_both() {
    for (meant, own, names) in [
        (("pod-2", None), ("pod-1", None), ["\"pod-2\"", "\"pod-1\""]),
        (
            ("pod-1", Some("a")),
            ("pod-1", Some("b")),
            ["\"a\"", "\"b\""],
        ),
    ] {
        for stream in [true, false] {
            let network = Network::new();
            let (_server, node) = serve(&network, own.0, own.1);
            let client = dial(&network, meant.0, meant.1, stream);
            for (n, result) in ask_everything(&*client).await.into_iter().enumerate() {
                let error = result.expect_err("it was refused");
                assert!(
                    error.is_misdirected() && error.is_transport(),
                    "{n}: {error}"
                );
                assert!(
                    !error.is_answer() && !error.is_of_this_side(),
                    "{n}: {error}"
                );
                assert!(
                    names.iter().all(|name| error.to_string().contains(name)),
                    "{n}: {error}"
                );
            }
            assert_eq!(node.asked(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_meant_answers_and_a_side_without_a_label_takes_any() {
    for (meant, own) in [
        (Some("a"), Some("a")),
        (Some("a"), None),
        (None, Some("a")),
        (None, None),
    ] {
        for stream in [true, false] {
            let network = Network::new();
            let (_server, _node) = serve(&network, "pod 1", own);
            let client = dial(&network, "pod 1", meant, stream);
            assert!(client.get(get(b"k")).await.is_ok(), "{meant:?} {own:?}");
            client.ping().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_before_its_body_and_one_without_the_headers_is_answered() {
    let network = Network::new();
    let (_server, node) = serve(&network, "pod-1", Some("a"));
    let put = "PUT /_groupcache/g/k HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n";
    for header in ["x-groupcache-member: pod-2", "x-groupcache-cluster: b"] {
        let mut raw = Raw::connect(&network).await;
        raw.send(format!("{put}{header}\r\n\r\n")).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!(
            (answer.status(), answer.header("x-groupcache-error")),
            (421, Some("misdirected"))
        );
        assert!(
            answer.text().contains("is meant, and this is"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(node.asked(), []);
    let mut raw = Raw::connect(&network).await;
    raw.send("GET /_groupcache/g/k HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert_eq!(raw.receive().await.unwrap().status(), 200);
}

/// The 421 of something else, such as a proxy, is not taken for a peer's word.
#[tokio::test(start_paused = true)]
async fn a_bare_421_is_an_ordinary_status() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = dial(&network, "pod-1", None, false);
    let request = get(b"k");
    let asking = client.get(request);
    let answering = async {
        let mut raw = Raw::accept(&mut listener).await;
        let request = raw.receive().await.unwrap();
        assert_eq!(request.header("x-groupcache-member"), Some("pod-1"));
        assert_eq!(request.header("x-groupcache-cluster"), None);
        raw.send("HTTP/1.1 421 Misdirected Request\r\ncontent-length: 2\r\n\r\nno")
            .await;
        raw
    };
    let (result, _raw) = tokio::join!(asking, answering);
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "HTTP status 421: no");
    assert!(!error.is_misdirected() && !error.is_answer());
}

#[tokio::test(start_paused = true)]
async fn only_who_has_the_token_learns_who_answers() {
    let network = Network::new();
    let options = HttpOptions::default()
        .cluster("prod")
        .tokens(Tokens::new("t").unwrap());
    let this = Member::with_id("pod-1", format!("http://{SERVER}")).unwrap();
    let node = Arc::new(Node::new("http://10.0.0.1:8080"));
    let service = HttpService::for_member(node, Protocol::Native, options, &this).unwrap();
    let _server = Server::start(network.listen(SERVER).unwrap(), service).unwrap();
    for (header, token, expected) in [
        ("x-groupcache-member: pod-2", "", 200),
        ("x-groupcache-cluster: other", "", 200),
        (
            "x-groupcache-member: pod-2",
            "authorization: Bearer t\r\n",
            421,
        ),
        (
            "x-groupcache-cluster: other",
            "authorization: Bearer t\r\n",
            421,
        ),
    ] {
        let mut raw = Raw::connect(&network).await;
        let head = "GET /healthz HTTP/1.1\r\nhost: a";
        raw.send(format!("{head}\r\n{header}\r\n{token}\r\n")).await;
        assert_eq!(raw.receive().await.unwrap().status(), expected, "{header}");
    }
}
