//! galaxycache over gRPC, and HTTP/2 beside HTTP/1.1 on one port.

mod support;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use peers::testing::{FakePeer, Network};
use peers::{
    Connector as _, Error, Expiry, GetMode, GetRequest, HttpOptions, Listener as _, Protocol, Reply,
};
use serde_json::Value;
use support::served::{Served, listening};
use support::{CLIENT, Raw, SERVER, dial, echo, get, hex, request, rows, serve, value};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const GRPC: Protocol = Protocol::GalaxycacheGrpc;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn peek(key: &[u8]) -> GetRequest<'_> {
    GetRequest {
        mode: GetMode::Peek,
        ..get(key)
    }
}

fn fails(error: fn() -> Error) -> FakePeer {
    FakePeer::new(move |_| Err(error()))
}

/// The headers of a recorded frame, without the headers that HTTP/2 itself makes.
fn headers(pairs: &Value) -> HeaderMap {
    let pairs = pairs.as_array().unwrap().iter();
    pairs
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .filter(|(name, _)| !name.starts_with(':'))
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn pseudo<'a>(pairs: &'a Value, name: &str) -> &'a str {
    let mut pairs = pairs.as_array().unwrap().iter();
    pairs.find(|pair| pair[0] == name).unwrap()[1]
        .as_str()
        .unwrap()
}

/// An HTTP/2 client that sends whatever a test wants.
async fn raw_client(network: &Network) -> SendRequest<Full<Bytes>> {
    let url = format!("http://{SERVER}").parse().unwrap();
    let io = network.connector(CLIENT).connect(&url).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn call(path: &str, headers: HeaderMap, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("http://{SERVER}{path}"))
        .body(Full::from(body))
        .unwrap();
    *request.headers_mut() = headers;
    request
}

/// A call for the key `k` of group `g`, with one more header.
fn call_for_k(name: &'static str, value: &'static str) -> Request<Full<Bytes>> {
    let mut headers = HeaderMap::new();
    let grpc = HeaderValue::from_static("application/grpc");
    headers.insert("content-type", grpc);
    headers.insert(name, HeaderValue::from_static(value));
    let message = b"\0\0\0\0\x06\x0a\x01g\x12\x01k".to_vec();
    call("/galaxycachepb.GalaxyCache/GetFromPeer", headers, message)
}

fn status_of<T>(response: &Response<T>) -> &str {
    response.headers()["grpc-status"].to_str().unwrap()
}

/// The value, or the error, that the recorded Go owner had for a row.
fn recorded_answer(row: &Value) -> Result<Reply, Error> {
    match row["name"].as_str().unwrap() {
        "getter-error" => return Err(Error::getter("no")),
        "not-found" | "peek-miss" => return Err(Error::not_found("no")),
        "unknown-galaxy" => return Err(Error::no_such_group("nosuch")),
        _ => {}
    }
    let message = hex(&row["response"]);
    // The value follows its key and its length, which are short in all rows.
    let value_bytes = match message.len() {
        5 => Vec::new(),
        _ => message[7..7 + usize::from(message[6])].to_vec(),
    };
    Ok(Reply {
        expiry: (row["name"] == "expiry").then(|| {
            Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_900_000_000_123_456_789))
        }),
        ..value(&value_bytes)
    })
}

#[tokio::test(start_paused = true)]
async fn a_go_callers_recorded_requests_get_the_recorded_answers() {
    for row in rows("galaxycache-grpc.json") {
        let name = row["name"].as_str().unwrap();
        let expected = Arc::new(row.clone());
        let peer = FakePeer::new({
            let row = Arc::clone(&expected);
            move |_| recorded_answer(&row)
        });
        let served = Served::start(Protocol::Native, HttpOptions::default(), peer);

        let path = pseudo(&row["request_headers"], ":path");
        let request = call(path, headers(&row["request_headers"]), hex(&row["request"]));
        let response = raw_client(&served.network)
            .await
            .send_request(request)
            .await
            .unwrap();

        let recorded = headers(&row["response_headers"]);
        assert_eq!(response.status(), 200, "{name}");
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let (code, none) = ("grpc-status", HeaderValue::from_static("none"));
        let code_of = |headers: &HeaderMap| headers.get(code).unwrap_or(&none).clone();
        assert_eq!(code_of(response.headers()), code_of(&recorded), "{name}");
        let body = response.into_body().collect().await.unwrap();
        if row["trailers"].is_null() {
            assert!(body.to_bytes().is_empty());
        } else {
            let trailers = body.trailers().unwrap();
            assert_eq!(
                code_of(trailers),
                code_of(&headers(&row["trailers"])),
                "{name}"
            );
            assert_eq!(body.to_bytes(), hex(&row["response"]), "{name}");
        }

        let asked = &served.peer.asked()[0];
        let mode = match name.starts_with("peek") {
            true => GetMode::Peek,
            false => GetMode::Load,
        };
        assert_eq!(asked.mode, mode, "{name}");
        assert!(hex(&row["request"]).ends_with(&asked.key), "{name}");
    }
}

/// A peer that answers every call with these headers, this body and these trailers, and that
/// remembers the calls.
fn scripted(
    network: &Network,
    row: &Value,
) -> tokio::sync::mpsc::Receiver<(HashMap<String, String>, Bytes)> {
    let mut listener = network.listen(SERVER).unwrap();
    let (sender, calls) = tokio::sync::mpsc::channel(1);
    let row = Arc::new(row.clone());
    tokio::spawn(async move {
        let io = listener.accept().await.unwrap().into_io();
        let service = service_fn(move |request: Request<Incoming>| {
            let (row, sender) = (Arc::clone(&row), sender.clone());
            async move {
                let (head, body) = request.into_parts();
                let mut seen: HashMap<_, _> = head
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                    .collect();
                seen.insert(":method".into(), head.method.to_string());
                seen.insert(":path".into(), head.uri.path().into());
                seen.insert(":scheme".into(), head.uri.scheme_str().unwrap().into());
                let body = body.collect().await.unwrap().to_bytes();
                sender.send((seen, body)).await.unwrap();

                let mut frames = VecDeque::new();
                if !row["response"].is_null() {
                    frames.push_back(Frame::data(Bytes::from(hex(&row["response"]))));
                }
                if !row["trailers"].is_null() {
                    frames.push_back(Frame::trailers(headers(&row["trailers"])));
                }
                let mut response = Response::new(Frames(frames));
                *response.headers_mut() = headers(&row["response_headers"]);
                Ok::<_, Infallible>(response)
            }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(io), service).await;
    });
    calls
}

#[tokio::test(start_paused = true)]
async fn a_go_owners_recorded_answers_are_understood_and_its_requests_are_ours() {
    for row in rows("galaxycache-grpc.json") {
        let name = row["name"].as_str().unwrap();
        let network = Network::new();
        let mut calls = scripted(&network, &row);
        let client = dial(&network, GRPC, HttpOptions::default());
        let message = hex(&row["request"]);
        let group = match name {
            "unknown-galaxy" => "nosuch",
            _ => "g",
        };
        let key = message.get(5 + 2 + group.len() + 2..).unwrap_or_default();
        let question = match name.starts_with("peek") {
            true => GetRequest { group, ..peek(key) },
            false => GetRequest { group, ..get(key) },
        };
        let answer = client.get(question).await;

        let (seen, body) = calls.recv().await.unwrap();
        assert_eq!(body, message, "{name}");
        for name in [":method", ":scheme", ":path", "content-type", "te"] {
            assert_eq!(seen[name], pseudo(&row["request_headers"], name));
        }
        match recorded_answer(&row) {
            Ok(reply) => assert_eq!(answer.unwrap(), reply, "{name}"),
            Err(error) if error.is_getter() => {
                // A Go caller then loads the value itself, and so does ours.
                let answer = answer.unwrap_err();
                assert!(!answer.is_answer() && !answer.is_transport(), "{name}");
                assert!(
                    answer.to_string().starts_with("gRPC status 2: "),
                    "{answer}"
                );
            }
            Err(error) => {
                let answer = answer.unwrap_err();
                assert_eq!(answer.is_not_found(), error.is_not_found(), "{name}");
                assert_eq!(
                    answer.is_no_such_group(),
                    error.is_no_such_group(),
                    "{name}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_typed_between_nodes_of_ours() {
    for (peer, is) in [
        (
            fails(|| Error::not_found("no cat")),
            Error::is_not_found as fn(&Error) -> bool,
        ),
        (fails(|| Error::getter("no cat")), Error::is_getter),
        (fails(|| Error::overloaded("no cat")), Error::is_overloaded),
        (
            fails(|| Error::too_large("no cat", 2, 1)),
            Error::is_too_large,
        ),
        (fails(|| Error::no_such_group("g")), Error::is_no_such_group),
        (
            fails(|| Error::timed_out("no cat", SECOND)),
            Error::is_timeout,
        ),
    ] {
        let served = Served::start(GRPC, HttpOptions::default(), peer);
        let client = served.client(HttpOptions::default());
        let error = client.get(get(b"k")).await.unwrap_err();
        assert!(is(&error), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn expiry_rate_and_any_key_cross_and_peeks_are_peeks() {
    let moment = SystemTime::UNIX_EPOCH + Duration::new(4_000_000_000, 7);
    let expiry = Some(Expiry::At(moment));
    let peer = FakePeer::new(move |request| {
        Ok(Reply {
            expiry,
            minute_qps: Some(12.5),
            ..value(request.key)
        })
    });
    let served = Served::start(GRPC, HttpOptions::default(), peer);
    let client = served.client(HttpOptions::default());
    let any: Vec<u8> = (0..=255).collect();
    for key in [b"".as_slice(), b"a/b?c%", &any] {
        let reply = client.get(get(key)).await.unwrap();
        assert_eq!((reply.value.as_ref(), reply.expiry), (key, expiry));
        assert_eq!(reply.minute_qps, Some(12.5));
        let peeked = client.get(peek(key)).await.unwrap();
        assert_eq!((peeked.expiry, peeked.minute_qps), (expiry, None));
    }
    assert_eq!(served.peer.asked()[1].mode, GetMode::Peek);
    assert_eq!(served.network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn values_up_to_the_limit_pass_and_others_are_refused_by_either_side() {
    let network = Network::new();
    let limit = 5 << 20;
    let options = HttpOptions::default();
    let peer = FakePeer::new(move |request| match request.key {
        b"fits" => Ok(value(&vec![b'x'; limit])),
        _ => Ok(value(&vec![b'x'; limit + 100])),
    });
    let (_server, _) = serve(&network, GRPC, options.clone(), peer);
    let client = dial(&network, GRPC, options.max_value_bytes(limit));
    assert_eq!(client.get(get(b"fits")).await.unwrap().value.len(), limit);
    let error = client.get(get(b"large")).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
    let key = vec![b'k'; 8 << 10];
    assert!(
        client
            .get(get(&[&*key, b"k"].concat()))
            .await
            .unwrap_err()
            .is_too_large()
    );
    assert!(client.get(get(b"fits")).await.is_ok());
    assert_eq!(network.accepted(SERVER), 1);

    let network = Network::new();
    let peer = FakePeer::new(|_| Ok(value(b"ten bytes!")));
    let (_server, _) = serve(
        &network,
        GRPC,
        HttpOptions::default().max_value_bytes(9),
        peer,
    );
    let client = dial(&network, GRPC, HttpOptions::default());
    let error = client.get(get(b"k")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a value of 10 bytes is larger than the limit of 9 bytes"
    );
    assert!(error.is_too_large());
}

#[tokio::test(start_paused = true)]
async fn a_callers_patience_is_obeyed() {
    let peer = FakePeer::new(echo).delay(3 * SECOND);
    let served = Served::start(GRPC, HttpOptions::default(), peer);
    let mut client = raw_client(&served.network).await;
    let start = Instant::now();
    let response = client
        .send_request(call_for_k("grpc-timeout", "2S"))
        .await
        .unwrap();
    assert_eq!((status_of(&response), start.elapsed().as_secs()), ("4", 2));
    assert_eq!(served.peer.asked().len(), 1);
    for (limit, status) in [("0n", "4"), ("soon", "13")] {
        let response = client
            .send_request(call_for_k("grpc-timeout", limit))
            .await
            .unwrap();
        assert_eq!(
            (status_of(&response), start.elapsed().as_secs()),
            (status, 2)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_call_is_refused() {
    let served = Served::echoing(GRPC);
    let mut client = raw_client(&served.network).await;
    let mut refused = async |request: Request<Full<Bytes>>| {
        let response = client.send_request(request).await.unwrap();
        let grpc = response.headers().get("grpc-status");
        let grpc = grpc.map(|status| status.to_str().unwrap().to_owned());
        (response.status().as_u16(), grpc)
    };
    let path = "/galaxycachepb.GalaxyCache/";
    let with = |path: &str, body: &[u8]| {
        let headers = call_for_k("te", "trailers").headers().clone();
        call(path, headers, body.to_vec())
    };
    let get_path = format!("{path}GetFromPeer");
    let unimplemented = refused(with(&format!("{path}Remove"), b"")).await;
    assert_eq!(unimplemented, (200, Some("12".into())));
    for body in [
        b"".as_slice(),
        b"\0\0\0",               // no message
        b"\0\xff\xff\xff\xff",   // longer than anything
        b"\x01\0\0\0\0",         // compressed, with nothing said about how
        b"\0\0\0\0\x02\x0a\x05", // a galaxy cut off
    ] {
        let (status, grpc) = refused(with(&get_path, body)).await;
        assert!(
            status == 200 && grpc.is_some_and(|grpc| grpc != "0"),
            "{body:?}"
        );
    }
    assert_eq!(refused(with(&get_path, &vec![0; 1 << 20])).await.0, 413);
    assert_eq!(
        refused(call(&get_path, HeaderMap::new(), Vec::new())).await,
        (415, None)
    );
    assert!(served.peer.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_call_and_not_the_connection() {
    let peer = FakePeer::new(|request| match request.key {
        b"panic" => panic!("on purpose"),
        key => Ok(value(key)),
    });
    let served = Served::start(GRPC, HttpOptions::default(), peer);
    let client = served.client(HttpOptions::default());
    assert!(!client.get(get(b"panic")).await.unwrap_err().is_answer());
    assert_eq!(client.get(get(b"k")).await.unwrap().value, "k");
    assert_eq!(served.network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn both_versions_and_all_protocols_share_one_port() {
    let served = Served::echoing(Protocol::Golang);
    for protocol in [Protocol::Golang, GRPC, Protocol::Galaxycache] {
        let client = dial(&served.network, protocol, HttpOptions::default());
        assert_eq!(
            client.get(get(b"k")).await.unwrap().value,
            "k",
            "{protocol}"
        );
    }
    assert_eq!(served.peer.asked().len(), 3);
    // The paths of HTTP/1.1 are served over HTTP/2 too.
    let url = format!("http://{SERVER}/healthz");
    let health = Request::get(url).body(Full::default()).unwrap();
    let response = raw_client(&served.network)
        .await
        .send_request(health)
        .await
        .unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "ok"
    );
}

#[tokio::test(start_paused = true)]
async fn a_preface_that_goes_wrong_or_stops_ends_the_connection() {
    let options = HttpOptions::default().head_timeout(2 * SECOND);
    let served = Served::start(GRPC, options, FakePeer::new(echo));

    let mut garbage = served.raw().await;
    garbage.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
    let refused = garbage.receive().await;
    assert!(refused.is_none_or(|answer| answer.status() >= 400));

    let mut post = served.raw().await;
    post.send("P").await;
    sleep(SECOND).await;
    post.send(&request("/healthz").replace("GET", "OST")[..])
        .await;
    assert_eq!(post.receive().await.unwrap().status(), 405);

    let mut slow = served.raw().await;
    let start = Instant::now();
    for byte in &PREFACE[..5] {
        slow.send([*byte]).await;
        sleep(SECOND / 2).await;
    }
    assert!(slow.is_closed().await);
    assert!(
        (2..=3).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_also_when_they_never_said_a_word_or_ping_on() {
    let options = HttpOptions::default().server_idle_timeout(20 * SECOND);
    let served = Served::start(GRPC, options, FakePeer::new(echo));
    let start = Instant::now();
    let mut silent = served.raw().await;
    assert!(silent.is_closed().await);
    assert!((20..=25).contains(&start.elapsed().as_secs()));

    // The client sends settings, then a ping every second, and opens no stream.
    let mut pinging = served.raw().await;
    pinging.send(PREFACE).await;
    pinging.send(b"\0\0\0\x04\0\0\0\0\0").await;
    let start = Instant::now();
    while pinging
        .try_send(b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0")
        .await
        .is_ok()
    {
        sleep(SECOND).await;
        assert!(
            start.elapsed() < 60 * SECOND,
            "a connection that only pings is kept"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_read_ends_the_connection() {
    let peer = FakePeer::new(|_| Ok(value(&vec![b'x'; 4 << 20])));
    let options = HttpOptions::default().write_timeout(5 * SECOND);
    let served = Served::start(GRPC, options, peer);
    let mut client = raw_client(&served.network).await;
    let response = client
        .send_request(call_for_k("te", "trailers"))
        .await
        .unwrap();
    let start = Instant::now();
    // The client reads no byte of the body, so that no window opens.
    while start.elapsed() < 20 * SECOND && !client.is_closed() {
        sleep(SECOND).await;
    }
    assert!(
        (5..=9).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(served.server.shutdown().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_the_calls_in_flight_and_closes_idle_connections() {
    let peer = FakePeer::new(echo).delay(2 * SECOND);
    let served = Served::start(GRPC, HttpOptions::default(), peer);
    let client = served.client(HttpOptions::default());
    let idle = raw_client(&served.network).await;
    let in_flight = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.get(get(b"k")).await }
    });
    sleep(SECOND).await;
    let start = Instant::now();
    let shutdown = tokio::spawn(served.server.shutdown());
    sleep(SECOND / 10).await;
    assert!(idle.is_closed());
    assert!(client.get(get(b"late")).await.unwrap_err().is_transport());
    assert_eq!(in_flight.await.unwrap().unwrap().value, "k");
    assert_eq!(shutdown.await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_is_replaced_unnoticed() {
    let network = Network::new();
    let (server, _) = serve(&network, GRPC, HttpOptions::default(), FakePeer::new(echo));
    let client = dial(&network, GRPC, HttpOptions::default());
    client.get(get(b"k")).await.unwrap();
    network.kill(SERVER);
    drop(server);
    let (_server, peer) = serve(&network, GRPC, HttpOptions::default(), FakePeer::new(echo));
    client.get(get(b"k")).await.unwrap();
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_costs_a_time_out_and_its_connection() {
    let served = Served::echoing(GRPC);
    let client = served.client(HttpOptions::default().request_timeout(2 * SECOND));
    client.get(get(b"k")).await.unwrap();
    served.network.partition(SERVER, CLIENT);
    let start = Instant::now();
    assert!(client.get(get(b"k")).await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 2);
    // The next call finds out by connecting, and so do the calls that wait for its connection.
    let (a, b, c) = tokio::join!(
        client.get(get(b"a")),
        client.get(get(b"b")),
        client.get(get(b"c"))
    );
    for result in [a, b, c] {
        assert!(result.unwrap_err().is_transport());
    }
    assert_eq!(start.elapsed().as_secs(), 3);
    served.network.heal();
    client.get(get(b"k")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_speaks_something_else_is_a_failed_peer() {
    let (_network, mut listener, client) = listening(GRPC, HttpOptions::default());
    tokio::spawn(async move {
        loop {
            let mut raw = Raw::accept(&mut listener).await;
            raw.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = timeout(60 * SECOND, client.get(get(b"k")))
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.is_transport(), "{error}");
}

#[test]
fn the_protocol_is_listed_and_has_a_name() {
    assert!(Protocol::ALL.contains(&GRPC));
    assert_eq!("galaxycache-grpc".parse::<Protocol>().unwrap(), GRPC);
}

/// A body of these frames.
struct Frames(VecDeque<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
