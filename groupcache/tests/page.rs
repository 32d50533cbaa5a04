//! The live page on a node's port, and in a server of the user's own.

mod common;

use std::time::Duration;

use common::MIB;
use groupcache::peers::Body;
use groupcache::{Group, Key, LivePage, LivePageOptions, Node, NodeBuilder, Protocol};
use http::header::{ACCEPT, ALLOW, AUTHORIZATION, LOCATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::service::Service as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const THIS: &str = "http://127.0.0.1:1";
const OTHER: &str = "http://127.0.0.1:2";

fn group(node: &Node, name: &str) -> Group {
    let group = node.group(name, MIB, |key: Key| async move {
        if key.starts_with(b"bad") {
            return Err(format!("no database for {key}"));
        }
        Ok(key.to_vec())
    });
    group.peers([THIS]).build().unwrap()
}

fn head(method: Method, target: &str) -> http::request::Parts {
    let request = Request::builder().method(method).uri(target);
    request.body(()).unwrap().into_parts().0
}

async fn text(answer: Response<Body>) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn get(page: &LivePage, target: &str) -> String {
    text(page.answer(&head(Method::GET, target))).await
}

/// What the node's own port answers.
async fn ask(node: &Node, target: &str, token: Option<&str>) -> Response<Body> {
    let mut request = Request::get(target);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    node.service().call(request).await.unwrap()
}

async fn started(node: NodeBuilder) -> Node {
    node.start().await.unwrap()
}

#[tokio::test]
async fn the_page_is_on_the_nodes_port_if_it_is_asked_for() {
    let without = started(Node::builder(THIS)).await;
    assert_eq!(ask(&without, "/groupcachez", None).await.status(), 404);

    let node = started(Node::builder(THIS).live_page(LivePageOptions::default())).await;
    group(&node, "users").get("k").await.unwrap();
    let page = ask(&node, "/groupcachez", None).await;
    assert_eq!(
        (page.status(), &page.headers()["content-type"]),
        (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(text(page).await.contains(">users</h3>"));
    let json: Value =
        serde_json::from_str(&text(ask(&node, "/groupcachez.json", None).await).await).unwrap();
    assert_eq!(json["report"]["groups"][0]["stats"]["gets"], 1);
    let events = ask(&node, "/groupcachez/events", None).await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
}

#[tokio::test]
async fn a_node_with_two_pages_at_a_path_does_not_start() {
    let node = Node::builder(THIS)
        .live_page(LivePageOptions::default())
        .report_page();
    let error = node.start().await.unwrap_err();
    assert!(error.is_configuration(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("/groupcachez.json is taken"), "{text}");
}

#[tokio::test]
async fn the_page_needs_credentials_where_changes_do_unless_it_is_open() {
    let closed = Node::builder(THIS)
        .token("secret")
        .live_page(LivePageOptions::default());
    let closed = started(closed).await;
    let open = Node::builder(THIS)
        .token("secret")
        .live_page(LivePageOptions::default().open());
    let open = started(open).await;
    for target in ["/groupcachez", "/groupcachez.json", "/groupcachez/events"] {
        assert_eq!(ask(&closed, target, None).await.status(), 401);
        assert_eq!(ask(&closed, target, Some("secret")).await.status(), 200);
        assert_eq!(ask(&open, target, None).await.status(), 200);
    }
}

#[tokio::test]
async fn what_is_not_the_page_is_refused_in_words() {
    let node = started(Node::builder(THIS)).await;
    let page = node.live_page(LivePageOptions::default());
    let status = |method, target: &str| page.answer(&head(method, target)).status();
    assert_eq!(status(Method::GET, "/"), 404);
    assert_eq!(status(Method::GET, "/groupcachez/other"), 404);
    assert_eq!(status(Method::HEAD, "/groupcachez"), 200);
    let post = page.answer(&head(Method::POST, "/groupcachez"));
    assert_eq!(
        (post.status(), &post.headers()[ALLOW]),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            &"GET, HEAD".parse().unwrap()
        )
    );
    let slash = page.answer(&head(Method::GET, "/groupcachez/"));
    assert_eq!(
        (slash.status(), &slash.headers()[LOCATION]),
        (
            StatusCode::PERMANENT_REDIRECT,
            &"../groupcachez".parse().unwrap()
        )
    );

    drop(node);
    assert_eq!(
        status(Method::GET, "/groupcachez"),
        503,
        "the page does not keep the node"
    );
}

#[tokio::test]
async fn a_request_for_json_gets_the_figures_and_the_place_of_a_key() {
    let node = started(Node::builder(THIS).peers([OTHER])).await;
    let page = node.live_page(LivePageOptions::default());
    let group = group(&node, "users");
    group.get("ada").await.unwrap();
    let mut head = head(Method::GET, "/groupcachez?in=users&key=ada");
    head.headers
        .insert(ACCEPT, "application/json".parse().unwrap());
    let json: Value = serde_json::from_str(&text(page.answer(&head)).await).unwrap();
    assert_eq!(json["report"]["ring"]["peers"].as_array().unwrap().len(), 2);
    assert_eq!(
        json["ring_picture"]["owners"].as_array().unwrap().len(),
        360
    );
    assert_eq!(json["lately"][0]["advice"]["verdict"], "right");
    let place = &json["key"]["found"];
    assert_eq!(
        (&place["is_own"], &place["cached"]["source"]),
        (&true.into(), &"main".into())
    );
    assert_eq!(
        (
            &place["cached"]["value_bytes"],
            &place["cached"]["kept_for"]
        ),
        (&3.into(), &Value::Null)
    );
}

#[tokio::test]
async fn the_page_says_where_a_key_is() {
    let node = started(Node::builder(THIS).peers([OTHER])).await;
    let page = node.live_page(LivePageOptions::default());
    group(&node, "users").get("a b").await.unwrap();
    let answer = get(&page, "/groupcachez?in=users&key=a+b").await;
    assert!(
        answer.contains("is owned by this node") && answer.contains("<dd>yes</dd>"),
        "{answer}"
    );
    assert!(
        get(&page, "/groupcachez?in=users&key=other")
            .await
            .contains("<dd>no</dd>")
    );
    assert!(
        get(&page, "/groupcachez?in=nothing&key=k")
            .await
            .contains("This node has no group")
    );
}

#[tokio::test]
async fn a_node_that_hides_its_keys_tells_nobody_which_it_has() {
    let node = started(Node::builder(THIS).hide_keys(true)).await;
    let page = node.live_page(LivePageOptions::default());
    let group = group(&node, "users");
    for _ in 0..20 {
        group.get("ada@example.org").await.unwrap();
        group.get("bad@example.org").await.unwrap_err();
    }
    for target in ["/groupcachez", "/groupcachez.json"] {
        let shown = get(&page, target).await;
        assert!(
            !shown.contains("ada@") && !shown.contains("bad@"),
            "{shown}"
        );
    }
    let known = get(&page, "/groupcachez?in=users&key=ada%40example.org").await;
    let guess = get(&page, "/groupcachez?in=users&key=eve%40example.org").await;
    for answer in [known, guess] {
        assert!(
            answer.contains("this node hides its keys") && answer.contains("is owned by"),
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn updates_bring_what_has_changed_and_no_more() {
    let node = started(Node::builder(THIS)).await;
    let page = node.live_page(LivePageOptions::default());
    let group = group(&node, "users");
    let mut events = page
        .answer(&head(Method::GET, "/groupcachez/events"))
        .into_body();
    let mut next = async || {
        let frame = events.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    };
    let parts = |event: &str| -> Vec<String> {
        let data = event.split_once("data: ").unwrap().1;
        let update: Value = serde_json::from_str(data).unwrap();
        let parts = update["parts"].as_array().unwrap().iter();
        parts
            .map(|part| part[0].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(next().await.starts_with("retry: "));
    let first = parts(&next().await);
    assert_eq!(first.len(), 3 + 6, "all: {first:?}");
    next().await;
    let idle = parts(&next().await);
    assert!(!idle.contains(&"ring".to_owned()), "{idle:?}");
    group.get("k").await.unwrap();
    let busy = parts(&next().await);
    assert!(
        busy.contains(&"glance".to_owned()) && busy.contains(&"g0-sources".to_owned()),
        "{busy:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn updates_end_when_the_node_is_gone() {
    let node = started(Node::builder(THIS)).await;
    let page = node.live_page(LivePageOptions::default());
    let mut events = page
        .answer(&head(Method::GET, "/groupcachez/events"))
        .into_body();
    for _ in 0..3 {
        assert!(events.frame().await.is_some());
    }
    drop(node);
    while let Some(frame) = events.frame().await {
        frame.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn viewers_are_bounded_and_one_that_goes_makes_room() {
    let node = started(Node::builder(THIS)).await;
    let page = node.live_page(LivePageOptions::default().max_viewers(1));
    let events = || page.answer(&head(Method::GET, "/groupcachez/events"));
    let first = events();
    assert_eq!(
        (first.status(), events().status()),
        (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE)
    );
    drop(first);
    assert_eq!(events().status(), 200);
}

#[tokio::test]
async fn a_peer_that_nobody_asks_is_found_dead_while_somebody_looks() {
    // Nobody listens at the peer's address: the listener that had it is closed.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Of a native peer, the node itself wants to know what it knows of changes.
    let node = Node::builder(THIS).peers([dead]);
    let node = started(node.protocol(Protocol::Golang)).await;
    let is_down = |node: &Node| node.report().peers_down().count() == 1;
    let quiet = node.live_page(LivePageOptions::default().check_peers(false));
    let looking = node.live_page(LivePageOptions::default());
    get(&quiet, "/groupcachez").await;
    get(&looking, "/groupcachez.json").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!is_down(&node), "nobody has checked");
    let found = async {
        while !is_down(&node) {
            get(&looking, "/groupcachez").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_page_mounts_in_axum() {
    use axum::Router;
    use axum::extract::Request;
    use axum::response::IntoResponse;

    let node = started(Node::builder(THIS)).await;
    let page = node.live_page(LivePageOptions::default());
    let answer = move |request: Request| {
        let answer = page.answer(&request.into_parts().0).into_response();
        async { answer }
    };
    let app = Router::new().fallback(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut visitor = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let server = tokio::spawn(async { axum::serve(listener, app).await });
    let request = b"GET /groupcachez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    visitor.write_all(request).await.unwrap();
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).await.unwrap();
    server.abort();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("</html>"),
        "{answer}"
    );
}
