use std::sync::Arc;

use bytes::Bytes;
use peers::{
    ChangeId, Error, GetManyRequest, GetMode, GetRequest, HttpOptions, HttpService, HttpTransport,
    Knowledge, KnownChange, Member, OfferRequest, PeerClient, Protocol, RemoveRequest, Reply,
    Server, SetRequest, Stamp, Transport as _,
};

use super::connection::{Once, Saying, Scripted};
use super::node::Node;
use super::{MAX_VALUE_BYTES, options, run};

/// Framing, which counts as part of the value as long as a protocol has not looked into it.
const MAX_FRAMING: usize = 64;
/// What an error says at most: 8 KiB of a peer, of which each byte may become a character of three.
const MAX_ERROR_BYTES: usize = 32 << 10;

/// Reads an answer, or serves requests.
pub fn exchange(protocol: Protocol, input: &[u8]) {
    run(input, async {
        match input.starts_with(b"HTTP/") {
            true => ask(protocol, input).await,
            false => serve(protocol, input, options()).await,
        }
    });
}

/// The same for the native protocol's stream. An input that begins with this byte is what a server says
/// to a call; any other is what a client says. What comes before, the handshake, is always right.
const SERVER_SAYS: u8 = b'S';

/// The request for a stream, and its answer with the greeting.
const UPGRADE: &[u8] = b"GET /_groupcache/ HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\
    upgrade: groupcache-stream/1\r\n\r\n";
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
    upgrade: groupcache-stream/1\r\n\r\n\
    \x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\x04\0\0\0\0";

/// Reads what a server says on a stream, or serves what a client says.
pub fn stream(input: &[u8]) {
    run(input, async {
        let options = options().multiplexing(true);
        match input.split_first() {
            Some((&SERVER_SAYS, answer)) => {
                let parts = [UPGRADED, answer].map(Bytes::copy_from_slice).into();
                let client = dial(Protocol::Native, options.connector(Saying(parts)));
                ask_all(&*client, answer.len()).await;
            }
            _ => serve(Protocol::Native, &[UPGRADE, input].concat(), options).await,
        }
    });
}

/// Serves a connection until it is closed. Its client never closes it, so that what is incomplete
/// has to be given up.
async fn serve(protocol: Protocol, requests: &[u8], options: HttpOptions) {
    let (client, closed) = Scripted::client(requests);
    let service = HttpService::new(Arc::new(Node), protocol, options).expect("good options");
    let _server = Server::start(Once(Some(client)), service).expect("a runtime");
    let _ = closed.await;
}

/// Has a client ask for everything, and get the same answer every time.
async fn ask(protocol: Protocol, answer: &[u8]) {
    let options = options().connector(Saying(vec![Bytes::copy_from_slice(answer)]));
    ask_all(&*dial(protocol, options), answer.len()).await;
}

fn dial(protocol: Protocol, options: HttpOptions) -> Arc<dyn PeerClient> {
    HttpTransport::new(protocol, options)
        .and_then(|transport| transport.dial(&Member::new("http://10.0.0.1:8080")?))
        .expect("good options")
}

/// Checks what a client makes of an answer of so many bytes.
pub(super) async fn ask_all(client: &dyn PeerClient, length: usize) {
    let (origin, number) = (u64::MAX, 1);
    let id = ChangeId { origin, number };
    let change = KnownChange { id, all: true };
    let stamp = Some(Stamp {
        id,
        ..Stamp::default()
    });
    for mode in [GetMode::Load, GetMode::Peek] {
        check(
            &client
                .get(GetRequest {
                    group: "g",
                    key: b"k",
                    mode,
                    known: &[change],
                })
                .await,
            length,
        );
    }
    let set = SetRequest {
        group: "g",
        key: b"k",
        value: "v".into(),
        expiry: None,
        stamp,
        known: &[change],
    };
    let done = |result: Result<(), Error>| check(&result.map(|()| Reply::default()), length);
    done(client.set(set).await);
    let keys: &[&[u8]] = &[b"k", b"\xff"];
    done(
        client
            .remove(RemoveRequest {
                group: "g",
                keys,
                stamp,
            })
            .await,
    );
    let many = GetManyRequest {
        group: "g",
        keys,
        mode: GetMode::Load,
        known: &[(1, change)],
    };
    let many = client.get_many(many).await;
    if let Ok(reply) = many {
        assert_eq!(reply.answers.len(), keys.len());
        let values = reply.answers.iter().flatten().flatten();
        assert!(values.map(|reply| reply.value.len()).sum::<usize>() <= length);
        for answer in reply.answers.iter().flatten() {
            check(answer, length);
        }
    }
    if let Ok(known) = client.sync(Knowledge::default()).await {
        assert!(least_len(&known) <= length);
    }
    done(client.note_behind(&["pod-1", "pod-2"]).await);
    let (member, group) = ("pod-1", "g");
    done(
        client
            .offer(OfferRequest {
                member,
                group,
                keys,
            })
            .await,
    );
}

/// How many bytes this knowledge takes at least.
fn least_len(knowledge: &Knowledge) -> usize {
    let made = knowledge
        .made
        .iter()
        .map(|(_, ranges)| 8 + 16 * ranges.len());
    let changes = knowledge.changes.iter().map(|change| {
        let key = change.key.as_ref().map_or(0, Bytes::len);
        16 + change.group.len() + key
    });
    let unnamed = knowledge.unnamed.iter();
    let unnamed = unnamed.map(|changes| changes.group.len() + 16 * changes.up_to.len());
    made.chain(changes).chain(unnamed).sum()
}

fn check(result: &Result<Reply, Error>, length: usize) {
    match result {
        Ok(Reply { value, .. }) => {
            assert!(value.len() <= length.min(MAX_VALUE_BYTES + MAX_FRAMING));
        }
        Err(error) => assert!(error.to_string().len() <= MAX_ERROR_BYTES),
    }
}
