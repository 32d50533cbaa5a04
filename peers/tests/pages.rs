//! Pages beside the protocols on a node's port.

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use peers::testing::FakePeer;
use peers::{Access, Body, Context, Error, HttpOptions, HttpService, Page, Protocol, Tokens};
use support::served::Served;
use support::{Message, Raw, echo, request};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// A page that says what it was asked for.
fn mirror(path: &str) -> Page {
    Page::new(path, |head| async move {
        Response::new(Body::from(head.uri.to_string()))
    })
}

/// A page that says `tick` every ten seconds, for ever.
fn ticking(path: &str) -> Page {
    Page::new(path, |_| async {
        let ticks = stream::unfold((), |()| async {
            sleep(Duration::from_secs(10)).await;
            Some((
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"tick"))),
                (),
            ))
        });
        Response::new(Body::stream(StreamBody::new(ticks.boxed())))
    })
}

fn served(options: HttpOptions) -> Served<FakePeer> {
    Served::start(Protocol::Golang, options, FakePeer::new(echo))
}

async fn ask(served: &Served<FakePeer>, request: String) -> Message {
    let mut raw = served.raw().await;
    raw.send(request).await;
    raw.receive().await.unwrap()
}

/// Opens a stream and waits for its first bytes.
async fn opened(served: &Served<FakePeer>, path: &str) -> Raw {
    let mut raw = served.raw().await;
    raw.send(request(path)).await;
    assert_eq!(raw.receive_head().await.unwrap().status(), 200);
    raw
}

#[tokio::test(start_paused = true)]
async fn a_page_is_answered_at_its_path_and_below_and_goes_before_the_base_path() {
    for base in ["/_groupcache/", "/"] {
        let options = HttpOptions::default().base_path(base).page(mirror("/page"));
        let served = served(options);
        for target in ["/page", "/page?a=b", "/page/a/b?c", "/page/"] {
            let answer = ask(&served, request(target)).await;
            assert_eq!((answer.status(), answer.text()), (200, target));
        }
        let other = ask(&served, request("/pages")).await;
        assert_ne!(other.status(), 200, "{}", other.text());
        let key = ask(&served, request(&format!("{base}g/key"))).await;
        assert_eq!(key.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_is_read_and_never_written() {
    let served = served(HttpOptions::default().page(mirror("/page")));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(&served, request("/page").replace("GET", method)).await;
        assert_eq!(
            (answer.status(), answer.header("allow")),
            (405, Some("GET, HEAD"))
        );
    }
    let mut raw = served.raw().await;
    raw.send(request("/page").replace("GET", "HEAD")).await;
    let head = raw.receive_head().await.unwrap();
    assert_eq!(
        (head.status(), head.header("content-length")),
        (200, Some("5"))
    );
    // A body would be read as the beginning of the next answer.
    raw.send(request("/page")).await;
    assert_eq!(raw.receive().await.unwrap().text(), "/page");
}

#[tokio::test(start_paused = true)]
async fn a_page_needs_the_credentials_of_a_change_unless_it_is_open() {
    for access in [Access::Everything, Access::Changes] {
        let options = HttpOptions::default()
            .tokens(Tokens::new("secret").unwrap())
            .access(access)
            .page(mirror("/closed"))
            .page(mirror("/open").open());
        let served = served(options);
        let with_token = |target: &str| {
            request(target).replace("\r\n\r\n", "\r\nauthorization: Bearer secret\r\n\r\n")
        };
        assert_eq!(ask(&served, request("/closed")).await.status(), 401);
        assert_eq!(ask(&served, request("/closed/a")).await.status(), 401);
        assert_eq!(ask(&served, with_token("/closed")).await.status(), 200);
        assert_eq!(ask(&served, request("/open")).await.status(), 200);
        assert_eq!(ask(&served, request("/opener")).await.status(), 401);
    }
}

#[tokio::test(start_paused = true)]
async fn the_hook_on_requests_sees_pages_too() {
    let says_who = Page::new("/who", |_| async {
        let who = Context::current().get::<String>().cloned();
        Response::new(Body::from(who.unwrap_or_default()))
    });
    let options = HttpOptions::default()
        .page(says_who)
        .on_request(|head| match head.uri.query() {
            Some(who) => Ok(Context::new(who.to_owned())),
            None => Err(Error::status(403, "who is asking?")),
        });
    let served = served(options);
    assert_eq!(ask(&served, request("/who")).await.status(), 403);
    assert_eq!(ask(&served, request("/who?ada")).await.text(), "ada");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_panics_fails_one_request() {
    let options = HttpOptions::default()
        .page(Page::new("/at-once", |head| {
            assert!(head.uri.query().is_some(), "on purpose");
            async { Response::default() }
        }))
        .page(Page::new("/later", |head| async move {
            tokio::task::yield_now().await;
            assert!(head.uri.query().is_some(), "on purpose");
            Response::default()
        }));
    let served = served(options);
    for path in ["/at-once", "/later"] {
        let mut raw = served.raw().await;
        raw.send(request(path)).await;
        assert_eq!(raw.receive().await.unwrap().status(), 500);
        raw.send(request(&format!("{path}?well"))).await;
        assert_eq!(raw.receive().await.unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_lives_while_it_has_something_to_say() {
    let options = HttpOptions::default()
        .server_idle_timeout(Duration::from_secs(30))
        .page(ticking("/ticks"));
    let served = served(options);
    let mut raw = opened(&served, "/ticks").await;
    for _ in 0..30 {
        assert!(raw.receives_more().await, "cut off");
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_streams_is_bounded_and_one_that_is_left_makes_room() {
    let options = HttpOptions::default()
        .max_page_streams(2)
        .page(ticking("/ticks"))
        .page(mirror("/page"));
    let served = served(options);
    let _first = opened(&served, "/ticks").await;
    let second = opened(&served, "/ticks").await;
    assert_eq!(ask(&served, request("/ticks")).await.status(), 503);
    assert_eq!(ask(&served, request("/page")).await.status(), 200);
    drop(second);
    let mut raw = served.raw().await;
    let again = async {
        loop {
            raw.send(request("/ticks")).await;
            let head = raw.receive_head().await.unwrap();
            if head.status() == 200 {
                return;
            }
            raw = served.raw().await;
        }
    };
    timeout(Duration::from_secs(60), again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_ends_the_streams_at_once() {
    // One stream is open, and the answer of another one is being made when the end comes.
    let go_on = Arc::new(Semaphore::new(0));
    let late = {
        let go_on = Arc::clone(&go_on);
        Page::new("/late", move |_| {
            let go_on = Arc::clone(&go_on);
            async move {
                _ = go_on.acquire().await;
                let nothing = stream::pending::<Result<Frame<Bytes>, Infallible>>();
                Response::new(Body::stream(StreamBody::new(nothing)))
            }
        })
    };
    let options = HttpOptions::default().page(ticking("/ticks")).page(late);
    let served = served(options);
    let _open = opened(&served, "/ticks").await;
    let mut making = served.raw().await;
    making.send(request("/late")).await;
    tokio::task::yield_now().await;
    let begin = Instant::now();
    let ending = tokio::spawn(served.server.shutdown());
    tokio::task::yield_now().await;
    go_on.add_permits(1);
    assert_eq!(ending.await.unwrap(), 0, "none is cut off");
    assert!(begin.elapsed() < Duration::from_secs(1));
}

/// A service in a server of one's own.
fn mounted(page: Page) -> HttpService {
    let peer = Arc::new(FakePeer::new(echo));
    HttpService::new(peer, Protocol::Golang, HttpOptions::default().page(page)).unwrap()
}

async fn answer_of(service: &HttpService, path: &str) -> Response<Body> {
    let request = http::Request::get(path).body(String::new()).unwrap();
    hyper::service::Service::call(service, request)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_number_of_pages_is_bounded_and_each_counts_until_it_is_sent() {
    let service = mounted(mirror("/page"));
    let mut unsent = Vec::new();
    for _ in 0..64 {
        let answer = answer_of(&service, "/page").await;
        assert_eq!(answer.status(), 200);
        unsent.push(answer);
    }
    assert_eq!(answer_of(&service, "/page").await.status(), 503);
    unsent.pop();
    assert_eq!(answer_of(&service, "/page").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn streams_of_a_mounted_service_end_when_they_are_told_to() {
    use http_body_util::BodyExt as _;

    let service = mounted(ticking("/ticks"));
    let mut body = answer_of(&service, "/ticks").await.into_body();
    assert!(body.frame().await.is_some());
    service.end_page_streams();
    assert!(body.frame().await.is_none());
    let mut body = answer_of(&service, "/ticks").await.into_body();
    assert!(body.frame().await.is_some(), "later ones are no part of it");
}
