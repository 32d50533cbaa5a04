//! The native protocol's stream: many calls on one connection, their limits, and what becomes of them
//! when the other side is slow, breaks off, or lies.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use peers::testing::{FakePeer, Network};
use peers::{
    BoxFuture, Error, GetManyReply, GetManyRequest, GetMode, GetRequest, HttpOptions, HttpService,
    Listener as _, PeerClient, PeerService, Protocol, RemoveRequest, Reply, Server, SetRequest,
};
use support::stream::{
    CANCEL, CANCELLED, DONE, FAILURE, FREE, Frame, GET, GOAWAY, GRANT, HELLO, PIECE, PING, PONG,
    RawStream, SET, VALUE,
};
use support::{SERVER, dial, echo, get, serve, value};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn client(network: &Network) -> Arc<dyn PeerClient> {
    dial(network, Protocol::Native, HttpOptions::default())
}

fn slow_server(network: &Network) -> (Server, Arc<Slow>) {
    serve_native(network, Slow::default())
}

fn serve_native<P: PeerService>(network: &Network, peer: P) -> (Server, Arc<P>) {
    serve(network, Protocol::Native, HttpOptions::default(), peer)
}

/// A get on a task of its own.
fn spawn_get(
    client: &Arc<dyn PeerClient>,
    key: impl AsRef<[u8]> + Send + 'static,
) -> JoinHandle<Result<Reply, Error>> {
    let client = Arc::clone(client);
    tokio::spawn(async move { client.get(get(key.as_ref())).await })
}

fn set(value: Vec<u8>) -> SetRequest<'static> {
    SetRequest {
        group: "g",
        key: b"k",
        value: value.into(),
        expiry: None,
        stamp: None,
        known: &[],
    }
}

/// A peer whose key `slow` is answered when it is told to; others at once, `cached` without waiting.
#[derive(Default)]
struct Slow {
    go: Notify,
    arrived: Notify,
    /// Gets of `slow` that were given up.
    dropped: Arc<AtomicUsize>,
}

struct CountDrop(Arc<AtomicUsize>, bool);

impl Drop for CountDrop {
    fn drop(&mut self) {
        if !self.1 {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

impl PeerService for Slow {
    fn get_cached(&self, request: GetRequest<'_>) -> Option<Result<Reply, Error>> {
        request.key.starts_with(b"cached").then(|| echo(request))
    }

    fn get_many_cached(
        &self,
        request: GetManyRequest<'_>,
        _room: usize,
    ) -> Option<Result<GetManyReply, Error>> {
        let answers = request.keys.iter().map(|key| {
            let echoed = self.get_cached(get(key))?;
            Some(Some(echoed))
        });
        let answers = answers.collect::<Option<_>>()?;
        Some(Ok(GetManyReply {
            answers,
            state: None,
        }))
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            if request.key.starts_with(b"slow") {
                let mut dropped = CountDrop(Arc::clone(&self.dropped), false);
                self.arrived.notify_one();
                self.go.notified().await;
                dropped.1 = true;
            }
            echo(request)
        })
    }
}

/// A peer that keeps what is set.
#[derive(Default)]
struct Store(parking_lot::Mutex<Vec<u8>>);

impl PeerService for Store {
    fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async { Ok(value(&self.0.lock())) })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            *self.0.lock() = request.value.to_vec();
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_key_delays_no_fast_one_on_the_same_connection() {
    let network = Network::new();
    let (_server, peer) = slow_server(&network);
    let client = client(&network);
    let slow = spawn_get(&client, b"slow");
    peer.arrived.notified().await;
    for key in [b"cached".as_slice(), b"loaded"] {
        assert_eq!(client.get(get(key)).await.unwrap().value, key);
    }
    assert!(!slow.is_finished());
    peer.go.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().value, "slow");
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_all_in_memory_need_no_turn() {
    let network = Network::new();
    let options = HttpOptions::default().max_requests(1);
    let (_server, peer) = serve(&network, Protocol::Native, options, Slow::default());
    let client = client(&network);
    let slow = spawn_get(&client, b"slow");
    peer.arrived.notified().await;
    let ask = |keys: &'static [&'static [u8]]| {
        client.get_many(GetManyRequest {
            group: "g",
            keys,
            mode: GetMode::Load,
            known: &[],
        })
    };
    let answers = ask(&[b"cached 1", b"cached 2"]).await.unwrap().answers;
    let values = answers
        .into_iter()
        .map(|answer| answer.unwrap().unwrap().value);
    assert_eq!(values.collect::<Vec<_>>(), ["cached 1", "cached 2"]);
    // One key that is not in memory takes a turn for all.
    let error = ask(&[b"cached 1", b"other"]).await.unwrap_err();
    assert!(error.is_overloaded(), "{error}");
    peer.go.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().value, "slow");
}

#[tokio::test(start_paused = true)]
async fn an_answer_leaves_as_soon_as_it_is_made() {
    let network = Network::new();
    let delay = Duration::from_millis(70);
    let peer = FakePeer::new(echo).delay(delay);
    let (_server, _) = serve(&network, Protocol::Native, HttpOptions::default(), peer);
    let client = client(&network);
    // The first call on the connection, and one after all others have been answered.
    for _ in 0..3 {
        let start = Instant::now();
        client.get(get(b"k")).await.unwrap();
        assert_eq!(start.elapsed(), delay);
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_calls_wait_on_one_connection() {
    let network = Network::new();
    let options = HttpOptions::default().max_requests(10_000);
    let (_server, peer) = serve(&network, Protocol::Native, options, Slow::default());
    let client = client(&network);
    let mut gets = JoinSet::new();
    for n in 0..10_000 {
        let client = Arc::clone(&client);
        gets.spawn(async move {
            let key = format!("slow-{n}");
            let reply = client.get(get(key.as_bytes())).await.unwrap();
            assert_eq!(reply.value, key.as_str());
        });
    }
    // All have arrived once one that waits for nothing is answered.
    assert_eq!(client.get(get(b"cached")).await.unwrap().value, "cached");
    sleep(SECOND).await;
    peer.go.notify_waiters();
    let done = timeout(SECOND, async { while gets.join_next().await.is_some() {} });
    done.await.unwrap();
    assert_eq!(
        (network.accepted(SERVER), peer.dropped.load(SeqCst)),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_wait_and_are_refused_in_the_end() {
    let network = Network::new();
    let options = HttpOptions::default()
        .max_calls_per_connection(2)
        .acquire_timeout(3 * SECOND);
    let (_server, peer) = serve(&network, Protocol::Native, options.clone(), Slow::default());
    let client = dial(&network, Protocol::Native, options);
    let slow = |key: &'static [u8]| spawn_get(&client, key);
    let under_way = [slow(b"slow-1"), slow(b"slow-2")];
    for _ in 0..2 {
        peer.arrived.notified().await;
    }
    let start = Instant::now();
    let error = client.get(get(b"k")).await.unwrap_err();
    assert!(error.is_overloaded() && !error.is_timeout(), "{error}");
    assert_eq!(start.elapsed().as_secs(), 3);
    // One that waits goes on as soon as there is room.
    let waiting = slow(b"k");
    sleep(SECOND).await;
    peer.go.notify_waiters();
    assert_eq!(waiting.await.unwrap().unwrap().value, "k");
    assert_eq!(start.elapsed().as_secs(), 4);
    for get in under_way {
        get.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_ends_the_work_at_the_peer() {
    let network = Network::new();
    let (_server, peer) = slow_server(&network);
    let client = client(&network);
    assert!(timeout(SECOND, client.get(get(b"slow"))).await.is_err());
    // The answer to a later call comes after the cancellation was read.
    client.get(get(b"loaded")).await.unwrap();
    assert_eq!(peer.dropped.load(SeqCst), 1);
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_travels_and_ends_the_work_at_the_peer() {
    let network = Network::new();
    let (_server, peer) = slow_server(&network);
    let mut raw = RawStream::open(&network).await;
    let mut call = Frame::get(7, b"slow");
    call.time = 1500;
    raw.send(call).await;
    let start = Instant::now();
    let answer = raw.receive().await.unwrap();
    assert_eq!((answer.kind, answer.id), (FAILURE, 7));
    assert_eq!(start.elapsed().as_millis(), 1500);
    assert_eq!(peer.dropped.load(SeqCst), 1);

    let options = HttpOptions::default().request_timeout(2 * SECOND);
    let client = dial(&network, Protocol::Native, options);
    let start = Instant::now();
    let error = client.get(get(b"slow")).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // The client looks eight times per time-out.
    assert!((2000..=2250).contains(&start.elapsed().as_millis()));
    client.get(get(b"k")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_tells_how_long_it_waits_and_that_it_no_longer_does() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let options = HttpOptions::default().request_timeout(7 * SECOND);
    let client = dial(&network, Protocol::Native, options);
    let peer = async {
        let mut raw = RawStream::greet(&mut listener).await;
        let call = raw.receive().await.unwrap();
        assert_eq!((call.kind, call.time), (GET, 7000));
        assert_eq!(call.payload, b"\0\x01\0gk");
        let cancel = raw.receive().await.unwrap();
        assert_eq!((cancel.kind, cancel.id), (CANCEL, call.id));
        raw.send(Frame::new(CANCELLED, call.id, [])).await;
        // Only now may the id be used again.
        let next = raw.receive().await.unwrap();
        assert_eq!((next.kind, next.id), (GET, call.id));
        raw.send(Frame::value(next.id, b"late")).await;
        raw
    };
    let asker = async {
        assert!(timeout(SECOND, client.get(get(b"k"))).await.is_err());
        sleep(SECOND).await;
        client.get(get(b"k")).await.unwrap().value
    };
    let (value, _raw) = tokio::join!(asker, peer);
    assert_eq!(value, "late");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_refuses_is_spoken_to_over_http_and_asked_again_later() {
    let network = Network::new();
    let plain = HttpOptions::default().multiplexing(false);
    let (server, _) = serve(&network, Protocol::Native, plain, FakePeer::new(echo));
    let pause = HttpOptions::default().upgrade_pause(10 * SECOND);
    let client = dial(&network, Protocol::Native, pause);
    for _ in 0..5 {
        assert_eq!(client.get(get(b"k")).await.unwrap().value, "k");
    }
    client.ping().await.unwrap();
    // One that was refused, one for gets, and one for the liveness check.
    assert_eq!(network.accepted(SERVER), 3);
    server.shutdown().await;
    let (_server, _) = slow_server(&network);
    sleep(10 * SECOND).await;
    let mut gets = JoinSet::new();
    for n in 0..10 {
        let client = Arc::clone(&client);
        gets.spawn(async move {
            client.get(get(format!("k{n}").as_bytes())).await.unwrap();
        });
    }
    while let Some(get) = gets.join_next().await {
        get.unwrap();
    }
    client.ping().await.unwrap();
    assert_eq!(network.accepted(SERVER), 4, "all over one stream");
}

#[tokio::test(start_paused = true)]
async fn a_get_and_a_removal_survive_a_broken_connection_and_a_set_says_that_it_broke() {
    for call in ["get", "remove", "set"] {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let client = client(&network);
        let peer = async {
            let mut raw = RawStream::greet(&mut listener).await;
            raw.receive().await.unwrap();
            drop(raw);
            if call == "set" {
                return;
            }
            let mut raw = RawStream::greet(&mut listener).await;
            let again = raw.receive().await.unwrap();
            let answer = match call {
                "get" => Frame::value(again.id, b"v"),
                _ => Frame::new(DONE, again.id, []),
            };
            raw.send(answer).await;
        };
        let removal = RemoveRequest {
            group: "g",
            keys: &[b"k"],
            stamp: None,
        };
        let asker = async {
            match call {
                "get" => client.get(get(b"k")).await.map(|_| ()),
                "remove" => client.remove(removal).await,
                _ => client.set(set(b"v".to_vec())).await,
            }
        };
        let (result, ()) = tokio::join!(asker, peer);
        match call {
            "set" => assert!(result.unwrap_err().is_transport()),
            _ => result.unwrap(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_again_fails_what_was_on_it_at_once() {
    let network = Network::new();
    let (_server, peer) = slow_server(&network);
    let client = client(&network);
    let mut gets = JoinSet::new();
    for n in 0..100 {
        let client = Arc::clone(&client);
        gets.spawn(async move { client.get(get(format!("slow-{n}").as_bytes())).await });
    }
    peer.arrived.notified().await;
    let start = Instant::now();
    network.kill(SERVER);
    while let Some(get) = gets.join_next().await {
        let error = get.unwrap().unwrap_err();
        assert!(error.is_transport() && !error.is_timeout(), "{error}");
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    // All of them shared one more attempt.
    assert_eq!(network.attempts(SERVER), 2);
}

/// What a server says about the call with this id.
type Lie = fn(u32) -> Vec<Frame>;

#[tokio::test(start_paused = true)]
async fn what_a_lying_server_says_ends_the_connection_with_a_typed_error() {
    let lies: [(&str, Lie); 9] = [
        ("an answer to a call that nobody made", |id| {
            vec![Frame::value(id + 1, b"v")]
        }),
        ("the same answer twice", |id| {
            vec![Frame::value(id, b"v"), Frame::value(id, b"v")]
        }),
        ("a cancellation that nobody asked for", |id| {
            vec![Frame::new(CANCELLED, id, [])]
        }),
        ("an unknown frame", |_| vec![Frame::new(9, 0, [])]),
        ("a frame of a client", |_| vec![Frame::new(PING, 0, [])]),
        ("a piece that is too long", |id| {
            vec![Frame::new(VALUE, id, vec![0; PIECE + 1])]
        }),
        ("another kind in the middle", |id| {
            vec![
                Frame::first(VALUE, id, 300_000, &[0; 100]),
                Frame::new(DONE, id, [0; 100]).more(),
            ]
        }),
        ("more than it announced", |id| {
            vec![
                Frame::first(VALUE, id, 200, &[0; 100]),
                Frame::new(VALUE, id, [0; 101]),
            ]
        }),
        ("less than it announced", |id| {
            vec![
                Frame::first(VALUE, id, 200, &[0; 100]),
                Frame::new(VALUE, id, [0; 99]),
            ]
        }),
    ];
    for (lie, frames) in lies {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let client = client(&network);
        let peer = async {
            // Also the second time: a get is asked once more.
            for _ in 0..2 {
                let mut raw = RawStream::greet(&mut listener).await;
                let first = raw.receive().await.unwrap();
                // One of the two may have its answer.
                let second = timeout(SECOND, raw.receive()).await;
                let second = second.map_or(first.id, |frame| frame.unwrap().id);
                let last = first.id.max(second);
                for frame in frames(last) {
                    _ = raw.0.try_send(&frame.bytes()).await;
                }
                while raw.receive().await.is_some() {}
            }
        };
        let start = Instant::now();
        let both = async { tokio::join!(client.get(get(b"a")), client.get(get(b"b"))) };
        let ((one, other), ()) = tokio::join!(both, peer);
        let errors: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
        // Whoever had its answer before the lie keeps it; the other one asks once more.
        assert!(
            !errors.is_empty() || lie == "the same answer twice",
            "{lie}"
        );
        assert_eq!(network.accepted(SERVER), 2, "{lie}");
        for error in errors {
            assert!(error.is_transport(), "{lie}: {error}");
            assert!(error.to_string().starts_with("malformed"), "{lie}: {error}");
        }
        assert!(start.elapsed() <= SECOND, "{lie}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lying_client_is_cut_off_and_harms_no_other() {
    let network = Network::new();
    let options = HttpOptions::default().max_calls_per_connection(10);
    let (_server, _) = serve(&network, Protocol::Native, options, Slow::default());
    let honest = client(&network);
    let lies: [(&str, Vec<u8>); 9] = [
        ("an unknown frame", Frame::new(9, 0, []).bytes()),
        ("a frame of a server", Frame::new(PONG, 0, []).bytes()),
        (
            "reserved bits",
            [&[0, 0, 0, 0, GET, 2][..], &[0; 10]].concat(),
        ),
        (
            "a piece that is too long",
            Frame::new(GET, 0, vec![0; PIECE + 1]).bytes(),
        ),
        (
            "a long frame of the stream",
            Frame::new(PING, 0, [0; 17]).bytes(),
        ),
        ("a short grant", Frame::new(GRANT, 0, [0; 3]).bytes()),
        (
            "the same call twice",
            [
                Frame::get(1, b"slow").bytes(),
                Frame::get(1, b"slow").bytes(),
            ]
            .concat(),
        ),
        (
            "a flood",
            (0..11)
                .flat_map(|id| Frame::get(id, b"slow").bytes())
                .collect(),
        ),
        (
            "more than was granted",
            [
                Frame::first(SET, 1, 4 << 20, &[0; PIECE - 8]).bytes(),
                (0..8)
                    .flat_map(|_| Frame::new(SET, 1, [0; PIECE]).more().bytes())
                    .collect(),
            ]
            .concat(),
        ),
    ];
    for (lie, bytes) in lies {
        let mut raw = RawStream::open(&network).await;
        _ = raw.0.try_send(&bytes).await;
        let closed = timeout(SECOND, async { while raw.receive().await.is_some() {} });
        assert!(closed.await.is_ok(), "{lie}");
        assert_eq!(honest.get(get(b"k")).await.unwrap().value, "k", "{lie}");
    }
    assert_eq!(network.accepted(SERVER), 1 + 9);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_in_the_middle_is_cut_off_in_time() {
    let network = Network::new();
    let options = HttpOptions::default()
        .body_timeout(4 * SECOND)
        .write_timeout(6 * SECOND)
        .server_idle_timeout(60 * SECOND);
    let (_server, _) = serve(&network, Protocol::Native, options, Slow::default());
    let beginnings = [
        Frame::get(1, b"key").bytes()[..9].to_vec(),
        Frame::get(1, b"key").bytes()[..18].to_vec(),
        Frame::first(SET, 1, 300_000, &[0; 100]).bytes(),
    ];
    for bytes in beginnings {
        let mut raw = RawStream::open(&network).await;
        raw.0.send(&bytes).await;
        let start = Instant::now();
        assert!(raw.is_closed().await);
        let waited = start.elapsed().as_secs();
        assert!((4..=5).contains(&waited), "{waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off_and_held_back_before() {
    let network = Network::new();
    let options = HttpOptions::default().write_timeout(4 * SECOND);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let peer = FakePeer::new(move |_| {
        counted.fetch_add(1, SeqCst);
        Ok(value(&[0; 10_000]))
    });
    let (_server, _) = serve(&network, Protocol::Native, options, peer);
    let mut raw = RawStream::open(&network).await;
    let calls = async {
        for id in 0..10_000 {
            if raw
                .0
                .try_send(&Frame::get(id, b"key").bytes())
                .await
                .is_err()
            {
                return;
            }
        }
    };
    let start = Instant::now();
    calls.await;
    assert!(
        (4..=6).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    // About a megabyte of answers, and what was read before they were made.
    assert!(asked.load(SeqCst) < 3000, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn values_pass_up_to_their_limit_and_not_beyond() {
    let limit = 3 << 20;
    for size in [
        0,
        1,
        16 << 10,
        (16 << 10) + 1,
        PIECE - 100,
        PIECE,
        PIECE + 1,
        FREE,
        FREE + 1,
        limit,
    ] {
        let network = Network::new();
        let options = HttpOptions::default().max_value_bytes(limit);
        let (_server, _) = serve(
            &network,
            Protocol::Native,
            options.clone(),
            Store::default(),
        );
        let client = dial(&network, Protocol::Native, options);
        let sent: Vec<u8> = (0..size).map(|n| ((n * 31) >> 3) as u8).collect();
        client.set(set(sent.clone())).await.unwrap();
        assert!(client.get(get(b"k")).await.unwrap().value == sent, "{size}");
    }
    // The server says that it is too much, and so does the client of one that does not.
    let network = Network::new();
    let (small, large) = (
        HttpOptions::default().max_value_bytes(limit),
        HttpOptions::default(),
    );
    let (_server, peer) = serve(&network, Protocol::Native, small.clone(), Store::default());
    let generous = dial(&network, Protocol::Native, large);
    for over in [limit + 1, 8 << 20] {
        let error = generous.set(set(vec![0; over])).await.unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
    *peer.0.lock() = vec![0; limit + 1];
    assert!(generous.get(get(b"k")).await.unwrap_err().is_too_large());
    generous.set(set(b"small".to_vec())).await.unwrap();
    assert_eq!(generous.get(get(b"k")).await.unwrap().value, "small");
    assert_eq!(
        network.accepted(SERVER),
        1,
        "the connection is as good as before"
    );

    let network = Network::new();
    let (_server, peer) = serve_native(&network, Store::default());
    *peer.0.lock() = vec![0; 8 << 20];
    let thrifty = dial(&network, Protocol::Native, small);
    for _ in 0..20 {
        let error = thrifty.get(get(b"k")).await.unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
    *peer.0.lock() = b"small".to_vec();
    assert_eq!(thrifty.get(get(b"k")).await.unwrap().value, "small");
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_too_long_is_refused_while_it_comes_and_its_id_is_free_again() {
    let network = Network::new();
    let (_server, _) = slow_server(&network);
    let mut raw = RawStream::open(&network).await;
    for length in [1 << 30, u64::MAX] {
        let piece = vec![0; PIECE - 8];
        raw.send(Frame::first(SET, 5, length, &piece)).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!((answer.kind, answer.id), (FAILURE, 5));
        assert_eq!(answer.payload[0], 5, "too large");
        // The answer was final, and so nothing answers the end of the call.
        raw.send(Frame::new(CANCEL, 5, [])).await;
        raw.send(Frame::get(5, b"cached")).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!((answer.kind, answer.id), (VALUE, 5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_send_what_the_server_would_not_take() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = client(&network);
    let peer = async {
        let mut raw = RawStream::accept(&mut listener).await;
        let hello = [&9_u32.to_le_bytes()[..], &1000_u64.to_le_bytes()].concat();
        raw.send(Frame::new(HELLO, 0, hello)).await;
        let set = raw.receive().await.unwrap();
        assert_eq!((set.kind, set.payload.len()), (SET, 1000));
        raw.send(Frame::new(DONE, set.id, [])).await;
        raw
    };
    // What a set of `g` and `k` takes beside its value.
    let beside = 1 + 2 + 9 + 3 + 5;
    let asker = async {
        let error = client.set(set(vec![0; 1001 - beside])).await.unwrap_err();
        assert!(error.is_too_large(), "{error}");
        client.set(set(vec![0; 1000 - beside])).await.unwrap();
    };
    let ((), _raw) = tokio::join!(asker, peer);
}

#[tokio::test(start_paused = true)]
async fn keys_pass_up_to_their_limit_and_not_beyond() {
    let network = Network::new();
    let options = HttpOptions::default().max_key_bytes(100);
    let (_server, _) = serve(
        &network,
        Protocol::Native,
        options.clone(),
        FakePeer::new(echo),
    );
    let equal = dial(&network, Protocol::Native, options);
    let generous = client(&network);
    for client in [equal, generous] {
        assert_eq!(
            client.get(get(&[b'k'; 100])).await.unwrap().value.len(),
            100
        );
        assert!(
            client
                .get(get(&[b'k'; 101]))
                .await
                .unwrap_err()
                .is_too_large()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn small_answers_pass_large_ones() {
    let network = Network::new();
    let (_server, _) = serve(
        &network,
        Protocol::Native,
        HttpOptions::default(),
        FakePeer::new(|request| {
            let size = if request.key == b"large" {
                32 << 20
            } else {
                10
            };
            Ok(value(&vec![0; size]))
        }),
    );
    // Each piece of the simulated network takes a while.
    network.delay(Duration::from_millis(1));
    let client = client(&network);
    let start = Instant::now();
    let large = tokio::spawn({
        let client = Arc::clone(&client);
        async move { (client.get(get(b"large")).await.unwrap(), start.elapsed()) }
    });
    sleep(Duration::from_millis(100)).await;
    let before = Instant::now();
    client.get(get(b"small")).await.unwrap();
    let small = before.elapsed();
    let (reply, whole) = large.await.unwrap();
    assert_eq!(reply.value.len(), 32 << 20);
    assert!(small * 5 < whole, "{small:?} of {whole:?}");
}

#[tokio::test(start_paused = true)]
async fn long_answers_wait_for_room_in_the_budget_and_all_come() {
    let network = Network::new();
    let (_server, _) = serve(
        &network,
        Protocol::Native,
        HttpOptions::default(),
        FakePeer::new(|_| Ok(value(&[7; 5 << 20]))),
    );
    let options = HttpOptions::default()
        .max_value_bytes(6 << 20)
        .max_body_bytes_in_flight(7 << 20);
    let client = dial(&network, Protocol::Native, options);
    let mut gets = JoinSet::new();
    for n in 0..20 {
        let client = Arc::clone(&client);
        gets.spawn(async move {
            let reply = client.get(get(format!("{n}").as_bytes())).await.unwrap();
            assert_eq!(reply.value.len(), 5 << 20);
        });
    }
    while let Some(get) = gets.join_next().await {
        get.unwrap();
    }
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_nobody_waits_for_stops() {
    let network = Network::new();
    let (_server, _) = serve(
        &network,
        Protocol::Native,
        HttpOptions::default(),
        FakePeer::new(|_| Ok(value(&[7; 32 << 20]))),
    );
    network.delay(Duration::from_millis(1));
    let client = client(&network);
    for _ in 0..30 {
        let given_up = timeout(Duration::from_millis(20), client.get(get(b"k")));
        assert!(given_up.await.is_err());
    }
    let reply = client.get(get(b"k")).await.unwrap();
    assert_eq!(reply.value.len(), 32 << 20);
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn a_liveness_check_is_a_frame_on_the_same_connection() {
    let network = Network::new();
    let (_server, _) = slow_server(&network);
    let client = client(&network);
    client.ping().await.unwrap();
    client.get(get(b"k")).await.unwrap();
    client.ping().await.unwrap();
    assert_eq!(network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_stays_unanswered_ends_the_connection() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = client(&network);
    let peer = async {
        let mut raw = RawStream::greet(&mut listener).await;
        assert_eq!(raw.receive().await.unwrap().kind, PING);
        assert!(raw.is_closed().await);
        let mut raw = RawStream::greet(&mut listener).await;
        let call = raw.receive().await.unwrap();
        raw.send(Frame::value(call.id, b"v")).await;
        raw
    };
    let asker = async {
        assert!(timeout(SECOND, client.ping()).await.is_err());
        client.get(get(b"k")).await.unwrap().value
    };
    let (value, _raw) = tokio::join!(asker, peer);
    assert_eq!(value, "v");
}

#[tokio::test(start_paused = true)]
async fn a_check_on_a_connection_that_breaks_asks_on_another_one() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = client(&network);
    let peer = async {
        let mut raw = RawStream::greet(&mut listener).await;
        assert_eq!(raw.receive().await.unwrap().kind, PING);
        drop(raw);
        let mut raw = RawStream::greet(&mut listener).await;
        let ping = raw.receive().await.unwrap();
        raw.send(Frame::new(PONG, ping.id, [])).await;
        raw
    };
    let (alive, _raw) = tokio::join!(client.ping(), peer);
    alive.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_slowly_is_alive() {
    let network = Network::new();
    let (server, peer) = slow_server(&network);
    let client = client(&network);
    let slow = spawn_get(&client, b"slow");
    peer.arrived.notified().await;
    let (cut_off, ()) = tokio::join!(server.shutdown(), async {
        sleep(SECOND).await;
        // No call finds the connection any more, but the check does.
        assert!(client.get(get(b"k")).await.unwrap_err().is_transport());
        client.ping().await.unwrap();
        peer.go.notify_one();
    });
    assert_eq!(cut_off, 0);
    assert_eq!(slow.await.unwrap().unwrap().value, "slow");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_crosses_with_the_end_is_answered() {
    let network = Network::new();
    let (server, _) = slow_server(&network);
    let mut raw = RawStream::open(&network).await;
    let (cut_off, ()) = tokio::join!(server.shutdown(), async {
        assert_eq!(raw.receive().await.unwrap().kind, GOAWAY);
        raw.send(Frame::get(3, b"cached")).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!((answer.kind, answer.id), (VALUE, 3));
        drop(raw);
    });
    assert_eq!(cut_off, 0);
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_cancelled_long_answer_is_free_for_the_next_one_at_once() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = client(&network);
    let mut gets = Vec::new();
    for n in 0..9 {
        gets.push(spawn_get(&client, n.to_string()));
    }
    let mut raw = RawStream::greet(&mut listener).await;
    let mut ids = [0; 9];
    for _ in 0..9 {
        let call = raw.receive().await.unwrap();
        ids[usize::from(call.payload[4] - b'0')] = call.id;
    }
    for id in &ids[..8] {
        raw.send(Frame::first(VALUE, *id, 200, &[0; 100])).await;
    }
    gets.remove(0).abort();
    let cancel = raw.receive().await.unwrap();
    assert_eq!((cancel.kind, cancel.id), (CANCEL, ids[0]));
    let both = [
        Frame::new(CANCELLED, ids[0], []).bytes(),
        Frame::first(VALUE, ids[8], 200, &[0; 100]).bytes(),
    ];
    raw.0.send(both.concat()).await;
    for id in &ids[1..] {
        raw.send(Frame::new(VALUE, *id, [7; 100])).await;
    }
    for get in gets {
        assert_eq!(get.await.unwrap().unwrap().value.len(), 199);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_closes_and_the_next_call_makes_another() {
    let network = Network::new();
    let (_server, _) = slow_server(&network);
    let options = HttpOptions::default().client_idle_timeout(5 * SECOND);
    let client = dial(&network, Protocol::Native, options);
    client.get(get(b"k")).await.unwrap();
    sleep(4 * SECOND).await;
    client.get(get(b"k")).await.unwrap();
    assert_eq!(network.accepted(SERVER), 1);
    sleep(60 * SECOND).await;
    client.get(get(b"k")).await.unwrap();
    assert_eq!(network.accepted(SERVER), 2);

    // The same where the server is the first to have enough.
    let network = Network::new();
    let options = HttpOptions::default().server_idle_timeout(5 * SECOND);
    let (_server, _) = serve(&network, Protocol::Native, options, Slow::default());
    let client = self::client(&network);
    for connections in 1..4 {
        client.get(get(b"k")).await.unwrap();
        client.set(set(b"v".to_vec())).await.unwrap_err();
        assert_eq!(network.accepted(SERVER), connections);
        sleep(11 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_answers_what_it_was_asked() {
    let network = Network::new();
    let (server, peer) = slow_server(&network);
    let client = client(&network);
    let mut raw = RawStream::open(&network).await;
    let slow = spawn_get(&client, b"slow");
    peer.arrived.notified().await;
    let (cut_off, ()) = tokio::join!(server.shutdown(), async {
        assert_eq!(raw.receive().await.unwrap().kind, GOAWAY);
        assert!(raw.is_closed().await, "it was idle");
        peer.go.notify_one();
    });
    assert_eq!(cut_off, 0);
    assert_eq!(slow.await.unwrap().unwrap().value, "slow");
    assert!(client.get(get(b"k")).await.unwrap_err().is_transport());
}

#[tokio::test(start_paused = true)]
async fn a_server_of_ones_own_carries_streams_if_it_allows_upgrades_and_http_if_not() {
    for allows in [true, false] {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let peer = Arc::new(Slow::default());
        let options = HttpOptions::default();
        let service = HttpService::new(peer, Protocol::Native, options).unwrap();
        let server = tokio::spawn(async move {
            loop {
                let io = TokioIo::new(listener.accept().await.unwrap().into_io());
                let connection = Builder::new().serve_connection(io, service.clone());
                match allows {
                    true => drop(tokio::spawn(connection.with_upgrades())),
                    false => drop(tokio::spawn(connection)),
                }
            }
        });
        let client = client(&network);
        for _ in 0..3 {
            let value = client.get(get(b"cached")).await.unwrap().value;
            assert_eq!(value, "cached");
        }
        // Without upgrades the first connection ends when it should become a stream.
        let connections = if allows { 1 } else { 2 };
        assert_eq!(network.accepted(SERVER), connections);
        if allows {
            // The stream ends with the service.
            let mut raw = RawStream::open(&network).await;
            server.abort();
            assert_eq!(raw.receive().await.unwrap().kind, GOAWAY);
            assert!(raw.is_closed().await);
        }
        server.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn every_mode_is_carried() {
    let network = Network::new();
    let (_server, peer) = serve_native(&network, FakePeer::new(echo));
    let client = client(&network);
    for mode in [GetMode::Load, GetMode::Peek, GetMode::WarmUp] {
        let reply = client.get(GetRequest { mode, ..get(b"k") }).await.unwrap();
        assert_eq!(reply.value.is_empty(), mode == GetMode::WarmUp);
        assert_eq!(peer.asked().pop().unwrap().mode, mode);
    }
}
