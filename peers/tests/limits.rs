//! Every limit and time-out of `HttpOptions`, from both sides. Time is paused; nothing waits.

mod support;

use std::time::Duration;

use futures::all;
use peers::testing::FakePeer;
use peers::{HttpOptions, Protocol};
use support::served::{Served, answered_by, listening};
use support::{CLIENT, Raw, SERVER, answer, echo, get, request, value};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Runs futures at one time and collects what they return, in their order.
mod futures {
    use tokio::task::JoinSet;

    pub(super) async fn all<T: Send + 'static>(
        futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        let mut set = JoinSet::new();
        for (i, future) in futures.into_iter().enumerate() {
            set.spawn(async move { (i, future.await) });
        }
        let mut results = set.join_all().await;
        results.sort_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn base_path_is_the_one_that_was_set() {
    let options = HttpOptions::default().base_path("/cache/v1/");
    let served = Served::start(Protocol::Golang, options.clone(), FakePeer::new(echo));
    let client = served.client(options);
    assert_eq!(client.get(get(b"k")).await.unwrap().value, "k");
    let other = served.client(HttpOptions::default());
    let error = other.get(get(b"k")).await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP status 404: 404 page not found");
}

#[tokio::test(start_paused = true)]
async fn connect_timeout_bounds_the_dial() {
    let served = Served::echoing(Protocol::Golang);
    served.network.partition(CLIENT, SERVER);
    let options = HttpOptions::default().connect_timeout(2 * SECOND);
    let client = served.client(options);
    let start = Instant::now();
    let error = client.get(get(b"k")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "connecting to a peer took longer than 2s"
    );
    assert!(error.is_timeout() && error.is_transport());
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn request_timeout_bounds_the_whole_exchange() {
    let peer = FakePeer::new(echo).delay(60 * SECOND);
    let served = Served::start(Protocol::Golang, HttpOptions::default(), peer);
    let options = HttpOptions::default().request_timeout(3 * SECOND);
    let client = served.client(options);
    let start = Instant::now();
    let error = client.get(get(b"k")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "an exchange with a peer took longer than 3s"
    );
    assert!(error.is_timeout() && error.is_transport());
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn request_timeout_bounds_an_answer_that_trickles() {
    let options = HttpOptions::default().request_timeout(3 * SECOND);
    let (_network, mut listener, client) = listening(Protocol::Golang, options);
    let peer = async {
        let mut raw = Raw::accept(&mut listener).await;
        raw.receive().await.unwrap();
        for byte in answer(&[0; 100]) {
            sleep(SECOND / 10).await;
            raw.send([byte]).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = client.get(get(b"k")) => assert!(result.unwrap_err().is_timeout()),
        () = peer => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn client_idle_timeout_retires_connections() {
    let served = Served::echoing(Protocol::Golang);
    let options = HttpOptions::default().client_idle_timeout(20 * SECOND);
    let client = served.client(options);
    for (pause, connections) in [(0, 1), (19, 1), (19, 1), (20, 2), (1, 2)] {
        sleep(pause * SECOND).await;
        client.get(get(b"k")).await.unwrap();
        assert_eq!(served.network.accepted(SERVER), connections);
    }
}

#[tokio::test(start_paused = true)]
async fn max_connections_per_peer_makes_others_wait_for_their_turn() {
    let peer = FakePeer::new(echo).delay(SECOND);
    let served = Served::start(Protocol::Golang, HttpOptions::default(), peer);
    let options = HttpOptions::default().max_connections_per_peer(2);
    let client = served.client(options);
    let start = Instant::now();
    let results = all((0..6).map(|_| {
        let client = client.clone();
        async move { client.get(get(b"k")).await.is_ok() }
    }))
    .await;
    assert_eq!(results, [true; 6]);
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(served.network.accepted(SERVER), 2);
}

#[tokio::test(start_paused = true)]
async fn acquire_timeout_bounds_the_wait_for_a_permit_and_is_not_the_peers_fault() {
    // The other two peek first, and this peer answers a peek as late as any request.
    let peekless =
        |protocol: &&Protocol| !matches!(protocol, Protocol::Native | Protocol::Galaxycache);
    for &protocol in Protocol::ALL.iter().filter(peekless) {
        let peer = FakePeer::new(echo).delay(10 * SECOND);
        let served = Served::start(protocol, HttpOptions::default(), peer);
        let options = HttpOptions::default()
            .max_connections_per_peer(1)
            .request_timeout(11 * SECOND)
            .acquire_timeout(3 * SECOND);
        let client = served.client(options);
        let first = tokio::spawn({
            let client = client.clone();
            async move { client.get(get(b"first")).await }
        });
        sleep(SECOND).await;
        let start = Instant::now();
        let error = client.get(get(b"second")).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 3, "{protocol}");
        assert_eq!(
            error.to_string(),
            format!("overloaded: no connection to http://{SERVER} was free within 3s")
        );
        assert!(error.is_overloaded() && !error.is_transport() && !error.is_timeout());

        // An exchange that gets its permit late still has its full time.
        sleep(4 * SECOND).await;
        assert_eq!(client.get(get(b"third")).await.unwrap().value, "third");
        assert_eq!(first.await.unwrap().unwrap().value, "first");
        let asked: Vec<_> = served
            .peer
            .asked()
            .into_iter()
            .map(|asked| asked.key)
            .collect();
        assert_eq!(asked, [b"first", b"third"], "{protocol}");
    }
}

/// Options whose three server time-outs are far apart, and the watchdog's step: a quarter of the
/// shortest.
fn watched() -> (HttpOptions, Duration) {
    let options = HttpOptions::default()
        .head_timeout(8 * SECOND)
        .write_timeout(20 * SECOND)
        .server_idle_timeout(60 * SECOND);
    (options, 2 * SECOND)
}

/// Asserts that the server closes `raw` after `limit`, at most one step later.
async fn closes_after(limit: Duration, step: Duration, raw: &mut Raw) {
    let start = Instant::now();
    assert!(
        timeout(300 * SECOND, raw.is_closed())
            .await
            .expect("closed at some time")
    );
    let elapsed = start.elapsed();
    assert!(limit <= elapsed && elapsed <= limit + step, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn head_timeout_closes_on_a_client_that_does_not_finish_its_request() {
    let (options, step) = watched();
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut raw = served.raw().await;
    // The second request is as slow as the first one was quick.
    raw.send(request("/_groupcache/g/k")).await;
    raw.receive().await.unwrap();
    raw.send("GET /_groupcache/g/k HTTP/1.1\r\n").await;
    closes_after(8 * SECOND, step, &mut raw).await;
    assert_eq!(served.peer.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn head_timeout_does_not_start_again_with_every_byte() {
    let (options, step) = watched();
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut raw = served.raw().await;
    let start = Instant::now();
    while raw.try_send(b"G").await.is_ok() {
        sleep(SECOND).await;
    }
    let elapsed = start.elapsed();
    assert!(
        8 * SECOND <= elapsed && elapsed <= 8 * SECOND + step + SECOND,
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn head_timeout_is_not_about_idle_connections_nor_slow_answers() {
    let (options, _) = watched();
    let peer = FakePeer::new(echo).delay(100 * SECOND);
    let served = Served::start(Protocol::Golang, options, peer);
    let mut raw = served.raw().await;
    for _ in 0..2 {
        sleep(30 * SECOND).await;
        raw.send(request("/_groupcache/g/k")).await;
        assert_eq!(raw.receive().await.unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn server_idle_timeout_closes_what_nobody_uses() {
    let (options, step) = watched();
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut silent = served.raw().await;
    closes_after(60 * SECOND, step, &mut silent).await;

    let mut used = served.raw().await;
    for _ in 0..3 {
        sleep(50 * SECOND).await;
        used.send(request("/healthz")).await;
        assert_eq!(used.receive().await.unwrap().status(), 200);
    }
    closes_after(60 * SECOND, step, &mut used).await;
}

#[tokio::test(start_paused = true)]
async fn write_timeout_closes_on_a_client_that_does_not_read() {
    let (options, step) = watched();
    let peer = FakePeer::new(|_| Ok(value(&[b'x'; 4 << 20])));
    let served = Served::start(Protocol::Golang, options, peer);
    let mut raw = served.raw().await;
    raw.send(request("/_groupcache/g/k")).await;
    // The client reads nothing for so long that the server cuts the rest off.
    sleep(20 * SECOND + step + SECOND).await;
    assert_eq!(raw.receive().await, None);
    assert_eq!(served.server.shutdown().await, 0);
}

#[tokio::test(start_paused = true)]
async fn write_timeout_leaves_alone_who_reads_slowly() {
    let (options, _) = watched();
    let peer = FakePeer::new(|_| Ok(value(&[b'x'; 4 << 20])));
    let served = Served::start(Protocol::Golang, options, peer);
    // A delay of 15 s for every 64 KiB: a quarter of an hour for the value.
    served.network.delay(15 * SECOND);
    let mut raw = served.raw().await;
    raw.send(request("/_groupcache/g/k")).await;
    let start = Instant::now();
    assert_eq!(raw.receive().await.unwrap().body.len(), (4 << 20) + 5);
    assert!(start.elapsed() > 900 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn drain_timeout_bounds_the_shutdown() {
    let options = HttpOptions::default().drain_timeout(5 * SECOND);
    let peer = FakePeer::new(echo).delay(60 * SECOND);
    let served = Served::start(Protocol::Golang, options, peer);
    let client = served.client(HttpOptions::default());
    let exchange = tokio::spawn(async move { client.get(get(b"k")).await });
    sleep(SECOND).await;
    let start = Instant::now();
    assert_eq!(served.server.shutdown().await, 1);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert!(exchange.await.unwrap().unwrap_err().is_transport());
}

#[tokio::test(start_paused = true)]
async fn max_connections_leaves_the_rest_in_the_backlog() {
    let options = HttpOptions::default().max_connections(1);
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut first = served.raw().await;
    first.send(request("/healthz")).await;
    assert_eq!(first.receive().await.unwrap().status(), 200);
    let mut second = served.raw().await;
    second.send(request("/healthz")).await;
    let check = timeout(SECOND, second.receive()).await;
    assert_eq!(check.unwrap().unwrap().status(), 200, "checks get through");
    second.send(request("/_groupcache/g/k")).await;
    assert!(timeout(SECOND, second.receive()).await.is_err());
    drop(first);
    assert_eq!(second.receive().await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn the_reserve_of_connections_is_bounded_and_given_back() {
    let options = HttpOptions::default().max_connections(1);
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut all = Vec::new();
    for _ in 0..65 {
        let mut raw = served.raw().await;
        raw.send(request("/healthz")).await;
        assert_eq!(raw.receive().await.unwrap().status(), 200);
        all.push(raw);
    }
    let mut late = served.raw().await;
    late.send(request("/healthz")).await;
    assert!(timeout(SECOND, late.receive()).await.is_err());
    drop(all.pop());
    assert_eq!(late.receive().await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn max_requests_tells_the_rest_to_go_elsewhere() {
    let options = HttpOptions::default()
        .max_requests(2)
        .request_queue_timeout(SECOND / 2);
    let peer = FakePeer::new(echo).delay(SECOND);
    let served = Served::start(Protocol::Golang, options, peer);
    let client = served.client(HttpOptions::default());
    let results = all((0..5).map(|_| {
        let client = client.clone();
        async move { client.get(get(b"k")).await }
    }))
    .await;
    let (served, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((served.len(), refused.len()), (2, 3));
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.to_string(), "overloaded: too many requests at once");
        assert!(error.is_overloaded());
    }
    assert!(client.get(get(b"k")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_max_requests_wait_for_their_turns_and_as_many_may_wait() {
    for protocol in [Protocol::Golang, Protocol::Native] {
        let options = HttpOptions::default()
            .max_requests(2)
            .request_queue_timeout(2 * SECOND);
        let peer = FakePeer::new(echo).delay(SECOND);
        let served = Served::start(protocol, options, peer);
        let client = served.client(HttpOptions::default());
        let results = all((0..5).map(|_| {
            let client = client.clone();
            async move { client.get(get(b"k")).await }
        }))
        .await;
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(refused, 1, "{protocol}: {results:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_takes_no_turn_from_other_requests() {
    let options = HttpOptions::default()
        .max_requests(1)
        .request_queue_timeout(Duration::ZERO);
    let served = Served::start(Protocol::Mailgun, options, FakePeer::new(echo));
    let mut slow = served.raw().await;
    slow.send("PUT /_groupcache/g/k HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nbegun")
        .await;
    let client = served.client(HttpOptions::default());
    for _ in 0..3 {
        assert!(client.get(get(b"k")).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn max_key_bytes_is_checked_by_client_and_server() {
    let short = HttpOptions::default().max_key_bytes(10);
    let served = Served::start(Protocol::Golang, short.clone(), FakePeer::new(echo));
    let text = "a key of 11 bytes is larger than the limit of 10 bytes";

    let client = served.client(short);
    assert!(client.get(get(b"ten  bytes")).await.is_ok());
    let error = client.get(get(b"elev  bytes")).await.unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(error.to_string(), text);
    assert_eq!(served.peer.asked().len(), 1);

    // A client with another limit learns the server's limit.
    let client = served.client(HttpOptions::default());
    let error = client.get(get(b"elev  bytes")).await.unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(error.to_string(), text);
    let mut raw = served.raw().await;
    raw.send(request("/_groupcache/g/elev%20%20bytes")).await;
    let answer = raw.receive().await.unwrap();
    assert_eq!(
        (answer.status(), answer.text()),
        (414, format!("{text}\n").as_str())
    );
    assert_eq!(served.peer.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_longest_key_fits_into_a_request_however_it_is_escaped() {
    let options = HttpOptions::default().max_key_bytes(16 << 10);
    let served = Served::start(Protocol::Golang, options.clone(), FakePeer::new(echo));
    let client = served.client(options);
    let key = [b' '; 16 << 10];
    assert_eq!(client.get(get(&key)).await.unwrap().value, key);

    // With an absurdly long group name the request does not fit, and the client gets an ordinary
    // error.
    let group = "g".repeat(64 << 10);
    let request = peers::GetRequest {
        group: &group,
        ..get(b"k")
    };
    assert!(client.get(request).await.unwrap_err().is_too_large());
}

#[tokio::test(start_paused = true)]
async fn max_value_bytes_is_checked_by_the_server() {
    let options = HttpOptions::default().max_value_bytes(10);
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let client = served.client(HttpOptions::default());
    assert!(client.get(get(b"ten  bytes")).await.is_ok());
    let error = client.get(get(b"elev  bytes")).await.unwrap_err();
    assert!(error.is_too_large() && error.is_answer());
    assert_eq!(
        error.to_string(),
        "a value of 11 bytes is larger than the limit of 10 bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn max_value_bytes_is_checked_by_the_client_before_it_reads() {
    let options = HttpOptions::default().max_value_bytes(1000);
    let (result, ()) = answered_by(Protocol::Golang, options, async |mut raw| {
        raw.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
            .await;
        assert!(raw.is_closed().await);
    })
    .await;
    let error = result.unwrap_err();
    assert!(error.is_too_large() && error.is_answer());
    assert!(error.to_string().contains("1000000000000 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn max_value_bytes_cuts_off_a_body_without_end() {
    let options = HttpOptions::default().max_value_bytes(100_000);
    let (result, sent) = answered_by(Protocol::Golang, options, async |mut raw| {
        raw.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let chunk = [b"3e8\r\n".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
        let mut sent = 0;
        while raw.try_send(&chunk).await.is_ok() {
            sent += 1000;
        }
        sent
    })
    .await;
    assert!(result.unwrap_err().is_too_large());
    // The bytes still under way: the buffers of the connection and of hyper.
    assert!(sent < 100_000 + (1 << 20), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn an_errors_text_is_read_up_to_a_limit() {
    let (result, ()) = answered_by(Protocol::Golang, HttpOptions::default(), async |mut raw| {
        raw.send("HTTP/1.1 500 Oh\r\ncontent-length: 1000000\r\n\r\n")
            .await;
        let _ = raw.try_send(&[b'x'; 1_000_000]).await;
        assert!(raw.is_closed().await);
    })
    .await;
    let text = result.unwrap_err().to_string();
    assert!(text.starts_with("HTTP status 500: xxx"));
    assert!(text.len() < 9000, "{}", text.len());
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_refused_unread() {
    let options = HttpOptions::default().max_value_bytes(1000);
    let served = Served::start(Protocol::Golang, options, FakePeer::new(echo));
    let mut raw = served.raw().await;
    raw.send("PUT /_groupcache/g/k HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
        .await;
    let answer = raw.receive().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert!(
        answer
            .text()
            .starts_with("a request body of 1000000 bytes is larger than the limit")
    );
    assert!(served.peer.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_headers_is_refused() {
    for header in [
        "a: b\r\n".repeat(101),
        format!("a: {}\r\n", "b".repeat(100_000)),
    ] {
        let served = Served::echoing(Protocol::Golang);
        let mut raw = served.raw().await;
        let _ = raw
            .try_send(b"GET /_groupcache/g/k HTTP/1.1\r\nhost: a\r\n")
            .await;
        let _ = raw.try_send(format!("{header}\r\n").as_bytes()).await;
        assert_eq!(raw.receive().await.unwrap().status(), 431);
        assert!(served.peer.asked().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_refused() {
    let served = Served::echoing(Protocol::Golang);
    let mut raw = served.raw().await;
    raw.send("GET /").await;
    let mut sent = 0;
    while raw.try_send(&[b'x'; 1000]).await.is_ok() {
        sent += 1000;
    }
    assert!(sent < 1 << 20, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn an_answers_head_without_end_is_refused() {
    let (result, ()) = answered_by(Protocol::Golang, HttpOptions::default(), async |mut raw| {
        raw.send("HTTP/1.1 200 OK\r\na: ").await;
        while raw.try_send(&[b'x'; 1000]).await.is_ok() {}
    })
    .await;
    let error = result.unwrap_err();
    assert!(error.is_transport() && !error.is_timeout(), "{error}");
}

/// 20 senders begin bodies of a mebibyte that never end. The node reads no more of these bodies
/// than its budget holds, and serves others meanwhile.
#[tokio::test(start_paused = true)]
async fn bodies_in_flight_take_no_more_memory_than_their_budget() {
    const MIB: usize = 1 << 20;
    let options = HttpOptions::default()
        .max_value_bytes(MIB)
        .max_body_bytes_in_flight(3 * MIB)
        .body_timeout(10 * SECOND);
    let served = Served::start(Protocol::Mailgun, options, FakePeer::new(echo));
    let mut senders = Vec::new();
    for _ in 0..20 {
        let mut raw = served.raw().await;
        let head = "PUT /_groupcache/g/k HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        raw.send(head).await;
        senders.push(tokio::spawn(async move {
            let chunk = [b"8000\r\n".as_slice(), &[0; 0x8000], b"\r\n"].concat();
            let mut taken = 0;
            // Each sender sends half of its body.
            while taken < MIB / 2 && timeout(SECOND, raw.send(&*chunk)).await.is_ok() {
                taken += 0x8000;
            }
            let answer = raw.receive().await.unwrap();
            (taken, answer.status())
        }));
    }
    sleep(SECOND).await;
    let client = served.client(HttpOptions::default());
    assert_eq!(client.get(get(b"k")).await.unwrap().value, "k");
    let (mut taken, mut waited) = (0, 0);
    for sender in senders {
        let (bytes, status) = sender.await.unwrap();
        assert_eq!(status, 408, "no body has ended in time");
        taken += bytes;
        waited += usize::from(bytes < MIB / 2);
    }
    // Each connection buffers a few unread bytes: in the network and in the server.
    let unread = 20 * (3 * (64 << 10) + (64 << 10));
    assert!(
        taken < 3 * MIB + unread && waited > 10,
        "{taken} bytes, {waited} waited"
    );
    let value = client.get(get(b"again")).await.unwrap().value;
    assert_eq!(value, "again", "the budget is free again");
}
