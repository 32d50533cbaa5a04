//! What the native protocol says of changes, over a stream and over plain HTTP: the names of changes, the changes that a
//! sender knows, and what two nodes tell each other of them. Other protocols say nothing of that.

mod support;

use std::sync::Arc;

use peers::testing::{FakePeer, Network};
use peers::{
    ChangeId, Error, GetManyRequest, GetMode, GetRequest, HttpOptions, HttpTransport, Knowledge,
    KnownChange, NamedChange, OfferRequest, PeerClient, Protocol, RemoveRequest, Server,
    SetRequest, Stamp, Transport as _,
};
use support::node::{Asked, Node, knowledge_of};
use support::stream::{DONE, Frame, RawStream};
use support::{Raw, SERVER, dial, echo, get, serve};

const STAMP: Stamp = Stamp {
    id: ChangeId {
        origin: u64::MAX,
        number: 7,
    },
    members: 0xabc,
};

const fn known(origin: u64, number: u64, all: bool) -> KnownChange {
    let id = ChangeId { origin, number };
    KnownChange { id, all }
}

const KNOWN: [KnownChange; 3] = [
    known(u64::MAX, 7, false),
    known(1, 0, true),
    known(0, u64::MAX, false),
];

/// The limit on known changes of a key.
const MAX_KNOWN: usize = 128;

/// A node that speaks a protocol, and a client of it, over a stream or not.
fn pair(protocol: Protocol, options: HttpOptions, stream: bool) -> (Server, Arc<Node>, Client) {
    let network = Network::new();
    let (server, node) = serve(&network, protocol, options.clone(), Node::new("url"));
    let client = dial(&network, protocol, options.multiplexing(stream));
    (server, node, client)
}

type Client = Arc<dyn PeerClient>;

fn set<'a>(stamp: Option<Stamp>, known: &'a [KnownChange]) -> SetRequest<'a> {
    SetRequest {
        group: "g",
        key: b"k",
        value: "v".into(),
        expiry: None,
        stamp,
        known,
    }
}

fn remove<'a>(keys: &'a [&'a [u8]], stamp: Option<Stamp>) -> RemoveRequest<'a> {
    let group = "g";
    RemoveRequest { group, keys, stamp }
}

#[tokio::test(start_paused = true)]
async fn stamps_arrive_over_both_forms_and_by_no_other_protocol() {
    for &protocol in Protocol::ALL {
        if protocol == Protocol::GalaxycacheGrpc {
            continue; // it has no changes, and is not over this network's HTTP/1.1 server
        }
        for stream in [true, false] {
            let (_server, node, client) = pair(protocol, HttpOptions::default(), stream);
            for stamp in [None, Some(STAMP)] {
                let keys: [&[u8]; 2] = [b"k", b"l"];
                let results = [
                    client.set(set(stamp, &[])).await,
                    client.remove(remove(&keys[..1], stamp)).await,
                    client.remove(remove(&keys, stamp)).await,
                    client.clear("g", stamp).await,
                ];
                let stamps = node.stamps();
                if protocol == Protocol::Native {
                    assert!(results.iter().all(Result::is_ok));
                    assert_eq!(stamps, [stamp; 4]);
                } else {
                    assert!(stamps.iter().all(Option::is_none), "{protocol}: {stamps:?}");
                }
            }
        }
    }
}

#[test]
fn only_the_transport_of_the_native_protocol_names_changes() {
    for &protocol in Protocol::ALL {
        let transport = HttpTransport::new(protocol, HttpOptions::default()).unwrap();
        assert_eq!(transport.names_changes(), protocol == Protocol::Native);
    }
}

#[tokio::test(start_paused = true)]
async fn known_changes_arrive_with_gets_and_sets_over_both_forms() {
    for stream in [true, false] {
        let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
        for known in [&[][..], &KNOWN, &[KNOWN[0]; MAX_KNOWN]] {
            for mode in [GetMode::Load, GetMode::Peek, GetMode::WarmUp] {
                let key = b"k".as_slice();
                let request = GetRequest {
                    mode,
                    known,
                    ..get(key)
                };
                client.get(request).await.unwrap();
                assert_eq!(node.known(), [known], "{mode:?}");
                let asked = node.asked();
                assert_eq!(asked[0], Asked::Get(mode, key.into()));
            }
            client.set(set(None, known)).await.unwrap();
            assert_eq!(node.known(), [known]);
            node.asked();
        }
        let too_many = &[KNOWN[0]; MAX_KNOWN + 1];
        let request = GetRequest {
            known: too_many,
            ..get(b"k")
        };
        let refused = [
            client.get(request).await.map(drop),
            client.set(set(None, too_many)).await,
        ];
        for error in refused.map(Result::unwrap_err) {
            assert!(error.is_too_large() && error.is_of_this_side(), "{error}");
        }
        assert_eq!(node.asked(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn known_changes_stay_with_their_keys_in_a_get_of_many() {
    // The client refuses one key more than the server, or the other way round.
    for (ours, theirs) in [(100, 100), (8, 100), (100, 8)] {
        for stream in [true, false] {
            let network = Network::new();
            let options = |bytes| HttpOptions::default().max_key_bytes(bytes);
            let (_server, node) = serve(
                &network,
                Protocol::Native,
                options(theirs),
                Node::new("url"),
            );
            let client = dial(
                &network,
                Protocol::Native,
                options(ours).multiplexing(stream),
            );
            let request = GetManyRequest {
                group: "g",
                keys: &[b"one", b"much too long", b"two", b"three"],
                mode: GetMode::Load,
                known: &[(0, KNOWN[0]), (1, KNOWN[1]), (3, KNOWN[2]), (3, KNOWN[0])],
            };
            client.get_many(request).await.unwrap();
            let mut expected = vec![
                vec![KNOWN[0]],
                vec![KNOWN[1]],
                vec![],
                vec![KNOWN[2], KNOWN[0]],
            ];
            if ours.min(theirs) == 8 {
                expected.remove(1);
            }
            assert_eq!(node.known(), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn more_known_changes_than_a_get_of_many_may_have_are_not_sent() {
    for stream in [true, false] {
        let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
        let changes = vec![(0, KNOWN[0]); 16 * GetManyRequest::MAX_KEYS + 1];
        let request = GetManyRequest {
            group: "g",
            keys: &[b"k"],
            mode: GetMode::Load,
            known: &changes[1..],
        };
        client.get_many(request).await.unwrap();
        assert_eq!(node.known()[0].len(), changes.len() - 1);
        let request = GetManyRequest {
            known: &changes,
            ..request
        };
        let error = client.get_many(request).await.unwrap_err();
        assert!(error.is_too_large() && error.is_of_this_side(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_removal_that_takes_several_messages_keep_their_numbers() {
    for stream in [true, false] {
        let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
        let long = vec![b'k'; 8 << 10];
        let keys: &[&[u8]] = &[&*long; 300];
        client.remove(remove(keys, Some(STAMP))).await.unwrap();
        let batches = node.asked().into_iter().map(|asked| match asked {
            Asked::Remove(keys) => keys.len(),
            other => panic!("{other:?}"),
        });
        let batches: Vec<_> = batches.collect();
        assert!(batches.len() > 1);
        assert_eq!(batches.iter().sum::<usize>(), keys.len());
        let mut before = 0;
        for (stamp, batch) in node.stamps().into_iter().zip(batches) {
            let number = STAMP.id.number + before as u64;
            assert_eq!(stamp.unwrap().id.number, number);
            assert_eq!(stamp, Some(STAMP.at(before)));
            before += batch;
        }
        client.remove(remove(keys, None)).await.unwrap();
        assert!(node.stamps().iter().all(Option::is_none));
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_tell_each_other_what_they_know_over_both_forms() {
    for stream in [true, false] {
        // What they know may be longer than any value.
        let options = HttpOptions::default().max_value_bytes(1000);
        let (_server, node, client) = pair(Protocol::Native, options, stream);
        let mut knowledge = knowledge_of("the client");
        for length in [0, 3 << 20] {
            knowledge.changes[0].key = Some(vec![b'k'; length].into());
            let known = client.sync(knowledge.clone()).await.unwrap();
            assert_eq!(known, knowledge_of("the node"));
            assert_eq!(node.asked(), [Asked::Sync(knowledge.clone())]);
        }
        knowledge.changes[0].key = Some(vec![b'k'; 4 << 20].into());
        let error = client.sync(knowledge).await.unwrap_err();
        assert!(error.is_too_large() && error.is_of_this_side(), "{error}");
        assert_eq!(node.asked(), []);
    }
}

/// A node that returns what it is told, and once more as many changes.
struct Doubling;

impl peers::PeerService for Doubling {
    fn get<'a>(
        &'a self,
        request: GetRequest<'a>,
    ) -> peers::BoxFuture<'a, Result<peers::Reply, Error>> {
        Box::pin(async move { echo(request) })
    }

    fn sync(&self, mut told: Knowledge) -> peers::BoxFuture<'_, Result<Knowledge, Error>> {
        told.changes.extend_from_within(..);
        Box::pin(async { Ok(told) })
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_as_long_as_a_call_and_no_longer() {
    for stream in [true, false] {
        let network = Network::new();
        let options = || HttpOptions::default().max_value_bytes(1000);
        let (_server, _) = serve(&network, Protocol::Native, options(), Doubling);
        let client = dial(&network, Protocol::Native, options().multiplexing(stream));
        let knowledge = |length| Knowledge {
            changes: vec![NamedChange {
                key: Some(vec![b'k'; length].into()),
                ..NamedChange::default()
            }],
            ..Knowledge::default()
        };
        let known = client.sync(knowledge((2 << 20) - 100)).await.unwrap();
        assert_eq!(known.changes.len(), 2);
        let error = client.sync(knowledge(2 << 20)).await.unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_hears_who_is_behind_over_both_forms() {
    for stream in [true, false] {
        let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
        client.note_behind(&["pod-1", "", "größe"]).await.unwrap();
        let heard = ["pod-1", "", "größe"].map(str::to_owned);
        assert_eq!(node.asked(), [Asked::Behind(heard.into())]);
        client.note_behind(&[]).await.unwrap();
        assert_eq!(node.asked(), []);

        let many: Vec<String> = (0..1500).map(|number| format!("pod-{number}")).collect();
        let ids: Vec<&str> = many.iter().map(String::as_str).collect();
        client.note_behind(&ids).await.unwrap();
        let (first, rest) = many.split_at(1024);
        let heard = [first, rest].map(|ids| Asked::Behind(ids.into()));
        assert_eq!(node.asked(), heard);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_is_offered_values_over_both_forms() {
    for stream in [true, false] {
        let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
        let offer = |group, keys| OfferRequest {
            member: "größe",
            group,
            keys,
        };
        client
            .offer(offer("g", &[b"k", b"\xff", b""]))
            .await
            .unwrap();
        let keys = vec![b"k".to_vec(), b"\xff".to_vec(), Vec::new()];
        assert_eq!(node.asked(), [Asked::Offer("größe".into(), keys)]);
        let error = client.offer(offer("other", &[b"k"])).await.unwrap_err();
        assert!(error.is_no_such_group(), "{error}");
        let keys = [&b"k"[..]; GetManyRequest::MAX_KEYS + 1];
        let error = client.offer(offer("g", &keys)).await.unwrap_err();
        assert!(error.is_too_large(), "{error}");
        assert_eq!(node.asked(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_record_of_changes_says_so() {
    for stream in [true, false] {
        let network = Network::new();
        let options = HttpOptions::default;
        let (_server, _) = serve(&network, Protocol::Native, options(), FakePeer::new(echo));
        let client = dial(&network, Protocol::Native, options().multiplexing(stream));
        let told = client.sync(Knowledge::default()).await.map(drop);
        for result in [told, client.note_behind(&["pod-1"]).await] {
            let error = result.unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
    }
}

/// The names of the operations on nodes are names of groups too.
#[tokio::test(start_paused = true)]
async fn a_group_may_have_any_name() {
    for group in ["_sync", "_behind"] {
        for stream in [true, false] {
            let (_server, node, client) = pair(Protocol::Native, HttpOptions::default(), stream);
            let request = GetRequest { group, ..get(b"") };
            for result in [
                client.get(request).await.map(drop),
                client.clear(group, None).await,
            ] {
                let error = result.unwrap_err();
                assert_eq!(error.to_string(), format!("no such group: {group}"));
            }
            assert_eq!(node.asked(), []);
        }
    }
}

/// The status of a request with these lines in its head and this body.
async fn status_of(network: &Network, line: &str, body: &[u8]) -> u16 {
    status_of_announced(network, line, body.len(), body).await
}

/// The same for a body that is said to have this length.
async fn status_of_announced(network: &Network, line: &str, length: usize, body: &[u8]) -> u16 {
    let mut raw = Raw::connect(network).await;
    let head = format!("{line}\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    raw.send([head.as_bytes(), body].concat()).await;
    raw.receive().await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn a_server_refuses_headers_and_messages_that_it_cannot_read() {
    let network = Network::new();
    let options = HttpOptions::default();
    let (_server, node) = serve(&network, Protocol::Native, options, Node::new("url"));
    let of_key = |method, header| format!("{method} /_groupcache/g/k HTTP/1.1\r\n{header}");
    let post = |target| format!("POST /_groupcache/{target} HTTP/1.1");
    let clear = format!("{}\r\nx-groupcache-change: 1-2", post("g/_clear/"));
    let set = b"\x0a\x01g\x12\x01k\x1a\x01v";
    for (line, body, status) in [
        (of_key("GET", "x-groupcache-known: 1"), &b""[..], 400),
        (of_key("GET", "x-groupcache-known: 1-2-x"), b"", 400),
        (of_key("PUT", "x-groupcache-known: ?"), set, 400),
        (of_key("PUT", "x-groupcache-change: 1-2"), set, 400),
        (of_key("DELETE", "x-groupcache-change: 1-2-3-4"), b"", 400),
        (clear, b"", 400),
        (post("_sync"), b"", 400),
        (post("_sync"), &[&[0; 27][..], &[0xff; 4]].concat(), 400),
        (post("_sync"), &[0; 40], 400),
        (post("_offer"), b"\x05\0pod", 400),
        (post("_offer"), &[0; 4 * 1026], 400),
        (post("_behind"), b"\x05\0pod", 400),
        (post("_behind"), &[0; 2 * 1025], 400),
        (post("_other"), b"", 400),
        (post("_sync/"), b"", 404),
    ] {
        assert_eq!(status_of(&network, &line, body).await, status, "{line}");
    }
    for target in ["_sync", "_behind", "_offer"] {
        let length = (4 << 20) + 1;
        let status = status_of_announced(&network, &post(target), length, b"").await;
        assert_eq!(status, 413);
    }
    assert_eq!(node.asked(), []);
    let line = of_key("GET", "x-groupcache-known: 1-2,3-4-all");
    assert_eq!(status_of(&network, &line, b"").await, 200);
    assert_eq!(node.known(), [[known(1, 2, false), known(3, 4, true)]]);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_a_stream_answers_what_it_cannot_read_with_an_error() {
    let network = Network::new();
    let options = HttpOptions::default();
    let (_server, node) = serve(&network, Protocol::Native, options, Node::new("url"));
    let mut stream = RawStream::open(&network).await;
    let stamp_of_2 = b"\x02\0\0g";
    for (kind, message) in [
        (16, &b"\x80\x01\0"[..]),
        (17, b"\0\x01\0"),
        (18, stamp_of_2),
        (19, stamp_of_2),
        (20, b"\0\xff\xff\xff\xff"),
        (20, b"\x02\0\0\0\0\0\0\0\0\0\0\0\0"),
        (22, b"\x05\0pod"),
        (22, &[0; 2 * 1025]),
    ] {
        stream.send(Frame::new(kind, 1, message)).await;
        let answer = stream.receive().await.unwrap();
        let text = String::from_utf8_lossy(&answer.payload);
        assert_eq!(answer.kind, 35, "{kind}: {text}");
        assert!(text.contains("bad request"), "{kind}: {text}");
    }
    assert_eq!(node.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn a_client_takes_no_lie_for_what_a_peer_knows() {
    let cut = &b"\x01\x01\0\0\0"[..];
    for (length, lie, is_too_large) in [
        (cut.len(), cut, false),
        (0, b"", false),
        ((4 << 20) + 1, b"", true),
    ] {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let options = HttpOptions::default().multiplexing(false);
        let client = dial(&network, Protocol::Native, options);
        let server = async {
            let mut raw = Raw::accept(&mut listener).await;
            let asked = raw.receive().await.unwrap();
            assert_eq!(asked.line, "POST /_groupcache/_sync HTTP/1.1");
            assert_eq!(
                asked.header("content-type"),
                Some("application/octet-stream")
            );
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n";
            let head = format!("{head}content-length: {length}\r\n\r\n");
            raw.send([head.as_bytes(), lie].concat()).await;
            raw
        };
        let (result, _raw) = tokio::join!(client.sync(Knowledge::default()), server);
        let error = result.unwrap_err();
        assert_eq!(error.is_too_large(), is_too_large, "{error}");
        assert!(is_too_large || error.is_transport(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_stream_takes_no_lie_for_what_a_peer_knows() {
    let (knowledge, value) = (34, 32);
    for (kind, lie) in [
        (knowledge, &b"\x01\x01\0\0\0"[..]),
        (value, &[0; 23]),
        (DONE, b""),
    ] {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let client = dial(&network, Protocol::Native, HttpOptions::default());
        let server = async {
            let mut stream = RawStream::greet(&mut listener).await;
            let call = stream.receive().await.unwrap();
            assert_eq!((call.kind, &*call.payload), (20, &[0; 39][..]));
            stream.send(Frame::new(kind, call.id, lie)).await;
            stream
        };
        let (result, _stream) = tokio::join!(client.sync(Knowledge::default()), server);
        let error = result.unwrap_err();
        assert!(error.is_transport(), "{kind}: {error}");
    }
}
