use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::soon;

/// An API server of Kubernetes that knows EndpointSlices, lists and watches them, and makes trouble.
pub(crate) struct ApiServer {
    url: String,
    world: watch::Sender<World>,
    requests: watch::Sender<Vec<String>>,
    task: JoinHandle<()>,
}

/// What the server knows, and the trouble that it makes.
#[derive(Clone, Default)]
struct World {
    version: u64,
    slices: BTreeMap<String, Value>,
    /// The events of watches: the version and the line.
    log: Vec<(u64, String)>,
    /// Watches from before this version are refused.
    oldest: u64,
    /// How often all watches were ended, in order and in the middle.
    ends: u64,
    cuts: u64,
    is_down: bool,
    ends_watches_at_once: bool,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (world, _) = watch::channel(World {
            version: 100,
            ..World::default()
        });
        let (requests, _) = watch::channel(Vec::new());
        let task = tokio::spawn(accept(listener, world.clone(), requests.clone()));
        Self {
            url,
            world,
            requests,
            task,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Adds or replaces a slice.
    pub(crate) fn put(&self, name: &str, mut slice: Value) {
        self.world.send_modify(|world| {
            world.version += 1;
            slice["metadata"]["name"] = name.into();
            slice["metadata"]["resourceVersion"] = world.version.to_string().into();
            let before = world.slices.insert(name.into(), slice.clone());
            let kind = if before.is_some() {
                "MODIFIED"
            } else {
                "ADDED"
            };
            world.tell(kind, &slice);
        });
    }

    pub(crate) fn delete(&self, name: &str) {
        self.world.send_modify(|world| {
            world.version += 1;
            let mut slice = world.slices.remove(name).unwrap();
            slice["metadata"]["resourceVersion"] = world.version.to_string().into();
            world.tell("DELETED", &slice);
        });
    }

    /// Tells all watches that they have seen everything up to a version, which is returned.
    pub(crate) fn bookmark(&self) -> u64 {
        self.world.send_modify(|world| {
            world.version += 50;
            let metadata = json!({"resourceVersion": world.version.to_string()});
            world.tell(
                "BOOKMARK",
                &json!({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                    "addressType": "", "endpoints": [], "metadata": metadata,
                }),
            );
        });
        self.world.borrow().version
    }

    /// Forgets the history before now.
    pub(crate) fn compact(&self) {
        self.world.send_modify(|world| {
            world.oldest = world.version;
            world.log.clear();
        });
    }

    /// Answers each watch, from any version, that the version is gone.
    pub(crate) fn refuse_watches(&self) {
        self.world.send_modify(|world| world.oldest = u64::MAX);
    }

    pub(crate) fn accept_watches(&self) {
        self.world.send_modify(|world| world.oldest = 0);
    }

    /// Ends all watches, as a server does after some minutes.
    pub(crate) fn end_watches(&self) {
        self.world.send_modify(|world| world.ends += 1);
    }

    /// Ends each watch in order and at once from now on, or does so no more.
    pub(crate) fn end_watches_at_once(&self, ends: bool) {
        self.world.send_modify(|world| {
            world.ends_watches_at_once = ends;
            world.ends += 1;
        });
    }

    /// Breaks all watches off.
    pub(crate) fn cut_watches(&self) {
        self.world.send_modify(|world| world.cuts += 1);
    }

    /// Breaks all watches off, and answers no more until [`come_back`](Self::come_back).
    pub(crate) fn go_down(&self) {
        self.world.send_modify(|world| {
            world.is_down = true;
            world.cuts += 1;
        });
    }

    pub(crate) fn come_back(&self) {
        self.world.send_modify(|world| world.is_down = false);
    }

    /// The requests so far, by path and query.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// Waits for a request with such a text in it, after the first `seen` requests.
    pub(crate) async fn asked(&self, seen: usize, text: &str) {
        let mut requests = self.requests.subscribe();
        let asked = requests.wait_for(|them| them.iter().skip(seen).any(|it| it.contains(text)));
        soon(text, asked).await.unwrap();
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    fn tell(&mut self, kind: &str, object: &Value) {
        let line = json!({"type": kind, "object": object});
        self.log.push((self.version, format!("{line}\n")));
    }
}

type Body = BoxBody<Bytes, io::Error>;

async fn accept(
    listener: TcpListener,
    world: watch::Sender<World>,
    requests: watch::Sender<Vec<String>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(serve(connection, world.clone(), requests.clone()));
    }
}

async fn serve(
    connection: TcpStream,
    world: watch::Sender<World>,
    requests: watch::Sender<Vec<String>>,
) {
    let mut downs = world.subscribe();
    let service = service_fn(|request: Request<Incoming>| {
        let target = request.uri().path_and_query().unwrap().to_string();
        let response = answer(&target, &world);
        requests.send_modify(|them| them.push(target));
        async { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
    tokio::select! {
        _ = served => {}
        _ = downs.wait_for(|world| world.is_down) => {}
    }
}

fn answer(target: &str, world: &watch::Sender<World>) -> Response<Body> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert_eq!(
        path,
        "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices"
    );
    let label = "labelSelector=kubernetes.io%2Fservice-name%3Dcache";
    assert!(query.contains(label), "{query}");
    if !query.contains("watch=true") {
        let world = world.borrow();
        let list = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList",
            "metadata": {"resourceVersion": world.version.to_string()},
            "items": world.slices.values().collect::<Vec<_>>(),
        });
        return Response::new(whole(list.to_string()));
    }
    let version = query
        .split('&')
        .find_map(|it| it.strip_prefix("resourceVersion="));
    let version: u64 = version.unwrap().parse().unwrap();
    let world = world.subscribe();
    if world.borrow().ends_watches_at_once {
        return Response::new(whole(String::new()));
    }
    if version < world.borrow().oldest {
        let status = json!({"type": "ERROR", "object": {
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "message": "too old resource version", "reason": "Expired", "code": 410,
        }});
        return Response::new(whole(format!("{status}\n")));
    }
    let frames = events(world, version).map(|line| line.map(|line| Frame::data(line.into())));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed()
}

/// The lines of the events after a version, past and to come.
fn events(
    world: watch::Receiver<World>,
    version: u64,
) -> impl Stream<Item = io::Result<String>> + Send + Sync {
    let (ends, cuts) = (world.borrow().ends, world.borrow().cuts);
    stream::unfold((world, version), move |(mut world, version)| async move {
        loop {
            {
                let now = world.borrow_and_update();
                if now.cuts > cuts {
                    drop(now);
                    return Some((Err(io::Error::other("cut")), (world, version)));
                }
                if let Some((version, line)) = now.log.iter().find(|(it, _)| *it > version) {
                    let (version, line) = (*version, line.clone());
                    drop(now);
                    return Some((Ok(line), (world, version)));
                }
                if now.ends > ends {
                    return None;
                }
            }
            world.changed().await.ok()?;
        }
    })
}
