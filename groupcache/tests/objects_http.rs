//! Objects over HTTP, by the rules of RFC 9110.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt;
use groupcache::{
    ByteView, Error, GetterError, Key, Node, NotFound, ObjectBody, ObjectInfo, ObjectSource,
    ObjectVersion, Objects, ServeObjects,
};
use http::{Request, Response, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use parking_lot::Mutex;

const FILM: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// One film under some names, and an empty one. The version can be changed.
#[derive(Clone)]
struct Films(Arc<Mutex<&'static str>>);

impl ObjectSource for Films {
    async fn stat(&self, name: Key) -> Result<ObjectInfo, GetterError> {
        let version = *self.0.lock();
        match name.to_str()? {
            "film.mp4" | "größe/100%" => {
                let modified = UNIX_EPOCH + Duration::from_secs(784_111_777);
                let info = ObjectInfo::new(FILM.len() as u64, version);
                Ok(info.with_content_type("video/mp4").with_modified(modified))
            }
            "plain" => Ok(ObjectInfo::new(FILM.len() as u64, version)),
            "odd" => Ok(ObjectInfo::new(1, "\u{e4} \"").with_content_type("a\nb")),
            "empty" => Ok(ObjectInfo::new(0, version)),
            "broken" => Err("the password is 1234".into()),
            "slow" => std::future::pending().await,
            _ => Err(NotFound.into()),
        }
    }

    async fn read(
        &self,
        _: Key,
        version: ObjectVersion,
        range: Range<u64>,
    ) -> Result<ByteView, GetterError> {
        if version.len() == FILM.len() as u64 && version.validator() != self.0.lock().as_bytes() {
            return Err(NotFound.into());
        }
        Ok(ByteView::from(FILM).slice(range.start as usize..range.end as usize))
    }
}

struct Cinema {
    films: Films,
    objects: Objects,
    service: ServeObjects,
    _node: Node,
}

impl Cinema {
    /// Pieces have 10 bytes.
    async fn open() -> Self {
        let node = Node::builder("http://127.0.0.1:1").start().await.unwrap();
        let films = Films(Arc::new(Mutex::new("v1")));
        let objects = node.objects("films", 1 << 20, films.clone());
        let objects = objects.piece_bytes(10).read_ahead(0);
        let objects = objects.group(|group| {
            group
                .load_timeout(Duration::from_secs(1))
                .max_value_bytes(1 << 16)
        });
        let objects = objects.build().unwrap();
        Self {
            films,
            service: ServeObjects::new(objects.clone()),
            objects,
            _node: node,
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<ObjectBody> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer =
            tower_service::Service::call(&mut self.service.clone(), request.body(()).unwrap());
        answer.await.unwrap()
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        Answer::of(self.ask("GET", "/film.mp4", headers).await).await
    }
}

struct Answer {
    status: u16,
    head: http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(response: Response<ObjectBody>) -> Self {
        let (head, body) = response.into_parts();
        let left = body.size_hint().exact();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(left, Some(body.len() as u64));
        Self {
            status: head.status.as_u16(),
            head: head.headers,
            body: body.into(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, the range and the body.
    #[track_caller]
    fn assert_is(&self, status: u16, range: Option<&str>, body: &[u8]) {
        assert_eq!((self.status, self.header("content-range")), (status, range));
        assert_eq!(ByteView::copy_from_slice(&self.body), body);
        let len = self
            .header("content-length")
            .map(|len| len.parse().unwrap());
        assert_eq!(len, Some(body.len()).filter(|_| status != 304));
    }
}

#[tokio::test]
async fn a_whole_object_comes_with_all_that_is_known_of_it() {
    let cinema = Cinema::open().await;
    let answer = cinema.get(&[]).await;
    answer.assert_is(200, None, FILM);
    for (name, value) in [
        ("etag", "\"v1\""),
        ("last-modified", MODIFIED),
        ("accept-ranges", "bytes"),
        ("content-type", "video/mp4"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let answer = Answer::of(cinema.ask("GET", "/plain", &[]).await).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(answer.header("last-modified"), None);
    let answer = Answer::of(cinema.ask("GET", "/odd", &[]).await).await;
    assert_eq!(answer.header("etag"), Some("\"%C3%A4%20%22\""));
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
}

#[tokio::test]
async fn a_head_is_that_of_the_whole_object_without_its_bytes() {
    let cinema = Cinema::open().await;
    let answer = cinema
        .ask("HEAD", "/film.mp4", &[("range", "bytes=0-1")])
        .await;
    assert_eq!(
        (answer.status().as_u16(), answer.body().is_end_stream()),
        (200, true)
    );
    assert_eq!(
        answer.headers()[header::CONTENT_LENGTH],
        FILM.len().to_string()
    );
    assert_eq!(answer.headers()[header::ETAG], "\"v1\"");
    assert_eq!(
        cinema.objects.group().stats().getter_calls,
        1,
        "it has read a piece"
    );
    let known = [("if-none-match", "\"v1\"")];
    assert_eq!(cinema.ask("HEAD", "/film.mp4", &known).await.status(), 304);
    let refused = cinema.ask("HEAD", "/none", &[]).await;
    assert_eq!(refused.status(), 404);
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(body.is_empty(), "an answer to HEAD has no body");
}

#[tokio::test]
async fn one_range_is_answered_with_its_bytes() {
    let cinema = Cinema::open().await;
    for (range, expected, bytes) in [
        ("bytes=0-0", "bytes 0-0/36", &FILM[..1]),
        ("bytes=5-24", "bytes 5-24/36", &FILM[5..25]),
        ("bytes=30-", "bytes 30-35/36", &FILM[30..]),
        ("bytes=-1", "bytes 35-35/36", &FILM[35..]),
        ("bytes=-100", "bytes 0-35/36", FILM),
        ("bytes=9-1000", "bytes 9-35/36", &FILM[9..]),
        ("bytes=3-4,100-", "bytes 3-4/36", &FILM[3..5]),
    ] {
        let answer = cinema.get(&[("range", range)]).await;
        answer.assert_is(206, Some(expected), bytes);
        assert_eq!(answer.header("content-type"), Some("video/mp4"));
        assert_eq!(answer.header("etag"), Some("\"v1\""));
    }
}

#[tokio::test]
async fn several_ranges_are_parts_of_one_body() {
    let cinema = Cinema::open().await;
    let answer = cinema.get(&[("range", "bytes=30-31, 0-1,-1")]).await;
    let kind = answer.header("content-type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    assert!(boundary.len() <= 70 && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let part = |range: &str, bytes: &str| {
        format!(
            "--{boundary}\r\ncontent-type: video/mp4\r\ncontent-range: bytes {range}/36\r\n\r\n{bytes}\r\n"
        )
    };
    let parts = [part("30-31", "uv"), part("0-1", "01"), part("35-35", "z")].concat();
    answer.assert_is(206, None, format!("{parts}--{boundary}--\r\n").as_bytes());
    let again = cinema.get(&[("range", "bytes=30-31,0-1")]).await;
    assert_ne!(again.header("content-type"), Some(kind));
}

#[tokio::test]
async fn ranges_that_are_malformed_or_too_many_are_ignored() {
    let cinema = Cinema::open().await;
    let many = format!(
        "bytes={}",
        (0..17).map(|n| format!("{n}-{n},")).collect::<String>()
    );
    for range in [
        "bytes=3-2",
        "bytes=x",
        "bytes",
        "lines=0-1",
        "bytes=0-,0-",
        "bytes=1-2;3-4",
        &many,
    ] {
        let answer = cinema.get(&[("range", range)]).await;
        answer.assert_is(200, None, FILM);
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=2-3")];
    cinema.get(&twice).await.assert_is(200, None, FILM);
    let few = cinema.service.clone().max_ranges(0);
    let request = Request::get("/film.mp4")
        .header("range", "bytes=0-1")
        .body(())
        .unwrap();
    let answer = tower_service::Service::call(&mut few.clone(), request)
        .await
        .unwrap();
    Answer::of(answer).await.assert_is(200, None, FILM);
}

#[tokio::test]
async fn ranges_that_the_object_does_not_have_are_refused_with_its_length() {
    let cinema = Cinema::open().await;
    for range in ["bytes=36-", "bytes=100-200", "bytes=-0"] {
        let answer = cinema.get(&[("range", range)]).await;
        answer.assert_is(416, Some("bytes */36"), b"");
    }
    // Clients ask for a part without knowing that there is nothing.
    let empty = cinema.ask("GET", "/empty", &[("range", "bytes=0-")]).await;
    Answer::of(empty).await.assert_is(200, None, b"");
    Answer::of(cinema.ask("GET", "/empty", &[]).await)
        .await
        .assert_is(200, None, b"");
}

#[tokio::test]
async fn conditions_decide_what_is_sent() {
    let cinema = Cinema::open().await;
    for (headers, status) in [
        (&[("if-none-match", "\"v1\"")][..], 304),
        (&[("if-none-match", "W/\"v1\"")], 304),
        (&[("if-modified-since", MODIFIED)], 304),
        (&[("if-none-match", "\"v0\"")], 200),
        (&[("if-match", "\"v0\"")], 412),
        (&[("if-match", "\"v1\"")], 200),
        // A range of what the client has is not sent either.
        (&[("if-none-match", "\"v1\""), ("range", "bytes=0-1")], 304),
        (&[("if-match", "\"v0\""), ("range", "bytes=100-")], 412),
        (&[("if-range", "\"v1\""), ("range", "bytes=0-1")], 206),
        (&[("if-range", MODIFIED), ("range", "bytes=0-1")], 200),
        (&[("if-range", "\"v0\""), ("range", "bytes=0-1")], 200),
        (&[("if-range", "\"v0\""), ("range", "bytes=100-")], 200),
        (&[("if-range", "W/\"v1\""), ("range", "bytes=0-1")], 200),
    ] {
        let answer = cinema.get(headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("etag"), Some("\"v1\""), "{headers:?}");
        if status == 304 {
            answer.assert_is(304, None, b"");
        }
    }
}

#[tokio::test]
async fn a_range_of_an_old_version_is_answered_with_the_whole_new_one() {
    let cinema = Cinema::open().await;
    let first = cinema.get(&[("range", "bytes=0-9")]).await;
    let tag = first.header("etag").unwrap();
    *cinema.films.0.lock() = "v2";
    let headers = [("range", "bytes=10-19"), ("if-range", tag)];
    // The info is still believed, and it names pieces that are gone: the answer is made anew.
    let rest = cinema.get(&headers).await;
    rest.assert_is(200, None, FILM);
    assert_eq!(rest.header("etag"), Some("\"v2\""));
}

#[tokio::test]
async fn a_change_in_the_middle_of_a_body_breaks_it_off() {
    let cinema = Cinema::open().await;
    let mut answer = cinema.ask("GET", "/film.mp4", &[]).await;
    assert_eq!(answer.status(), 200);
    let frame = answer.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), FILM[..10]);
    *cinema.films.0.lock() = "v2";
    let error: Error = answer.frame().await.unwrap().unwrap_err();
    assert!(error.is_changed());
    assert!(!answer.body().is_end_stream(), "it looks whole");
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn a_body_reads_no_more_than_it_is_asked_for() {
    let cinema = Cinema::open().await;
    let mut answer = cinema.ask("GET", "/film.mp4", &[]).await;
    let calls = || cinema.objects.group().stats().getter_calls;
    assert_eq!(calls(), 2, "the info and the first piece");
    for expected in 3..=5 {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls(), expected - 1);
        answer.frame().await.unwrap().unwrap();
        assert!(answer.frame().now_or_never().is_none());
        while calls() < expected {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_statuses_that_keep_the_sources_message_to_themselves() {
    let cinema = Cinema::open().await;
    let long = format!("/{}", "x".repeat(9000));
    for (method, path, status, text) in [
        ("GET", "/none", 404, "not found"),
        ("GET", "/", 404, "not found"),
        ("GET", "/%66ilm.mp", 404, "not found"),
        ("GET", "/../film.mp4", 404, "not found"),
        ("GET", "/broken", 502, "getter failed"),
        ("GET", "/slow", 504, "timed out"),
        ("GET", &long, 414, "key too large"),
        ("POST", "/film.mp4", 405, ""),
        ("OPTIONS", "/film.mp4", 405, ""),
    ] {
        let answer = Answer::of(cinema.ask(method, path, &[]).await).await;
        answer.assert_is(status, None, text.as_bytes());
        let allowed = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn the_name_is_the_decoded_path_or_what_a_function_makes_of_the_request() {
    let cinema = Cinema::open().await;
    for path in [
        "/film.mp4",
        "/%66ilm%2emp4",
        "/gr%C3%B6%C3%9Fe/100%25",
        "/gr%c3%b6%c3%9fe/100%",
    ] {
        assert_eq!(cinema.ask("GET", path, &[]).await.status(), 200, "{path}");
    }
    let service = cinema.service.clone().key(|request| {
        let query = request.uri.query()?;
        Some(Key::from(query.strip_prefix("name=")?))
    });
    for (target, status) in [("/watch?name=film.mp4", 200), ("/film.mp4", 404)] {
        let request = Request::get(target).body(()).unwrap();
        let answer = tower_service::Service::call(&mut service.clone(), request).await;
        assert_eq!(answer.unwrap().status(), status, "{target}");
    }
}
