//! A miss is one trace over two nodes, in a receiver of OpenTelemetry's protocol.

use std::collections::HashMap;
use std::convert::Infallible;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use peers::HttpOptions;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::{FRONTEND, OWNER, Server, pipe};

/// A span, with the name of the service that has sent it.
type Received = (String, Span);

/// A receiver of OpenTelemetry's protocol over HTTP, on a free port.
struct Receiver {
    spans: Arc<Mutex<Vec<Received>>>,
    url: String,
    _runtime: Runtime,
    _server: peers::Server,
}

impl Receiver {
    fn start() -> Self {
        let spans = Arc::<Mutex<Vec<Received>>>::default();
        let runtime = Runtime::new().unwrap();
        let (server, url) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let spans = Arc::clone(&spans);
            let service = service_fn(move |request| receive(request, Arc::clone(&spans)));
            let options = HttpOptions::default();
            (
                peers::Server::start_with(listener, service, options).unwrap(),
                url,
            )
        });
        Self {
            spans,
            url,
            _runtime: runtime,
            _server: server,
        }
    }

    /// Starts a node that sends its spans here, under its name.
    fn node(&self, name: &str, args: &[&str]) -> Server {
        let mut command = Command::new(FRONTEND);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url)
            .env("OTEL_SERVICE_NAME", name)
            .env("OTEL_BSP_SCHEDULE_DELAY", "50");
        Server::start_with(&mut command, args)
    }

    /// The spans of the trace in which a span of this name is, once it has so many.
    fn trace_with(&self, name: &str, spans: usize) -> Vec<Received> {
        let start = Instant::now();
        loop {
            let mut traces = HashMap::<Vec<u8>, Vec<Received>>::new();
            for (service, span) in self.spans.lock().unwrap().iter() {
                let trace = traces.entry(span.trace_id.clone()).or_default();
                trace.push((service.clone(), span.clone()));
            }
            let found = traces.into_values().find(|trace| {
                trace.len() >= spans && trace.iter().any(|(_, span)| span.name == name)
            });
            if let Some(found) = found {
                return found;
            }
            let waited = start.elapsed();
            assert!(
                waited < Duration::from_secs(30),
                "{:#?}",
                self.spans.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn receive(
    request: Request<Incoming>,
    spans: Arc<Mutex<Vec<Received>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/v1/traces");
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = ExportTraceServiceRequest::decode(body).unwrap();
    let mut spans = spans.lock().unwrap();
    for of_resource in message.resource_spans {
        let attributes = of_resource.resource.unwrap_or_default().attributes;
        let mut names = attributes
            .into_iter()
            .filter(|attribute| attribute.key == "service.name");
        let name = names.next().and_then(|name| name.value?.value);
        let Some(any_value::Value::StringValue(name)) = name else {
            panic!("a resource without a name");
        };
        for of_scope in of_resource.scope_spans {
            spans.extend(of_scope.spans.into_iter().map(|span| (name.clone(), span)));
        }
    }
    Ok(Response::default())
}

/// Two keys that the owner has, of nodes whose protocol has this ring.
fn keys_of(owner: &str, members: &str, protocol: &str) -> [String; 2] {
    let keys: Vec<String> = (0..200).map(|n| format!("key-{n}")).collect();
    let args = ["--protocol", protocol, "--members", members];
    let owners = pipe(OWNER, &args, &keys.join("\n"));
    let mut own = keys
        .into_iter()
        .zip(owners.lines())
        .filter(|(_, its)| *its == owner);
    [(); 2].map(|()| own.next().unwrap().0)
}

fn a_miss_is_one_trace(protocol: &str) {
    let receiver = Receiver::start();
    // No node asks a former owner.
    let args = ["--protocol", protocol, "--handoff", "0"];
    let (mut first, second) = (
        receiver.node("first", &args),
        receiver.node("second", &args),
    );
    let urls = [first.url(), second.url()];
    for node in [&first, &second] {
        let members = serde_json::json!(urls).to_string();
        assert_eq!(node.ask("PUT", "/api/peers", &members).status, 200);
    }
    let [key, _] = keys_of(&second.url(), &urls.join(","), protocol);
    let answer = first.get(&format!("/api/get?key={key}"));
    assert_eq!(
        (answer.status, answer.source()),
        (200, "peer"),
        "{answer:?}"
    );

    let chain = [
        ("first", "request"),
        ("first", "groupcache.get"),
        ("first", "groupcache.fetch"),
        ("second", "groupcache.serve"),
        ("second", "groupcache.load"),
        ("second", "origin"),
    ];
    let trace = receiver.trace_with("groupcache.fetch", chain.len());
    assert_eq!(trace.len(), chain.len(), "{trace:#?}");
    let mut parent = Vec::new();
    for (service, name) in chain {
        let mut spans = trace.iter().filter(|(_, span)| span.name == name);
        let (came_from, span) = spans
            .next()
            .unwrap_or_else(|| panic!("no {name} in {trace:#?}"));
        assert_eq!(came_from, service, "{name}");
        assert_eq!(span.parent_span_id, parent, "{name} in {trace:#?}");
        parent = span.span_id.clone();
    }

    // A hit makes no span but the program's own.
    receiver.spans.lock().unwrap().clear();
    let [own, _] = keys_of(&first.url(), &urls.join(","), protocol);
    for _ in 0..2 {
        assert_eq!(first.get(&format!("/api/get?key={own}")).status, 200);
    }
    // At its end the node sends what it has left.
    first.close_stdin();
    assert!(first.wait().success());
    let spans = receiver.spans.lock().unwrap();
    let mut names: Vec<&str> = spans.iter().map(|(_, span)| &*span.name).collect();
    names.sort();
    let loaded = ["groupcache.get", "groupcache.load", "origin"];
    assert_eq!(names, [&loaded[..], &["request", "request"]].concat());
}

#[test]
fn a_miss_is_one_trace_over_two_nodes_by_the_native_stream() {
    a_miss_is_one_trace("native");
}

#[test]
fn a_miss_is_one_trace_over_two_nodes_in_the_dialect_of_golang() {
    a_miss_is_one_trace("golang");
}

#[test]
fn a_miss_is_one_trace_over_two_nodes_by_galaxycaches_http() {
    a_miss_is_one_trace("galaxycache");
}

#[test]
fn a_miss_is_one_trace_over_two_nodes_by_grpc() {
    a_miss_is_one_trace("galaxycache-grpc");
}

#[test]
fn what_the_sampler_leaves_out_is_sent_by_no_node() {
    let receiver = Receiver::start();
    let mut command = Command::new(FRONTEND);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url)
        .env("OTEL_SERVICE_NAME", "first")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let mut first = Server::start_with(&mut command, &["--handoff", "0"]);
    let second = receiver.node("second", &["--handoff", "0"]);
    let urls = [first.url(), second.url()];
    for node in [&first, &second] {
        let members = serde_json::json!(urls).to_string();
        assert_eq!(node.ask("PUT", "/api/peers", &members).status, 200);
    }
    let [key, other] = keys_of(&second.url(), &urls.join(","), "native");
    assert_eq!(first.get(&format!("/api/get?key={key}")).status, 200);
    // What the second node does by itself is sent, and nothing of the first one's get.
    assert_eq!(second.get(&format!("/api/get?key={other}")).status, 200);
    let own = receiver.trace_with("groupcache.get", 2);
    assert!(own.iter().all(|(service, _)| service == "second"));
    // At its end the first node would send what it has left.
    first.close_stdin();
    assert!(first.wait().success());
    let spans = receiver.spans.lock().unwrap();
    assert!(
        spans.iter().all(|(service, _)| service == "second"),
        "{spans:#?}"
    );
    assert!(
        spans
            .iter()
            .all(|(_, span)| span.name != "groupcache.serve"),
        "{spans:#?}"
    );
}
