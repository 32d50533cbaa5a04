//! Exchanges recorded between real programs of the family, except golang's (`recorded.rs`).
//!
//! The tests send the recorded requests to our server, which has to answer as theirs did. They also
//! ask our client for the same. Our client has to send what theirs sent, and to return what theirs
//! returned for the recorded answer. The data is in `testdata`, which is not in the package.

mod support;

use std::time::{Duration, SystemTime};

use peers::testing::Network;
use peers::{
    Error, Expiry, GetMode, GetRequest, HttpOptions, PeerClient, PeerService as _, Protocol,
    RemoveRequest, Reply, SetRequest,
};
use percent_encoding::percent_decode_str;
use prost::Message as _;
use serde_json::{Value, json};
use support::node::{Asked, Node};
use support::recorded::{Recorded, self_url};
use support::{Raw, SERVER, base64, dial, hex, rows, serve};

const FILES: &[(Protocol, &str)] = &[
    (Protocol::Mailgun, "mailgun-exchanges.json"),
    (Protocol::Mailgun, "mailgun-exchanges-mux121.json"),
    (Protocol::GroupcacheGo, "groupcache-go-exchanges.json"),
    (
        Protocol::GroupcacheGo,
        "groupcache-go-exchanges-mux121.json",
    ),
    (Protocol::Ipronko, "ipronko-exchanges.json"),
    (Protocol::Galaxycache, "galaxycache-exchanges.json"),
];

/// A recorded request of a family client, and the recorded answer.
struct Exchange {
    name: String,
    protocol: Protocol,
    method: String,
    target: String,
    /// The part of the request from the end of its first line to its body.
    headers: Vec<u8>,
    body: Vec<u8>,
    /// `None` if their server broke the connection off.
    answer: Option<Recorded>,
    /// The operation that their client was asked for.
    group: String,
    operation: Operation,
}

#[derive(Debug)]
enum Operation {
    Get(GetMode, Vec<u8>),
    Set(SetMessage),
    Remove(Vec<Vec<u8>>),
}

#[derive(Clone, PartialEq, prost::Message)]
struct SetMessage {
    #[prost(bytes = "vec", optional, tag = "2")]
    key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    value: Option<Vec<u8>>,
    #[prost(int64, optional, tag = "4")]
    expire: Option<i64>,
}

impl SetMessage {
    fn expiry(&self) -> Option<Expiry> {
        let nanos = u64::try_from(self.expire.unwrap()).unwrap();
        (nanos > 0).then(|| Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)))
    }
}

impl Exchange {
    fn read(protocol: Protocol, row: &Value) -> Self {
        let head = hex(&row["request"]["raw_head_hex"]);
        let end = head.windows(2).position(|two| two == b"\r\n").unwrap();
        let line = str::from_utf8(&head[..end]).unwrap();
        let (method, line) = line.split_once(' ').unwrap();
        let (target, _version) = line.rsplit_once(' ').unwrap();
        let mut target = target.to_owned();
        let name = row["name"].as_str().unwrap();
        let key = match &row["key_b64"] {
            Value::Null => row["key"].as_str().unwrap_or_default().into(),
            key => base64(key),
        };
        if name == "key:long-8k" {
            // The key was recorded only in part. It has nothing to escape.
            target.truncate(target.find('L').unwrap());
            target.push_str(str::from_utf8(&key).unwrap());
        }
        let body = hex(&row["request"]["body_hex"]);
        let operation = match method {
            "GET" if target.starts_with("/_galaxycache_peek/") => {
                Operation::Get(GetMode::Peek, key)
            }
            "GET" => Operation::Get(GetMode::Load, key),
            "PUT" => Operation::Set(SetMessage::decode(&*body).unwrap()),
            "DELETE" => Operation::Remove(vec![key]),
            "POST" if protocol == Protocol::Ipronko => Operation::Get(GetMode::WarmUp, key),
            "POST" => {
                let request: Value = serde_json::from_slice(&body).unwrap();
                let keys: Vec<String> = serde_json::from_value(request["keys"].clone()).unwrap();
                Operation::Remove(keys.into_iter().map(String::into_bytes).collect())
            }
            _ => panic!("{method}"),
        };
        let group = target.split('/').nth(2).unwrap_or_default();
        let answer = row
            .get("response")
            .filter(|answer| answer["raw_head_hex"].is_string());
        Self {
            name: name.to_owned(),
            protocol,
            method: method.to_owned(),
            group: percent_decode_str(group).decode_utf8().unwrap().into(),
            target,
            headers: head[end..].to_vec(),
            body,
            answer: answer.map(Recorded::read),
            operation,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let line = format!("{} {} HTTP/1.1", self.method, self.target);
        [line.as_bytes(), &self.headers, &self.body].concat()
    }

    /// Whether their client sent a request for another key than its caller wanted. galaxycache's
    /// client cleans the path, and ipronko's leaves characters unescaped that need escaping.
    fn is_garbled(&self) -> bool {
        let names: &[&str] = match self.protocol {
            Protocol::Galaxycache => &["key:empty-key", "key:dot", "key:dotdot"],
            Protocol::Ipronko => &[
                "key:question",
                "key:hash",
                "key:percent-2F",
                "key:literal-%20",
            ],
            _ => &[],
        };
        names.contains(&&*self.name)
    }

    /// Whether the protocol has no way to ask for the key.
    fn is_unsayable(&self) -> bool {
        match &self.operation {
            Operation::Get(_, key) if self.protocol == Protocol::Ipronko => {
                key.contains(&b'/') || key == b"health"
            }
            _ => false,
        }
    }

    /// Whether their server redirected their client to another key.
    fn is_redirect(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| (300..400).contains(&answer.status()))
    }

    /// Asks our client for the same operation.
    async fn ask(&self, client: &dyn PeerClient) -> Result<Reply, Error> {
        let group = &*self.group;
        let done = match &self.operation {
            Operation::Get(mode, key) => {
                let (key, mode) = (key, *mode);
                return client
                    .get(GetRequest {
                        group,
                        key,
                        mode,
                        known: &[],
                    })
                    .await;
            }
            Operation::Set(message) => {
                let request = SetRequest {
                    group,
                    key: message.key.as_ref().unwrap(),
                    value: message.value.clone().unwrap().into(),
                    expiry: message.expiry(),
                    stamp: None,
                    known: &[],
                };
                client.set(request).await
            }
            Operation::Remove(keys) => {
                let keys: &Vec<&[u8]> = &keys.iter().map(Vec::as_slice).collect();
                client
                    .remove(RemoveRequest {
                        group,
                        keys,
                        stamp: None,
                    })
                    .await
            }
        };
        done.map(|()| Reply::default())
    }

    /// The operation that our node has to receive.
    fn asked(&self) -> Asked {
        match &self.operation {
            Operation::Get(mode, key) => Asked::Get(*mode, key.clone()),
            Operation::Set(message) => Asked::Set(
                message.key.clone().unwrap(),
                message.value.clone().unwrap(),
                message.expiry(),
            ),
            Operation::Remove(keys) => Asked::Remove(keys.clone()),
        }
    }
}

const MUX: &str = "Go's multiplexer cleans paths and redirects; we take keys as they are";
const SLASH: &str = "the same, but the protocol has no keys with a slash";
const FINAL: &str = "a 404 would be final for the caller, who has to load the value itself";
const CLOSED: &str = "theirs panics and closes the connection";

/// The exchanges in which our servers differ from theirs: the program, the exchange, our status,
/// and the reason.
const DIFFERENT_ANSWERS: &[(Protocol, &str, u16, &str)] = &[
    (Protocol::Mailgun, "panic", 500, CLOSED),
    (Protocol::Mailgun, "unknown-group", 500, FINAL),
    (Protocol::Mailgun, "special-group-name", 500, FINAL),
    (Protocol::Mailgun, "key:dot", 200, MUX),
    (Protocol::Mailgun, "key:dotdot", 200, MUX),
    (Protocol::Mailgun, "key:leading-slash", 200, MUX),
    (Protocol::Mailgun, "key:double-slash", 200, MUX),
    (Protocol::Mailgun, "key:dot-segments", 200, MUX),
    (Protocol::Mailgun, "key:leading-dotdot", 200, MUX),
    (Protocol::GroupcacheGo, "panic", 500, CLOSED),
    (Protocol::GroupcacheGo, "unknown-group", 500, CLOSED),
    (Protocol::GroupcacheGo, "special-group-name", 500, CLOSED),
    (Protocol::GroupcacheGo, "key:dot", 200, MUX),
    (Protocol::GroupcacheGo, "key:dotdot", 200, MUX),
    (Protocol::GroupcacheGo, "key:leading-slash", 200, MUX),
    (Protocol::GroupcacheGo, "key:double-slash", 200, MUX),
    (Protocol::GroupcacheGo, "key:dot-segments", 200, MUX),
    (Protocol::GroupcacheGo, "key:leading-dotdot", 200, MUX),
    (Protocol::Ipronko, "panic", 500, CLOSED),
    (Protocol::Ipronko, "key:dot", 200, MUX),
    (Protocol::Ipronko, "key:dotdot", 200, MUX),
    (Protocol::Ipronko, "key:leading-slash", 400, SLASH),
    (Protocol::Ipronko, "key:double-slash", 400, SLASH),
    (Protocol::Ipronko, "key:dot-segments", 400, SLASH),
    (Protocol::Ipronko, "key:leading-dotdot", 400, SLASH),
    (Protocol::Galaxycache, "panic", 500, CLOSED),
    (
        Protocol::Galaxycache,
        "key:dotdot",
        404,
        "its client leaves no galaxy in the path",
    ),
];

#[tokio::test(start_paused = true)]
async fn our_server_answers_the_requests_of_their_clients_as_theirs_did() {
    for &(protocol, file) in FILES {
        let rows = rows(file);
        // Redirects have no value.
        let url = self_url(&rows, "response").unwrap_or_default();
        for row in &rows {
            let exchange = Exchange::read(protocol, row);
            let name = &*exchange.name;
            // The peeked copy came from another node and holds that node's URL.
            let url = match (name, row["client"]["loaded_by"].as_str()) {
                ("peek-hit", Some(loader)) => loader,
                _ => &url,
            };
            let network = Network::new();
            let (_server, node) = serve(&network, protocol, HttpOptions::default(), Node::new(url));
            if let ("peek-hit", Operation::Get(_, key)) = (name, &exchange.operation) {
                let (group, mode) = ("g", GetMode::Load);
                node.get(GetRequest {
                    group,
                    key,
                    mode,
                    known: &[],
                })
                .await
                .unwrap();
            }
            let mut raw = Raw::connect(&network).await;
            raw.send(exchange.bytes()).await;
            let ours = raw.receive().await.unwrap();

            let is_health = exchange.is_unsayable();
            if ours.status() == 200 && !exchange.is_garbled() && !is_health {
                assert!(
                    node.asked().contains(&exchange.asked()),
                    "{protocol} {name}"
                );
            }
            // ipronko's server states no content type for a value, and Go's library guesses one.
            let guessed = match protocol {
                Protocol::Ipronko if ours.status() == 200 => "Content-Type",
                _ => "",
            };
            let is_like = |theirs: &Recorded| theirs.is_like_but_for(&ours, guessed);
            if exchange.answer.as_ref().is_some_and(is_like) {
                continue;
            }
            let (.., status, _why) = DIFFERENT_ANSWERS
                .iter()
                .find(|(whose, row, ..)| (*whose, *row) == (protocol, name))
                .unwrap_or_else(|| panic!("{protocol} {name}: {ours:?} is not {row}"));
            assert_eq!(ours.status(), *status, "{protocol} {name}: {ours:?}");
        }
    }
}

/// Asks our client for the operation of the recorded exchange, and plays the recorded answer to it.
async fn replay(exchange: &Exchange) -> Result<Reply, Error> {
    let network = Network::new();
    let mut listener = network.listen(SERVER).unwrap();
    let client = dial(&network, exchange.protocol, HttpOptions::default());
    let context = format!("{} {}", exchange.protocol, exchange.name);
    if exchange.is_unsayable() {
        let error = exchange.ask(&*client).await.expect_err(&context);
        assert!(error.is_unsupported(), "{context}: {error}");
        assert_eq!(network.accepted(SERVER), 0, "{context}");
        return Err(error);
    }
    let (result, ()) = tokio::join!(exchange.ask(&*client), async {
        let mut raw = Raw::accept(&mut listener).await;
        let ours = raw.receive().await.unwrap();
        let (method, target) = ours.line.split_once(' ').unwrap();
        let (target, _version) = target.rsplit_once(' ').unwrap();
        // Our client removes one key by a DELETE, as theirs does for a single removal.
        let is_one_of_many = method == "DELETE" && exchange.method == "POST";
        if !exchange.is_garbled() && !is_one_of_many {
            let path = |target| Vec::from_iter(percent_decode_str(target));
            assert_eq!(method, exchange.method, "{context}");
            assert_eq!(path(target), path(&exchange.target), "{context}");
            assert_eq!(ours.body, exchange.body, "{context}");
        }
        if let Some(answer) = &exchange.answer {
            raw.send(answer.bytes()).await;
        }
    });
    result
}

#[tokio::test(start_paused = true)]
async fn our_client_sends_what_theirs_did_and_understands_what_it_was_answered() {
    for &(protocol, file) in FILES {
        for row in &rows(file) {
            let exchange = Exchange::read(protocol, row);
            let result = replay(&exchange).await;
            let context = format!("{protocol} {}: {result:?}", exchange.name);
            let theirs = &row["client"];
            let loaded = !row["client_loaded"].as_array().unwrap().is_empty();
            if exchange.name == "peek-miss" {
                assert!(result.expect_err(&context).is_not_found(), "{context}");
            } else if loaded || exchange.is_redirect() || exchange.is_unsayable() {
                assert!(!result.expect_err(&context).is_answer(), "{context}");
            } else if let Some(words) = theirs["err"].as_str() {
                let error = result.expect_err(&context);
                let is_getter = theirs["err_kind"] == "ErrRemoteCall";
                assert_eq!(
                    (error.is_getter(), error.is_not_found()),
                    (is_getter, !is_getter)
                );
                // galaxycache's client drops the peer's error text.
                if protocol != Protocol::Galaxycache {
                    assert_eq!(error.answer_message(), Some(words), "{context}");
                }
            } else if theirs["ok"] == true {
                result.expect(&context);
            } else {
                let reply = result.expect(&context);
                assert_eq!(reply.value.len() as u64, theirs["len"], "{context}");
                // Only the beginning of a long value was recorded.
                if let Some(value) = theirs["value_b64"].as_str() {
                    let value = base64(&json!(value.trim_end_matches('.')));
                    assert!(reply.value.starts_with(&value), "{context}");
                }
                let expire = theirs["expire_unix_nano"]
                    .as_u64()
                    .filter(|&expire| expire > 0);
                let since = expire.map(Duration::from_nanos);
                let expiry = since.map(|since| Expiry::At(SystemTime::UNIX_EPOCH + since));
                assert_eq!(reply.expiry, expiry, "{context}");
            }
        }
    }
}

/// No warm-up of ipronko's client was recorded, but warm-ups at its server were.
#[tokio::test(start_paused = true)]
async fn our_client_warms_ipronkos_keys_up_and_removes_them() {
    let mut replayed = 0;
    for row in rows("ipronko-probes.json") {
        let request = String::from_utf8(hex(&row["request_hex"]));
        let Ok(request) = request else { continue };
        let name = row["name"].as_str().unwrap();
        let of_interest = name.starts_with("POST-") || name.starts_with("DELETE-");
        let Some(key) = request.split(['/', ' ']).nth(4).filter(|_| of_interest) else {
            continue;
        };
        let answer = &row["responses"][0];
        let (line, body) = (answer["line"].as_str().unwrap(), hex(&answer["body_hex"]));
        let head = format!("{line}\r\nContent-Length: {}\r\n\r\n", body.len());
        let as_hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        let row = json!({
            "name": name,
            "key": key,
            "request": { "raw_head_hex": row["request_hex"], "body_hex": "" },
            "response": { "raw_head_hex": as_hex(&head), "body_hex": answer["body_hex"] },
        });
        let result = replay(&Exchange::read(Protocol::Ipronko, &row)).await;
        match line.contains(" 200 ") {
            true => assert_eq!(result.unwrap(), Reply::default(), "{name}"),
            false => assert!(!result.unwrap_err().is_answer(), "{name}"),
        }
        replayed += 1;
    }
    assert_eq!(replayed, 5);
}
