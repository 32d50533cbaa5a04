//! Replays exchanges recorded between real golang/groupcache programs against our client and our
//! server, and messages marshalled by Go. The data is in `testdata`, which is not in the package.

mod support;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use peers::testing::{FakePeer, Network};
use peers::{Error, Expiry, GetRequest, HttpOptions, Protocol, Reply};
use serde_json::Value;
use support::recorded::Recorded;
use support::{Raw, answer, base64, dial, echo, get, hex, request, rows, serve, value};

/// The recorded server's own URL, with which its values begin.
const RECORDED: &str = "http://127.0.0.1:28010";

/// The getter of the recorded programs. It has one group, `g`.
fn getter(request: GetRequest<'_>) -> Result<Reply, Error> {
    if request.group != "g" {
        return Err(Error::no_such_group(request.group));
    }
    let key = String::from_utf8_lossy(request.key);
    let mut parts = key.split(':');
    match (parts.next(), parts.next()) {
        (Some("err"), _) => Err(Error::getter(format!(
            "getter error on {RECORDED} for {key:?}"
        ))),
        (Some("nf"), _) => Err(Error::not_found(format!(
            "not found on {RECORDED}: {key:?}"
        ))),
        (Some("panic"), _) => panic!("getter panic for {key}"),
        (Some("empty"), _) => Ok(value(b"")),
        (Some("size"), Some(size)) => {
            let mut bytes = format!("{RECORDED}|{key}|").into_bytes();
            bytes.resize(size.parse().unwrap(), b'.');
            Ok(value(&bytes))
        }
        _ => Ok(value(
            &[format!("{RECORDED}|").as_bytes(), request.key].concat(),
        )),
    }
}

/// The rows in which our server's answer differs from that of Go's, and why. Our server never
/// cleans a path, so a key with dots and slashes in it arrives unchanged.
fn deliberate_differences() -> HashMap<&'static str, (u16, &'static str)> {
    [
        (
            "panic",
            (
                500,
                "Go closes the connection and every caller of the key hangs",
            ),
        ),
        (
            "key:space",
            (
                200,
                "from golang a plus is a space, so the key is the one asked for",
            ),
        ),
        ("key:crlf", (200, "the same")),
        (
            "special-group-name",
            (404, "the same for the group, `gr oup`, not `gr+oup`"),
        ),
        ("key:dot", (200, "Go's multiplexer redirects")),
        ("key:dotdot", (200, "the same")),
        // These rows differ only behind the older multiplexer.
        ("key:leading-slash", (200, "the same")),
        ("key:double-slash", (200, "the same")),
        ("key:dot-segments", (200, "the same")),
        ("key:leading-dotdot", (200, "the same")),
    ]
    .into()
}

#[tokio::test(start_paused = true)]
async fn our_server_answers_recorded_requests_as_gos_did() {
    for file in ["exchanges.json", "exchanges-mux121.json"] {
        for row in rows(file) {
            let name = row["name"].as_str().unwrap();
            let recorded = &row["connections"][0];
            let network = Network::new();
            let options = HttpOptions::default();
            let (_server, peer) = serve(&network, Protocol::Golang, options, FakePeer::new(getter));
            let mut raw = Raw::connect(&network).await;
            raw.send(hex(&recorded["requests"][0])).await;
            let answer = raw.receive().await.unwrap();

            if name != "special-group-name" {
                assert_eq!(peer.asked()[0].key, base64(&row["key_b64"]), "{name}");
            }
            let theirs = recorded["responses"].get(0).map(Recorded::read);
            if theirs
                .as_ref()
                .is_some_and(|theirs| theirs.is_like(&answer))
            {
                continue;
            }
            let &(status, _why) = deliberate_differences()
                .get(name)
                .unwrap_or_else(|| panic!("{name}: {answer:?} differs from {theirs:?}"));
            assert_eq!(answer.status(), status, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn our_client_makes_of_recorded_answers_what_gos_did() {
    for file in ["exchanges.json", "exchanges-mux121.json"] {
        for row in rows(file) {
            let name = row["name"].as_str().unwrap();
            let network = Network::new();
            let mut listener = network.listen(support::SERVER).unwrap();
            let client = dial(&network, Protocol::Golang, HttpOptions::default());
            let key = base64(&row["key_b64"]);
            let recorded = row["connections"][0]["responses"]
                .get(0)
                .map(Recorded::read);
            let (result, ()) = tokio::join!(client.get(get(&key)), async {
                let mut raw = Raw::accept(&mut listener).await;
                raw.receive().await.unwrap();
                if let Some(recorded) = &recorded {
                    raw.send(recorded.bytes()).await;
                }
            });
            // Go's client called its own getter when it could not use the answer.
            if row["client_loaded"].as_array().unwrap().is_empty() {
                let value = result
                    .unwrap_or_else(|error| panic!("{name}: {error}"))
                    .value;
                assert_eq!(value.len() as u64, row["len"].as_u64().unwrap(), "{name}");
                if row["value_b64"].is_string() && value.len() < 4096 {
                    assert_eq!(value, base64(&row["value_b64"]), "{name}");
                }
            } else {
                let error = result.expect_err(name);
                assert!(!error.is_answer(), "{name}: {error}");
            }
        }
    }
}

/// Long enough for every key of `escape.json`.
fn long_keys() -> HttpOptions {
    HttpOptions::default().max_key_bytes(16 << 10)
}

#[tokio::test(start_paused = true)]
async fn our_server_understands_every_target_of_gos_client() {
    let network = Network::new();
    let (_server, peer) = serve(&network, Protocol::Golang, long_keys(), FakePeer::new(echo));
    let mut raw = Raw::connect(&network).await;
    for row in rows("escape.json") {
        raw.send(request(row[1].as_str().unwrap())).await;
        assert_eq!(raw.receive().await.unwrap().status(), 200);
        let asked = peer.asked().pop().unwrap();
        assert_eq!(
            (asked.group.as_str(), asked.key),
            ("g", base64(&row[0])),
            "{}",
            row[1]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn gos_server_and_ours_understand_every_target_of_our_client() {
    for protocol in [Protocol::Native, Protocol::Golang] {
        let network = Network::new();
        let mut listener = network.listen(support::SERVER).unwrap();
        let client = dial(&network, protocol, long_keys().multiplexing(false));
        let mut raw = None;
        for row in rows("escape.json") {
            let key = base64(&row[0]);
            let (result, target) = tokio::join!(client.get(get(&key)), async {
                if raw.is_none() {
                    raw = Some(Raw::accept(&mut listener).await);
                }
                let raw = raw.as_mut().unwrap();
                let request = raw.receive().await.unwrap();
                raw.send(answer(b"\x0a\x00")).await;
                request.target().to_owned()
            });
            result.unwrap();
            // Go's server keeps a plus sign in a path, but ours reads a plus sign as a space.
            let escaped = target.strip_prefix("/_groupcache/g/").unwrap();
            assert!(!escaped.contains(['+', '.', '/', '?']), "{escaped}");
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(escaped).collect();
            assert_eq!(decoded, key);
        }
        assert_eq!(network.accepted(support::SERVER), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn our_client_understands_every_message_that_go_marshalled() {
    let network = Network::new();
    let mut listener = network.listen(support::SERVER).unwrap();
    let options = HttpOptions::default().multiplexing(false);
    let client = dial(&network, Protocol::GroupcacheGo, options);
    let mut raw = None;
    for row in rows("get-response.json") {
        let (result, ()) = tokio::join!(client.get(get(b"k")), async {
            if raw.is_none() {
                raw = Some(Raw::accept(&mut listener).await);
            }
            let raw = raw.as_mut().unwrap();
            raw.receive().await.unwrap();
            raw.send(answer(&hex(&row["encoded_hex"]))).await;
        });
        // A peer of any kind writes the value, even an empty one.
        if row.get("value_hex").is_none() {
            assert!(result.unwrap_err().is_transport(), "{row}");
            raw = None;
        } else {
            assert_eq!(result.unwrap(), reply(&row), "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn our_server_marshals_as_go_does() {
    let mut compared = 0;
    for row in rows("get-response.json") {
        // We always write the value, and never an expiry of 0, which means none.
        if row.get("value_hex").is_none() || row.get("expire").is_some_and(|ns| *ns == 0) {
            continue;
        }
        let network = Network::new();
        let reply = reply(&row);
        let protocol = match reply.expiry {
            Some(_) => Protocol::Mailgun,
            None => Protocol::Golang,
        };
        let (_server, _) = serve(
            &network,
            protocol,
            HttpOptions::default(),
            FakePeer::new(move |_| Ok(reply.clone())),
        );
        let mut raw = Raw::connect(&network).await;
        raw.send(request("/_groupcache/g/k")).await;
        assert_eq!(
            raw.receive().await.unwrap().body,
            hex(&row["encoded_hex"]),
            "{row}"
        );
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// What a row of `get-response.json` means.
fn reply(row: &Value) -> Reply {
    let expire = row.get("expire").map_or(0, |ns| ns.as_i64().unwrap());
    let distance = Duration::from_nanos(expire.unsigned_abs());
    let moment = match expire {
        0 => None,
        1.. => Some(SystemTime::UNIX_EPOCH + distance),
        _ => Some(SystemTime::UNIX_EPOCH - distance),
    };
    Reply {
        value: row.get("value_hex").map(hex).unwrap_or_default().into(),
        expiry: moment.map(Expiry::At),
        minute_qps: row.get("minute_qps").map(|qps| qps.as_f64().unwrap()),
        state: None,
    }
}
