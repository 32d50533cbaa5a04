//! A request's place in a trace reaches the peer, over every protocol and by every operation. What is no such place is
//! left out, and harms nothing.

mod support;

use std::sync::Mutex;

use peers::testing::Network;
use peers::{
    BoxFuture, Context, Error, GetRequest, HttpOptions, Knowledge, OfferRequest, PeerService,
    Protocol, RemoveRequest, Reply, SetRequest, Stamp, TraceContext,
};
use support::node::Node;
use support::operations::{operations, supported};
use support::stream::{Frame, GET, HELLO, RawStream, VALUE, upgrade};
use support::{Raw, SERVER, dial, echo, get, serve};

const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn place(traceparent: &str, tracestate: &str) -> TraceContext {
    TraceContext::parse(traceparent, tracestate).unwrap()
}

/// A node that notes the place in a trace of what it is asked for.
struct Noting {
    node: Node,
    traces: Mutex<Vec<Option<TraceContext>>>,
}

impl Noting {
    fn new() -> Self {
        Self {
            node: Node::new("url"),
            traces: Mutex::default(),
        }
    }

    fn note(&self) {
        self.traces.lock().unwrap().push(Context::current_trace());
    }

    /// The places since the last call of this method.
    fn traces(&self) -> Vec<Option<TraceContext>> {
        std::mem::take(&mut *self.traces.lock().unwrap())
    }
}

impl PeerService for Noting {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.note();
            self.node.get(request).await
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.note();
        self.node.set(request)
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.note();
        self.node.remove(request)
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.note();
        self.node.clear(group, stamp)
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        self.note();
        self.node.sync(knowledge)
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        self.note();
        self.node.note_behind(members)
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.note();
        self.node.offer(request)
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_every_protocol_takes_its_place_in_the_trace_along() {
    let places = [
        place(PLACE, "a=1,b=2"),
        place(PLACE, ""),
        place(UNSAMPLED, ""),
    ];
    for &protocol in Protocol::ALL {
        for multiplexing in [true, false] {
            let network = Network::new();
            let (_server, node) = serve(&network, protocol, HttpOptions::default(), Noting::new());
            let options = HttpOptions::default().multiplexing(multiplexing);
            let client = dial(&network, protocol, options);
            for place in &places {
                // The value stays here.
                let context = Context::new("value").with_trace(place.clone());
                let outcomes = context.scope(operations(&*client)).await;
                let done = outcomes.iter().filter(|(_, outcome)| outcome.is_some());
                assert_eq!(done.count(), supported(protocol), "{protocol}");
                let traces = node.traces();
                assert!(traces.len() >= supported(protocol), "{protocol}");
                for trace in traces {
                    assert_eq!(trace.as_ref(), Some(place), "{protocol}");
                }
            }
            operations(&*client).await;
            assert!(node.traces().iter().all(Option::is_none), "{protocol}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_read_is_left_out() {
    let network = Network::new();
    let (_server, node) = serve(
        &network,
        Protocol::Golang,
        HttpOptions::default(),
        Noting::new(),
    );
    let long = format!("a={}", "x".repeat(600));
    for (lines, trace) in [
        ("traceparent: 00-0-0-01\r\n".into(), None),
        (
            format!("traceparent: {PLACE}\r\ntraceparent: {PLACE}\r\n"),
            None,
        ),
        ("tracestate: a=1\r\n".into(), None),
        (
            format!("traceparent: {PLACE}\r\ntracestate: {long}\r\n"),
            Some(place(PLACE, "")),
        ),
        (
            format!("traceparent: {PLACE}\r\ntracestate: =\r\n"),
            Some(place(PLACE, "")),
        ),
    ] {
        let mut raw = Raw::connect(&network).await;
        let head = format!("GET /_groupcache/g/k HTTP/1.1\r\nhost: a\r\n{lines}\r\n");
        raw.send(head).await;
        assert_eq!(raw.receive_head().await.unwrap().status(), 200, "{lines}");
        assert_eq!(node.traces(), [trace], "{lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_say_another_place() {
    for own in [None, Some(place(UNSAMPLED, "own=1"))] {
        let network = Network::new();
        let (expected, hooks) = (own.clone().unwrap_or(place(PLACE, "")), own);
        let options = HttpOptions::default().on_request(move |_| {
            let context = Context::new("value");
            Ok(match hooks.clone() {
                Some(own) => context.with_trace(own),
                None => context,
            })
        });
        let (_server, node) = serve(&network, Protocol::Golang, options, Noting::new());
        let client = dial(&network, Protocol::Golang, HttpOptions::default());
        let context = Context::default().with_trace(place(PLACE, ""));
        context.scope(client.get(get(b"k"))).await.unwrap();
        assert_eq!(node.traces(), [Some(expected)]);
    }
}

/// What a call of the stream has in front because of its place in a trace.
const FIELDS: &[u8] = b"\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36\
    \x00\xf0\x67\xaa\x0b\xa9\x02\xb7\x01\x03\x00a=1";

/// The bit of a call's kind that says that it has them.
const TRACED: u8 = 64;

/// The call of a client that gets key `k` at a place in a trace, from a server that grants the stream with these lines too
/// in the head of its answer.
async fn call_to_a_server_with(lines: &str) -> Frame {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = dial(&network, Protocol::Native, HttpOptions::default());
    let context = Context::default().with_trace(place(PLACE, "a=1"));
    let get = context.scope(client.get(get(b"k")));
    let server = async {
        let mut stream = RawStream::accept_with(&mut listener, lines).await;
        stream.send(Frame::hello(100)).await;
        let call = stream.receive().await.unwrap();
        stream.send(Frame::value(call.id, b"v")).await;
        call
    };
    let (reply, call) = tokio::join!(get, server);
    assert_eq!(reply.unwrap().value, "v");
    call
}

#[tokio::test(start_paused = true)]
async fn a_server_of_an_earlier_version_is_asked_without_a_place() {
    let call = call_to_a_server_with("").await;
    assert_eq!((call.kind, &*call.payload), (GET, &b"\0\x01\0gk"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_places_gets_them_in_front_of_the_message() {
    let call = call_to_a_server_with("x-groupcache-accepts: traces\r\n").await;
    assert_eq!(call.kind, GET | TRACED);
    assert_eq!(call.payload, [FIELDS, b"\0\x01\0gk"].concat());
}

#[tokio::test(start_paused = true)]
async fn a_server_says_that_it_takes_places_and_reads_them() {
    let network = Network::new();
    let (_server, node) = serve(
        &network,
        Protocol::Native,
        HttpOptions::default(),
        Noting::new(),
    );
    let mut raw = Raw::connect(&network).await;
    raw.send(upgrade()).await;
    let head = raw.receive_head().await.unwrap();
    assert_eq!(head.header("x-groupcache-accepts"), Some("traces"));
    let mut stream = RawStream(raw);
    assert_eq!(stream.receive().await.unwrap().kind, HELLO);
    let call = [FIELDS, b"\0\x01\0gk"].concat();
    stream.send(Frame::new(GET | TRACED, 7, call)).await;
    let answer = stream.receive().await.unwrap();
    assert_eq!((answer.kind, answer.id), (VALUE, 7));
    assert_eq!(node.traces(), [Some(place(PLACE, "a=1"))]);

    // A place that breaks off breaks the rules.
    stream
        .send(Frame::new(GET | TRACED, 8, &FIELDS[..20]))
        .await;
    assert!(stream.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_at_once_is_seen_in_a_trace_that_is_recorded() {
    /// A node that has every value in memory, and says how it was asked.
    struct Cached;

    impl PeerService for Cached {
        fn get_cached(&self, _: GetRequest<'_>) -> Option<Result<Reply, Error>> {
            let is_traced = Context::current_trace().is_some();
            Some(echo(get(if is_traced {
                &b"traced"[..]
            } else {
                b"at once"
            })))
        }

        fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
            Box::pin(async { echo(get(b"on a task")) })
        }
    }

    let network = Network::new();
    let (_server, _) = serve(&network, Protocol::Native, HttpOptions::default(), Cached);
    let client = dial(&network, Protocol::Native, HttpOptions::default());
    for (traceparent, how) in [(PLACE, "traced"), (UNSAMPLED, "at once")] {
        let context = Context::default().with_trace(place(traceparent, ""));
        let reply = context.scope(client.get(get(b"k"))).await.unwrap();
        assert_eq!(reply.value, how);
    }
    assert_eq!(client.get(get(b"k")).await.unwrap().value, "at once");
}
