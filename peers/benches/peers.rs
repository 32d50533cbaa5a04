//! What one exchange costs: the service alone, and client and server over loopback beside bare
//! hyper with keep-alive connections, which does nothing but carry the same bytes. And what TLS adds to either.

use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use criterion::{Throughput, measurement::WallTime};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Either, Empty, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use peers::{
    BoxFuture, Certificates, Connector, Error, GetMode, GetRequest, HttpOptions, HttpService,
    HttpTransport, Io, Listener, Member, PeerClient, PeerService, Protocol, Reply, Server,
    TcpConnector, Tls, Transport as _,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A node that has one value, whatever it is asked for.
struct Node(Bytes);

impl PeerService for Node {
    fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async {
            Ok(Reply {
                value: self.0.clone().into(),
                ..Reply::default()
            })
        })
    }
}

fn service(value: usize) -> HttpService {
    let node = Node(vec![b'x'; value].into());
    HttpService::new(Arc::new(node), Protocol::Golang, HttpOptions::default()).unwrap()
}

/// From a parsed request to an answer that is ready to be sent: routing, unescaping, limits,
/// framing.
fn alone(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("service");
    for (name, path, value) in [
        (
            "plain key, 1 KiB",
            "/_groupcache/thumbnails/user~1234567890-42",
            1 << 10,
        ),
        (
            "escaped key, 1 KiB",
            "/_groupcache/thumbnails/user%3A1234567890%2F42",
            1 << 10,
        ),
        (
            "plain key, 64 KiB",
            "/_groupcache/thumbnails/user~1234567890-42",
            64 << 10,
        ),
        ("wrong path", "/wrong", 0),
    ] {
        let service = service(value);
        group.bench_function(name, |b| {
            b.iter(|| {
                let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
                black_box(runtime.block_on(service.call(request)).unwrap())
            });
        });
    }
    group.finish();
}

fn exchange(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (size, name) in [
        (100, "100 B"),
        (1 << 10, "1 KiB"),
        (64 << 10, "64 KiB"),
        (1 << 20, "1 MiB"),
    ] {
        let ours = runtime.block_on(Ours::start(size));
        let bare = runtime.block_on(Bare::start(size));
        let mut group = c.benchmark_group(format!("exchange, {name}"));
        group.throughput(Throughput::Elements(1));
        for callers in [1, 16, 64] {
            bench(&mut group, &runtime, "golang", callers, || ours.caller());
            bench(&mut group, &runtime, "bare hyper", callers, || {
                bare.caller()
            });
        }
        group.finish();
    }
}

/// Times `callers` tasks that each ask again as soon as they have an answer.
fn bench<C: Caller>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    callers: u64,
    caller: impl AsyncFn() -> C,
) {
    let tasks: Vec<_> = (0..callers).map(|_| runtime.block_on(caller())).collect();
    let mut tasks = Some(tasks);
    group.bench_function(BenchmarkId::new(name, callers), |b| {
        b.iter_custom(|requests| {
            let (elapsed, back) = runtime.block_on(run(tasks.take().unwrap(), requests));
            tasks = Some(back);
            elapsed
        });
    });
}

async fn run<C: Caller>(callers: Vec<C>, requests: u64) -> (Duration, Vec<C>) {
    let each = requests.div_ceil(callers.len() as u64);
    let asked = each * callers.len() as u64;
    let start = Instant::now();
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            tokio::spawn(async move {
                for _ in 0..each {
                    black_box(caller.ask().await);
                }
                caller
            })
        })
        .collect();
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await.unwrap());
    }
    (
        start.elapsed().mul_f64(requests as f64 / asked as f64),
        back,
    )
}

trait Caller: Send + 'static {
    fn ask(&mut self) -> impl Future<Output = usize> + Send;
}

struct Ours {
    _server: Server,
    client: Arc<dyn PeerClient>,
}

impl Ours {
    async fn start(size: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(listener, service(size)).unwrap();
        let member = Member::new(format!("http://{}", server.local_addr())).unwrap();
        let transport = HttpTransport::new(Protocol::Golang, HttpOptions::default()).unwrap();
        Self {
            _server: server,
            client: transport.dial(&member).unwrap(),
        }
    }

    /// The same over the native protocol's stream.
    async fn start_native(size: usize, certificates: Option<&Certificates>) -> Self {
        let (native, mut options) = (Protocol::Native, HttpOptions::default());
        let node = Arc::new(Node(vec![b'x'; size].into()));
        let service = HttpService::new(node, native, options.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (server, scheme) = match certificates {
            None => (Server::start(listener, service), "http"),
            Some(certificates) => {
                options = options.tls(certificates);
                (
                    Server::start(certificates.listener(listener), service),
                    "https",
                )
            }
        };
        let server = server.unwrap();
        let member = Member::new(format!("{scheme}://{}", server.local_addr())).unwrap();
        let transport = HttpTransport::new(native, options).unwrap();
        Self {
            _server: server,
            client: transport.dial(&member).unwrap(),
        }
    }

    async fn caller(&self) -> Arc<dyn PeerClient> {
        Arc::clone(&self.client)
    }
}

impl Caller for Arc<dyn PeerClient> {
    async fn ask(&mut self) -> usize {
        let request = GetRequest {
            group: "g",
            key: b"user-1234567890",
            mode: GetMode::Load,
            known: &[],
        };
        self.get(request).await.unwrap().value.len()
    }
}

struct Bare {
    address: SocketAddr,
}

impl Bare {
    async fn start(size: usize) -> Self {
        let body = Bytes::from(vec![b'x'; size]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let body = body.clone();
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |_| {
                        let response = Response::new(Full::new(body.clone()));
                        async { Ok::<_, Infallible>(response) }
                    }),
                ));
            }
        });
        Self { address }
    }

    /// Has a connection of its own, so that there is no pool.
    async fn caller(&self) -> SendRequest<Empty<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }
}

impl Caller for SendRequest<Empty<Bytes>> {
    async fn ask(&mut self) -> usize {
        let request = Request::get("/_groupcache/g/user-1234567890")
            .header(header::HOST, "127.0.0.1")
            .body(Empty::new())
            .unwrap();
        self.ready().await.unwrap();
        let response = self.send_request(request).await.unwrap();
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .len()
    }
}

/// What TLS adds to an exchange of the native protocol, beside what it adds to the same bytes on a bare connection.
fn tls(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let certificates = certificates();
    for (size, name) in [(1 << 10, "1 KiB"), (64 << 10, "64 KiB")] {
        let mut group = c.benchmark_group(format!("tls, {name}"));
        group.throughput(Throughput::Elements(1));
        for (encryption, certificates) in [("plain", None), ("TLS", Some(&certificates))] {
            let native = runtime.block_on(Ours::start_native(size, certificates));
            let bare = runtime.block_on(PingPong::start(size, certificates));
            for callers in [1, 16] {
                let subject = format!("native, {encryption}");
                bench(&mut group, &runtime, &subject, callers, || native.caller());
                let subject = format!("ping-pong, {encryption}");
                bench(&mut group, &runtime, &subject, callers, || bare.caller());
            }
        }
        group.finish();
    }
}

/// A certificate for the loopback interface, signed by itself.
fn certificates() -> Certificates {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let tls = Tls::from_pem(chain.clone(), key.serialize_pem()).roots_pem(chain);
    tls.load().unwrap()
}

/// A connection that carries messages as long as those of an exchange, and nothing else.
struct PingPong {
    url: http::Uri,
    connector: Arc<dyn Connector>,
    size: usize,
}

/// About the length of a request.
const PING: usize = 40;

impl PingPong {
    async fn start(size: usize, certificates: Option<&Certificates>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut listener, connector, scheme): (_, Arc<dyn Connector>, _) = match certificates {
            None => (Either::Left(listener), Arc::new(TcpConnector), "http"),
            Some(certificates) => (
                Either::Right(certificates.listener(listener)),
                Arc::new(certificates.connector(TcpConnector)),
                "https",
            ),
        };
        tokio::spawn(async move {
            loop {
                let accepted = match &mut listener {
                    Either::Left(plain) => Listener::accept(plain).await,
                    Either::Right(encrypted) => encrypted.accept().await,
                };
                let mut io = accepted.unwrap().into_io();
                tokio::spawn(async move {
                    let (mut ping, pong) = (vec![0; PING + 1], vec![b'x'; size]);
                    while read_message(&mut io, &mut ping).await.is_ok() {
                        io.write_all(&pong).await.unwrap();
                        io.flush().await.unwrap();
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://{address}").parse().unwrap(),
            connector,
            size,
        }
    }

    async fn caller(&self) -> Pinger {
        Pinger {
            io: self.connector.connect(&self.url).await.unwrap(),
            pong: vec![0; self.size + 1],
        }
    }
}

struct Pinger {
    io: Box<dyn Io>,
    pong: Vec<u8>,
}

impl Caller for Pinger {
    async fn ask(&mut self) -> usize {
        self.io.write_all(&[b'x'; PING]).await.unwrap();
        self.io.flush().await.unwrap();
        read_message(&mut self.io, &mut self.pong).await.unwrap()
    }
}

/// Reads a message that is a byte shorter than the buffer. A read that fills its buffer is followed by another system
/// call, which finds nothing; encrypted connections have none, since rustls reads into a larger buffer.
async fn read_message(io: &mut dyn Io, buffer: &mut [u8]) -> io::Result<usize> {
    let message = buffer.len() - 1;
    let mut filled = 0;
    while filled < message {
        match io.read(&mut buffer[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(filled)
}

criterion_group!(benches, alone, exchange, tls);
criterion_main!(benches);
