//! A node whose service is mounted in a server of the user's own.

mod common;

use std::convert::Infallible;

use axum::Router;
use axum::routing::get;
use common::{Calls, MIB, assert_adds_up, getter_calls};
use groupcache::{Context, Group, HttpOptions, Key, Never, Node, Protocol, Source};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Nodes whose service is the fallback of an axum application each.
struct Mounted {
    nodes: Vec<Node>,
    groups: Vec<Group>,
    _servers: JoinSet<()>,
}

/// Puts a value into the extensions of every request, as a layer does that identifies the caller.
async fn mark(mut request: axum::extract::Request) -> axum::extract::Request {
    request.extensions_mut().insert("marked");
    request
}

async fn mounted(count: usize, protocol: Protocol, calls: &Calls) -> Mounted {
    let mut listeners = Vec::new();
    for _ in 0..count {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let urls: Vec<String> = listeners.iter().map(url).collect();
    let (mut nodes, mut groups, mut servers) = (Vec::new(), Vec::new(), JoinSet::new());
    for (listener, url) in listeners.into_iter().zip(&urls) {
        let http = HttpOptions::default().on_request(|head| {
            let marked = head.extensions.get::<&str>().copied();
            Ok(marked.map(Context::new).unwrap_or_default())
        });
        let node = Node::builder(url).peers(&urls).protocol(protocol);
        let node = node.http(http).start().await.unwrap();
        let counted = calls.clone();
        let getter = move |key: Key| {
            counted.add_one();
            let context = Context::current();
            let marked = context.get::<&str>().copied().unwrap_or("unmarked");
            async move { Ok::<_, Infallible>(format!("{key}, {marked}")) }
        };
        let group = node.group("g", MIB, getter).promoter(Never);
        groups.push(group.build().unwrap());
        let app = Router::new()
            .route("/hello", get(|| async { "hello" }))
            .fallback_service(node.service())
            .layer(axum::middleware::map_request(mark));
        servers.spawn(async move { axum::serve(listener, app).await.unwrap() });
        nodes.push(node);
    }
    Mounted {
        nodes,
        groups,
        _servers: servers,
    }
}

#[tokio::test]
async fn nodes_in_axum_are_a_cluster_in_every_protocol() {
    for &protocol in Protocol::ALL {
        let calls = Calls::default();
        let cluster = mounted(3, protocol, &calls).await;
        for n in 0..20 {
            let key = format!("key-{n}");
            let owner = cluster.nodes[0].owner(&key).unwrap();
            for (node, group) in cluster.nodes.iter().zip(&cluster.groups) {
                let (entry, is_owner) = (group.entry(&key).await.unwrap(), *node.member() == owner);
                assert_eq!(entry.source() != Source::Peer, is_owner, "{protocol}");
            }
        }
        assert_eq!((calls.count(), getter_calls(&cluster.groups)), (20, 20));
        for group in &cluster.groups {
            assert_adds_up(&group.stats(), 20);
        }
    }
}

#[tokio::test]
async fn what_a_layer_knows_reaches_the_hook_and_the_getter() {
    for &protocol in Protocol::ALL {
        let cluster = mounted(2, protocol, &Calls::default()).await;
        let [own, others] = [0, 1].map(|place| {
            let url = cluster.nodes[place].member().clone();
            let mut keys = (0..).map(|n| format!("key-{n}"));
            keys.find(|key| cluster.nodes[0].owner(key).unwrap() == url)
                .unwrap()
        });
        let value = cluster.groups[0].get(&own).await.unwrap();
        assert_eq!(value, format!("{own}, unmarked").as_str());
        let value = cluster.groups[0].get(&others).await.unwrap();
        assert_eq!(value, format!("{others}, marked").as_str(), "{protocol}");
    }
}

#[tokio::test]
async fn the_users_own_routes_come_first_and_what_nobody_knows_is_not_found() {
    let cluster = mounted(1, Protocol::Native, &Calls::default()).await;
    let address = cluster.nodes[0].member().url().to_owned();
    let address = address.strip_prefix("http://").unwrap();
    for (path, status, text) in [
        ("/hello", 200, "hello"),
        ("/healthz", 200, "ok"),
        ("/_groupcache/other/k", 404, "no such group: other\n"),
        ("/nothing", 404, "404 page not found\n"),
    ] {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get(path).header("host", "test");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, text, "{path}");
    }
}
