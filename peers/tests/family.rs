//! Replays recordings of the other members of the family against our client and our server: raw
//! requests with their servers' answers, scripted answers with their clients' results, and messages
//! marshalled by Go. The data is in `testdata`, which is not in the package.
//!
//! Whole exchanges are in `exchanges.rs`; golang itself is in `recorded.rs`, `probes.rs` and `faults.rs`.

mod support;

use std::time::{Duration, SystemTime};

use peers::testing::Network;
use peers::{Expiry, HttpOptions, Protocol, RemoveRequest, SetRequest};
use support::node::Node;
use support::recorded::self_url;
use support::{Raw, dial, hex, rows, serve};
use tokio::time::timeout;

const MEMBERS: [Protocol; 4] = [
    Protocol::Mailgun,
    Protocol::GroupcacheGo,
    Protocol::Ipronko,
    Protocol::Galaxycache,
];

const ALL: &[Protocol] = &MEMBERS;
const MAILGUN: &[Protocol] = &[Protocol::Mailgun];
const LIKE_MAILGUN: &[Protocol] = &[Protocol::Mailgun, Protocol::GroupcacheGo];
const V3: &[Protocol] = &[Protocol::GroupcacheGo];
const IPRONKO: &[Protocol] = &[Protocol::Ipronko];
const GALAXY: &[Protocol] = &[Protocol::Galaxycache];

const MUX: &str = "Go's multiplexer cleans paths and redirects; we take keys as they are";
const METHOD: &str = "theirs takes every other method for a GET";
const FINAL: &str = "a 404 would be final for the caller, who has to load the value itself";

/// The rows in which our servers differ from theirs: the program, the row, our status, and the
/// reason.
const DIFFERENT_ANSWERS: &[(&[Protocol], &str, u16, &str)] = &[
    (
        ALL,
        "get-raw-8bit-key",
        400,
        "a request target is ASCII, or UTF-8 if one must",
    ),
    (ALL, "get-bad-percent", 400, "ours says what is bad"),
    (ALL, "get-raw-space", 400, "the same status without a body"),
    (ALL, "base-without-trailing-slash", 404, MUX),
    (&[Protocol::Ipronko], "empty-group", 404, MUX),
    (&[Protocol::Galaxycache], "empty-group", 404, MUX),
    (LIKE_MAILGUN, "empty-group", 500, MUX),
    (IPRONKO, "double-slash-in-path", 400, MUX),
    (IPRONKO, "dot-segment", 400, MUX),
    (ALL, "double-slash-in-path", 200, MUX),
    (ALL, "dot-segment", 200, MUX),
    (ALL, "getter-panic", 500, "theirs closes the connection"),
    (MAILGUN, "unknown-group", 500, FINAL),
    (
        V3,
        "unknown-group",
        500,
        "theirs panics and closes the connection",
    ),
    (MAILGUN, "DELETE-unknown-group", 500, FINAL),
    (
        V3,
        "DELETE-unknown-group",
        500,
        "theirs panics and closes the connection",
    ),
    (MAILGUN, "PUT-unknown-group", 500, FINAL),
    (
        V3,
        "PUT-unknown-group",
        500,
        "theirs panics and closes the connection",
    ),
    (
        V3,
        "POST-remove-keys-unknown-group",
        500,
        "theirs panics and closes the connection",
    ),
    (
        LIKE_MAILGUN,
        "PUT-missing-key-field",
        400,
        "the same in our words",
    ),
    (
        LIKE_MAILGUN,
        "PUT-missing-group-field",
        400,
        "the same in our words",
    ),
    (LIKE_MAILGUN, "PUT-garbage", 400, "the same in our words"),
    (LIKE_MAILGUN, "PUT-empty-body", 400, "the same in our words"),
    (
        V3,
        "POST-remove-keys-empty-body",
        400,
        "the same in our words",
    ),
    (V3, "OPTIONS", 405, "the same in our words"),
    (V3, "PATCH", 405, "the same in our words"),
    (ALL, "HEAD", 405, METHOD),
    (ALL, "HEAD-miss", 405, METHOD),
    (ALL, "OPTIONS", 405, METHOD),
    (ALL, "PATCH", 405, METHOD),
    (MAILGUN, "POST", 405, METHOD),
    (GALAXY, "POST", 405, METHOD),
    (
        IPRONKO,
        "no-key-segment",
        400,
        "theirs panics and closes the connection",
    ),
    (
        IPRONKO,
        "base-only",
        400,
        "theirs panics and closes the connection",
    ),
];

fn different_answer(protocol: Protocol, name: &str, method: &str) -> Option<u16> {
    let listed = DIFFERENT_ANSWERS
        .iter()
        .find(|(whose, row, ..)| whose.contains(&protocol) && *row == name);
    let no_such_method = match protocol {
        Protocol::Galaxycache => method != "GET",
        Protocol::Ipronko => method == "PUT",
        _ => false,
    };
    listed
        .map(|&(_, _, status, _why)| status)
        .or(no_such_method.then_some(405))
}

#[tokio::test(start_paused = true)]
async fn our_server_answers_probes_as_theirs_do() {
    for protocol in MEMBERS {
        let rows = rows(&format!("{protocol}-probes.json"));
        let network = Network::new();
        let node = Node::new(&self_url(&rows, "responses").unwrap());
        let (_server, _node) = serve(&network, protocol, HttpOptions::default(), node);
        let mut same = 0;
        for row in &rows {
            let name = row["name"].as_str().unwrap();
            let sent = hex(&row["request_hex"]);
            let mut raw = Raw::connect(&network).await;
            raw.send(&sent).await;
            let method: String = sent
                .iter()
                .map(|&b| b as char)
                .take_while(|&c| c != ' ')
                .collect();
            let receiving = async {
                match method.as_str() {
                    "HEAD" => raw.receive_head().await,
                    _ => raw.receive().await,
                }
            };
            let ours = timeout(Duration::from_secs(1), receiving)
                .await
                .unwrap()
                .unwrap();
            if let Some(status) = different_answer(protocol, name, &method) {
                assert_eq!(ours.status(), status, "{protocol} {name}: {}", ours.text());
                continue;
            }
            let theirs = &row["responses"][0];
            let line = theirs["line"].as_str().unwrap_or_default();
            assert_eq!(
                line.split(' ').nth(1),
                Some(ours.status().to_string().as_str()),
                "{protocol} {name}: {ours:?}"
            );
            assert_eq!(ours.body, hex(&theirs["body_hex"]), "{protocol} {name}");
            // ipronko's server states no content type for a value, and Go's library guesses one.
            if protocol != Protocol::Ipronko {
                assert_eq!(
                    ours.header("content-type"),
                    theirs["content_type"].as_str(),
                    "{protocol} {name}"
                );
            }
            assert_eq!(
                ours.header("expires"),
                theirs["expires"].as_str(),
                "{protocol} {name}"
            );
            let galaxy = ours.header("x-galaxycache-galaxy-status");
            assert_eq!(galaxy, theirs["galaxy"].as_str(), "{protocol} {name}");
            same += 1;
        }
        assert!(same >= 25, "{protocol}: {same}");
    }
}

/// Answers that their clients accept and ours refuse, or the reverse, with the reason.
const DIFFERENT_OUTCOMES: &[(&[Protocol], &str, &str)] = &[
    (
        ALL,
        "ok-gzip",
        "we do not say that we accept gzip, and no server of the family compresses",
    ),
    (
        LIKE_MAILGUN,
        "pb-unknown-field-3-as-string",
        "a known field of the wrong type is no such message",
    ),
    (
        LIKE_MAILGUN,
        "pb-value-wrong-wiretype",
        "the same; Go's client takes it for an empty value",
    ),
    (
        V3,
        "redirect-301-relative",
        "a redirect leads to another key's value",
    ),
    (
        V3,
        "redirect-307-relative",
        "a redirect leads to another key's value",
    ),
    (IPRONKO, "truncated-content-length", "half a value is none"),
    (IPRONKO, "truncated-chunked", "half a value is none"),
    (
        IPRONKO,
        "hang-body-ctx-timeout-300ms",
        "half a value is none",
    ),
    (
        LIKE_MAILGUN,
        "hang-headers-ctx-timeout-300ms",
        "the caller's own deadline, which is not ours to replay",
    ),
    (LIKE_MAILGUN, "hang-body-ctx-timeout-300ms", "the same"),
    (
        LIKE_MAILGUN,
        "ok-empty-body",
        "every peer writes the value, also an empty one",
    ),
    (LIKE_MAILGUN, "pb-only-expire0", "the same"),
    (
        LIKE_MAILGUN,
        "status-404",
        "every error of a peer has a header against sniffing; others may be a stray server's",
    ),
    (LIKE_MAILGUN, "status-404-empty-body", "the same"),
    (LIKE_MAILGUN, "status-503", "the same, or a gateway's"),
    (LIKE_MAILGUN, "status-503-empty-body", "the same"),
    (LIKE_MAILGUN, "status-503-multiline", "the same"),
];

#[tokio::test(start_paused = true)]
async fn our_client_makes_of_scripted_answers_what_theirs_do() {
    for protocol in MEMBERS {
        for row in rows(&format!("{protocol}-faults.json")) {
            let name = row["name"].as_str().unwrap();
            let network = Network::new();
            let options = HttpOptions::default().request_timeout(Duration::from_millis(500));
            let client = dial(&network, protocol, options);
            let (result, _requests) = support::scripted(&network, &*client, protocol, &row).await;
            let differs = DIFFERENT_OUTCOMES
                .iter()
                .any(|(whose, row, _why)| whose.contains(&protocol) && *row == name);
            let differs = differs || support::lacks_a_peers_marks(&row, protocol);
            let context = format!("{protocol} {name}: {result:?}");
            match row["outcome"].as_str().unwrap() {
                "peer-value" if !differs => {
                    let reply = result.expect(&context);
                    assert_eq!(reply.value, row["value"].as_str().unwrap(), "{context}");
                }
                "error" if !differs => {
                    let error = result.expect_err(&context);
                    assert!(error.is_answer(), "{context}");
                    let not_found = row["err_kind"] != "ErrRemoteCall";
                    assert_eq!(error.is_not_found(), not_found, "{context}");
                    assert_eq!(error.is_getter(), !not_found, "{context}");
                    // galaxycache's client drops the peer's error text.
                    if protocol != Protocol::Galaxycache {
                        let words = row.get("err").map_or("", |err| err.as_str().unwrap());
                        assert_eq!(error.answer_message(), Some(words), "{context}");
                    }
                }
                _ => {
                    let error = result.expect_err(&context);
                    assert!(!error.is_answer(), "{context}");
                    // Neither a status nor a difference of clocks is a reason to avoid the peer.
                    let harmless = ["status-", "redirect-", "404-", "pb-expire-"];
                    let harmless = harmless.iter().any(|prefix| name.starts_with(prefix));
                    // These statuses are a gateway's, as they lack the mark of a peer's error.
                    let is_gateways = ["502", "503", "504"];
                    let is_gateways = is_gateways.iter().any(|status| name.contains(status));
                    let harmless = harmless && !is_gateways;
                    assert_eq!(error.is_transport(), !harmless, "{context}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sets_and_removals_of_our_client_are_the_bytes_of_theirs() {
    for protocol in LIKE_MAILGUN {
        let mut compared = 0;
        for row in rows("set-request.json") {
            let (Some(key), Some(expire)) = (row.get("key_hex"), row.get("expire")) else {
                continue;
            };
            if row.get("group").is_none() || row.get("value_hex").is_none() {
                continue; // ours writes every field
            }
            let nanos = expire.as_i64().unwrap();
            let distance = Duration::from_nanos(nanos.unsigned_abs());
            let moment = match nanos {
                0 => None,
                1.. => Some(SystemTime::UNIX_EPOCH + distance),
                _ => Some(SystemTime::UNIX_EPOCH - distance),
            };
            let network = Network::new();
            let mut listener = network.listen(support::SERVER).unwrap();
            let client = dial(&network, *protocol, HttpOptions::default());
            let key = hex(key);
            let set = client.set(SetRequest {
                group: row["group"].as_str().unwrap(),
                key: &key,
                value: hex(&row["value_hex"]).into(),
                expiry: moment.map(Expiry::At),
                stamp: None,
                known: &[],
            });
            let (result, sent) = tokio::join!(set, async {
                let mut raw = Raw::accept(&mut listener).await;
                let sent = raw.receive().await.unwrap();
                raw.send(support::answer(b"")).await;
                sent
            });
            result.unwrap();
            assert_eq!(sent.body, hex(&row["encoded_hex"]), "{row}");
            assert!(sent.line.starts_with("PUT /_groupcache/"), "{}", sent.line);
            compared += 1;
        }
        assert!(compared > 50, "{compared}");
    }
    let network = Network::new();
    let mut listener = network.listen(support::SERVER).unwrap();
    let client = dial(&network, Protocol::GroupcacheGo, HttpOptions::default());
    let keys: &[&[u8]] = &[b"hit-1", b"a b/c"];
    let (result, sent) = tokio::join!(
        client.remove(RemoveRequest {
            group: "g",
            keys,
            stamp: None,
        }),
        async {
            let mut raw = Raw::accept(&mut listener).await;
            let sent = raw.receive().await.unwrap();
            raw.send(support::answer(b"")).await;
            sent
        }
    );
    result.unwrap();
    assert_eq!(sent.line, "POST /_groupcache/g/_remove-keys/ HTTP/1.1");
    assert_eq!(sent.text(), r#"{"group":"g","keys":["hit-1","a b/c"]}"#);
}
