//! Connections: kept, shared, lost, refused, drained.

mod support;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peers::testing::{FakePeer, Network};
use peers::{
    Accepted, BoxFuture, Connector, Error, GetRequest, HttpOptions, HttpService, HttpTransport, Io,
    Listener, Member, PeerClient, PeerService, Protocol, Reply, Server, TcpConnector,
    Transport as _,
};
use support::served::{Served, answered_by, listening};
use support::{CLIENT, Raw, SERVER, answer, dial, echo, get, request, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_requests() {
    let options = HttpOptions::default();
    let served = Served::start(Protocol::Golang, options.clone(), FakePeer::new(echo));
    let client = served.client(options);
    for _ in 0..100 {
        client.get(get(b"k")).await.unwrap();
    }
    assert_eq!(served.peer.asked().len(), 100);
    assert_eq!(served.network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_leave_the_connection_open() {
    let options = HttpOptions::default();
    let peer = FakePeer::new(|_| Err(Error::getter("no luck")));
    let served = Served::start(Protocol::Golang, options.clone(), peer);
    let client = served.client(options);
    for _ in 0..10 {
        assert!(client.get(get(b"k")).await.unwrap_err().is_getter());
    }
    assert_eq!(served.network.accepted(SERVER), 1);
}

#[tokio::test(start_paused = true)]
async fn connections_that_died_while_idle_are_replaced_unnoticed() {
    let network = Network::new();
    let options = HttpOptions::default();
    let peer = FakePeer::new(echo).delay(SECOND);
    let (server, _) = serve(&network, Protocol::Golang, options.clone(), peer);
    let client = dial(&network, Protocol::Golang, options.clone());
    let three = || async {
        let (a, b, c) = tokio::join!(
            client.get(get(b"a")),
            client.get(get(b"b")),
            client.get(get(b"c"))
        );
        a.and(b).and(c)
    };
    three().await.unwrap();
    assert_eq!(network.accepted(SERVER), 3);
    network.kill(SERVER);
    drop(server);
    let (_server, peer) = serve(&network, Protocol::Golang, options, FakePeer::new(echo));
    three().await.unwrap();
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_lost_with_a_used_connection_is_sent_once_more_and_no_oftener() {
    let (network, mut listener, client) = listening(Protocol::Golang, HttpOptions::default());
    let (results, ()) = tokio::join!(
        async {
            let first = client.get(get(b"k")).await;
            let second = client.get(get(b"k")).await;
            let third = client.get(get(b"k")).await;
            [first, second, third]
        },
        async {
            let mut raw = Raw::accept(&mut listener).await;
            raw.receive().await.unwrap();
            raw.send(answer(b"\x0a\x00")).await;
            raw.receive().await.unwrap();
            drop(raw); // the second request is lost, and answered on another connection
            let mut raw = Raw::accept(&mut listener).await;
            raw.receive().await.unwrap();
            raw.send(answer(b"\x0a\x00")).await;
            raw.receive().await.unwrap();
            drop(raw); // the third is lost twice
            Raw::accept(&mut listener).await.receive().await.unwrap();
        }
    );
    let [first, second, third] = results;
    assert!(first.is_ok() && second.is_ok());
    let error = third.unwrap_err();
    assert!(error.is_transport() && !error.is_timeout());
    assert_eq!(
        error.to_string(),
        format!("http://{SERVER} broke the connection off")
    );
    assert_eq!(network.accepted(SERVER), 3);
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_again_on_a_fresh_connection_not_on_another_old_one() {
    let (network, mut listener, client) = listening(Protocol::Golang, HttpOptions::default());
    let (first, second, raws) = tokio::join!(client.get(get(b"k")), client.get(get(b"k")), async {
        let mut raws = [
            Raw::accept(&mut listener).await,
            Raw::accept(&mut listener).await,
        ];
        for raw in &mut raws {
            raw.receive().await.unwrap();
        }
        for raw in &mut raws {
            raw.send(answer(b"\x0a\x00")).await;
        }
        raws
    });
    first.and(second).unwrap();

    let [mut older, mut newer] = raws;
    let (result, ()) = tokio::join!(client.get(get(b"k")), async {
        newer.receive().await.unwrap();
        drop(newer);
        let accepting = timeout(60 * SECOND, Raw::accept(&mut listener));
        let mut fresh = accepting.await.expect("a fresh connection");
        fresh.receive().await.unwrap();
        fresh.send(answer(b"\x0a\x00")).await;
    });
    result.unwrap();
    assert!(timeout(SECOND, older.receive()).await.is_err());
    assert_eq!(network.accepted(SERVER), 3);
}

#[tokio::test]
async fn a_request_on_a_connection_that_was_reset_is_sent_once_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = tcp_client(&url);
    let peer = async {
        for requests in [2, 1] {
            let (mut stream, _) = listener.accept().await.unwrap();
            for request in 1..=requests {
                let mut head = vec![0; 1000];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                if request < 2 {
                    stream.write_all(&answer(b"\x0a\x00")).await.unwrap();
                }
            }
            if requests == 2 {
                stream.set_zero_linger().unwrap(); // and drop: a reset
            } else {
                std::future::pending::<()>().await;
            }
        }
    };
    let asking = async {
        client.get(get(b"k")).await.unwrap();
        client.get(get(b"k")).await
    };
    tokio::select! {
        result = asking => assert!(result.is_ok(), "{result:?}"),
        () = peer => unreachable!(),
    }
}

fn tcp_client(url: &str) -> Arc<dyn PeerClient> {
    let transport = HttpTransport::new(Protocol::Golang, HttpOptions::default()).unwrap();
    transport.dial(&Member::new(url).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_garbage_is_not_used_again() {
    let (result, ()) = answered_by(Protocol::Golang, HttpOptions::default(), async |mut raw| {
        raw.send("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
        assert!(raw.is_closed().await);
    })
    .await;
    let error = result.unwrap_err();
    assert!(error.is_transport());
    assert!(error.to_string().starts_with("malformed: "), "{error}");
}

/// A peer that reports when it is asked, and when its answer is no longer wanted.
struct Slow {
    started: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

impl PeerService for Slow {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        struct CountDrop(Arc<AtomicUsize>);
        impl Drop for CountDrop {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = CountDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            self.started.fetch_add(1, Ordering::SeqCst);
            sleep(5 * SECOND).await;
            std::mem::forget(count);
            echo(request)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_its_own_connection_and_no_other() {
    let network = Network::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let slow = Arc::new(Slow {
        started: AtomicUsize::new(0),
        dropped: Arc::clone(&dropped),
    });
    let service = HttpService::new(slow.clone(), Protocol::Golang, HttpOptions::default()).unwrap();
    let _server = Server::start(network.listen(SERVER).unwrap(), service).unwrap();
    let client = dial(&network, Protocol::Golang, HttpOptions::default());
    let staying = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.get(get(b"stays")).await }
    });
    assert!(timeout(SECOND, client.get(get(b"goes"))).await.is_err());
    sleep(SECOND).await;
    assert_eq!(slow.started.load(Ordering::SeqCst), 2);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(staying.await.unwrap().unwrap().value, "stays");
    client.get(get(b"again")).await.unwrap();
    assert_eq!(network.accepted(SERVER), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_unreachable() {
    let network = Network::new();
    let client = dial(&network, Protocol::Golang, HttpOptions::default());
    let error = client.get(get(b"k")).await.unwrap_err();
    assert!(error.is_transport());
    assert_eq!(
        error.to_string(),
        format!("cannot connect to http://{SERVER}")
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_is_in_flight_and_refuses_the_rest() {
    let peer = FakePeer::new(echo).delay(2 * SECOND);
    let served = Served::start(Protocol::Golang, HttpOptions::default(), peer);
    let client = served.client(HttpOptions::default());
    let mut idle = served.raw().await;
    idle.send(request("/healthz")).await;
    idle.receive().await.unwrap();
    let mut silent = served.raw().await;

    let in_flight = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.get(get(b"k")).await }
    });
    sleep(SECOND).await;
    let start = Instant::now();
    let shutdown = tokio::spawn(served.server.shutdown());
    assert!(idle.is_closed().await && silent.is_closed().await);
    assert_eq!(start.elapsed(), Duration::ZERO);
    let late = client.get(get(b"late")).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        format!("cannot connect to http://{SERVER}")
    );
    assert_eq!(in_flight.await.unwrap().unwrap().value, "k");
    assert_eq!(shutdown.await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_server_is_gone_at_once() {
    let peer = FakePeer::new(echo).delay(60 * SECOND);
    let served = Served::start(Protocol::Golang, HttpOptions::default(), peer);
    let client = served.client(HttpOptions::default());
    let start = Instant::now();
    let (result, ()) = tokio::join!(client.get(get(b"k")), async {
        sleep(SECOND).await;
        drop(served.server);
    });
    assert!(result.unwrap_err().is_transport());
    assert_eq!(start.elapsed().as_secs(), 1);
    assert!(served.network.listen(SERVER).is_ok());
}

#[tokio::test(start_paused = true)]
async fn requests_sent_ahead_are_answered_in_order() {
    let served = Served::echoing(Protocol::Golang);
    let mut raw = served.raw().await;
    let ahead: String = ["a", "b", "c"]
        .map(|key| request(&format!("/_groupcache/g/{key}")))
        .concat();
    raw.send(ahead).await;
    for key in ["a", "b", "c"] {
        assert_eq!(raw.receive().await.unwrap().text(), format!("\n\u{1}{key}"));
    }
}

/// A listener that is out of file descriptors for a while.
struct Exhausted {
    errors: usize,
    asked: Arc<AtomicUsize>,
    first: Option<oneshot::Sender<()>>,
}

impl Listener for Exhausted {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            if asked < self.errors {
                return Err(io::Error::from_raw_os_error(24)); // EMFILE
            }
            if let Some(first) = self.first.take() {
                let _ = first.send(());
            }
            std::future::pending().await
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SERVER.parse().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_listener_neither_end_the_server_nor_make_it_spin() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (first, accepting) = oneshot::channel();
    let listener = Exhausted {
        errors: 20,
        asked: Arc::clone(&asked),
        first: Some(first),
    };
    let service = HttpService::new(
        Arc::new(FakePeer::new(echo)),
        Protocol::Golang,
        HttpOptions::default(),
    )
    .unwrap();
    let start = Instant::now();
    let server = Server::start(listener, service).unwrap();
    sleep(2 * SECOND).await;
    assert!(asked.load(Ordering::SeqCst) <= 10);
    accepting.await.unwrap();
    // 5 ms, 10, 20 … 640 ms, and then a second each.
    assert!(
        (12..=15).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    server.shutdown().await;
}

#[tokio::test]
async fn real_sockets_work_as_simulated_ones_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = HttpService::new(
        Arc::new(FakePeer::new(echo)),
        Protocol::Golang,
        HttpOptions::default(),
    )
    .unwrap();
    let server = Server::start(listener, service).unwrap();
    let address = server.local_addr();
    let client = tcp_client(&format!("http://{address}"));
    let large = vec![b'x'; 8000];
    for key in [b"k".as_slice(), &large] {
        assert_eq!(client.get(get(key)).await.unwrap().value, key);
    }
    assert_eq!(server.shutdown().await, 0);
    assert!(client.get(get(b"k")).await.unwrap_err().is_transport());
}

#[test]
fn the_default_connector_dials_no_https() {
    let transport = HttpTransport::new(Protocol::Golang, HttpOptions::default()).unwrap();
    let error = transport
        .dial(&Member::new("https://10.0.0.1").unwrap())
        .unwrap_err();
    assert!(error.is_configuration());
    assert!(error.to_string().contains("https://10.0.0.1"), "{error}");
}

/// Stands in for a TLS connector.
#[derive(Debug)]
struct Any(TcpConnector);

impl Connector for Any {
    fn supports(&self, _: &http::uri::Scheme) -> bool {
        true
    }

    fn connect<'a>(&'a self, url: &'a http::Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        self.0.connect(url)
    }
}

#[test]
fn another_connector_may() {
    let options = HttpOptions::default().connector(Any(TcpConnector));
    let transport = HttpTransport::new(Protocol::Golang, options).unwrap();
    assert!(
        transport
            .dial(&Member::new("https://10.0.0.1").unwrap())
            .is_ok()
    );
}

#[test]
fn invalid_options_are_refused_by_transport_and_service() {
    let options = HttpOptions::default().max_requests(0);
    assert!(HttpTransport::new(Protocol::Golang, options.clone()).is_err());
    let peer = Arc::new(FakePeer::new(echo));
    assert!(HttpService::new(peer, Protocol::Golang, options).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_members_own_path_comes_before_the_base_path() {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let options = HttpOptions::default().connector(network.connector(CLIENT));
    let transport = HttpTransport::new(Protocol::Golang, options).unwrap();
    let member = Member::new(format!("http://{SERVER}/node/7")).unwrap();
    let client = transport.dial(&member).unwrap();
    let (result, ()) = tokio::join!(client.get(get(b"k")), async {
        let mut raw = Raw::accept(&mut listener).await;
        let request = raw.receive().await.unwrap();
        assert_eq!(request.target(), "/node/7/_groupcache/g/k");
        assert_eq!(request.header("host"), Some(SERVER));
        raw.send(answer(b"\x0a\x00")).await;
    });
    result.unwrap();
}
