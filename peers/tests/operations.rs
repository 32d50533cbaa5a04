//! Gets with their modes, sets, removals and clears, over every protocol that has them. Protocols
//! without them give typed errors.

mod support;

use std::time::{Duration, SystemTime};

use peers::testing::Network;
use peers::{
    Error, Expiry, GetMode, GetRequest, HttpOptions, Protocol, RemoveRequest, SetRequest, WallClock,
};
use support::node::{Asked, Node, knowledge_of};
use support::{Raw, dial, get, serve};

/// Whether each protocol can peek, warm up without a value, set, remove, remove many keys in one
/// request, clear, and carry an expiry.
const ABILITIES: &[(Protocol, [bool; 7])] = &[
    (Protocol::Native, [true, true, true, true, true, true, true]),
    (Protocol::Golang, [false; 7]),
    (
        Protocol::Mailgun,
        [false, false, true, true, false, false, true],
    ),
    (
        Protocol::GroupcacheGo,
        [false, false, true, true, true, false, true],
    ),
    (
        Protocol::Ipronko,
        [false, true, false, true, false, false, false],
    ),
    (
        Protocol::Galaxycache,
        [true, false, false, false, false, false, true],
    ),
];

fn in_the_future() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(4_000_000_000, 123_456_789)
}

/// A clock that shows the time a minute before.
fn clock() -> WallClock {
    WallClock::of(|| in_the_future() - MINUTE)
}

/// As the protocol says a moment in the future.
fn expiry_over(protocol: Protocol) -> Expiry {
    match protocol {
        Protocol::Native => Expiry::In(MINUTE),
        _ => Expiry::At(in_the_future()),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Whether the operation was possible. If not, the error says so and the peer was not asked.
fn was_possible<T>(result: &Result<T, Error>, asked: &[Asked], protocol: Protocol) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert!(error.is_unsupported(), "{protocol}: {error}");
            assert!(!error.is_transport() && !error.is_answer());
            assert!(error.to_string().contains(protocol.name()), "{error}");
            assert_eq!(asked, []);
            false
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_protocol_does_what_it_can_and_refuses_the_rest() {
    for &(protocol, abilities) in ABILITIES {
        let [peek, warm_up, set, remove, remove_many, clear, expiry] = abilities;
        let network = Network::new();
        let options = || HttpOptions::default().wall_clock(clock());
        let (_server, node) = serve(&network, protocol, options(), Node::new("url"));
        let client = dial(&network, protocol, options());
        let mode = |mode| GetRequest { mode, ..get(b"k") };

        let result = client.get(mode(GetMode::Peek)).await;
        match result {
            Err(error) if error.is_not_found() => {
                assert!(peek, "{protocol}");
                assert_eq!(node.asked(), [Asked::Get(GetMode::Peek, b"k".into())]);
            }
            result => {
                assert!(!was_possible(&result, &node.asked(), protocol) && !peek);
            }
        }

        let reply = client.get(mode(GetMode::WarmUp)).await.unwrap();
        assert_eq!(reply.value.is_empty(), warm_up, "{protocol}");
        assert!(node.asked().contains(&Asked::Load(b"k".into())));

        let request = SetRequest {
            group: "g",
            key: b"\xff+ /%",
            value: b"new".as_slice().into(),
            expiry: Some(Expiry::At(in_the_future())),
            stamp: None,
            known: &[],
        };
        let key = request.key;
        let result = client.set(request).await;
        let asked = node.asked();
        assert_eq!(was_possible(&result, &asked, protocol), set, "{protocol}");
        if set {
            let expected = Asked::Set(key.into(), b"new".into(), Some(expiry_over(protocol)));
            assert_eq!(asked, [expected], "{protocol}");
            assert_eq!(client.get(get(key)).await.unwrap().value, "new");
        }
        node.asked();

        let abs = b"abs:4000000000123456789:";
        let reply = client.get(get(abs)).await.unwrap();
        assert_eq!(
            reply.expiry,
            expiry.then(|| expiry_over(protocol)),
            "{protocol}"
        );
        node.asked();

        let keys: [&[u8]; 3] = [b"one", b"+", b"\xfe"];
        let one = RemoveRequest {
            group: "g",
            keys: &keys[..1],
            stamp: None,
        };
        let result = client.remove(one).await;
        let asked = node.asked();
        assert_eq!(
            was_possible(&result, &asked, protocol),
            remove,
            "{protocol}"
        );
        if remove {
            assert_eq!(asked, [Asked::Remove(vec![b"one".into()])]);
        }
        let many = RemoveRequest {
            group: "g",
            keys: &keys,
            stamp: None,
        };
        let result = client.remove(many).await;
        let asked = node.asked();
        assert_eq!(
            was_possible(&result, &asked, protocol),
            remove,
            "{protocol}"
        );
        if remove {
            let requests = match (protocol, remove_many) {
                (Protocol::Native, _) => 1,
                (_, true) => 2, // a key that is not UTF-8 goes by itself
                (_, false) => 3,
            };
            assert_eq!(asked.len(), requests, "{protocol}");
            let mut removed: Vec<_> = asked
                .into_iter()
                .flat_map(|asked| match asked {
                    Asked::Remove(keys) => keys,
                    other => panic!("{protocol}: {other:?}"),
                })
                .collect();
            removed.sort();
            let mut expected = keys.map(<[u8]>::to_vec);
            expected.sort();
            assert_eq!(removed, expected, "{protocol}");
        }

        let result = client.clear("g", None).await;
        let asked = node.asked();
        assert_eq!(was_possible(&result, &asked, protocol), clear, "{protocol}");
        if clear {
            assert_eq!(asked, [Asked::Clear]);
        }

        let told = client.sync(knowledge_of("the client")).await;
        let noted = client.note_behind(&["pod-1"]).await;
        let asked = node.asked();
        match protocol {
            Protocol::Native => {
                let synced = Asked::Sync(knowledge_of("the client"));
                assert_eq!(asked, [synced, Asked::Behind(vec!["pod-1".into()])]);
                assert_eq!(told.unwrap(), knowledge_of("the node"));
                noted.unwrap();
            }
            _ => {
                assert_eq!(asked, []);
                assert!(told.unwrap_err().is_unsupported(), "{protocol}");
                assert!(noted.unwrap_err().is_unsupported(), "{protocol}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_in_a_group_that_the_peer_lacks_is_a_typed_error() {
    for &(protocol, [_, _, set, remove, _, clear, _]) in ABILITIES {
        let network = Network::new();
        let options = HttpOptions::default;
        let (_server, _node) = serve(&network, protocol, options(), Node::new("url"));
        let client = dial(&network, protocol, options());
        let request = GetRequest {
            group: "other",
            ..get(b"k")
        };
        let mut results = vec![client.get(request).await.map(drop)];
        if set {
            let request = SetRequest {
                group: "other",
                key: b"k",
                value: Default::default(),
                expiry: None,
                stamp: None,
                known: &[],
            };
            results.push(client.set(request).await);
        }
        if remove {
            for keys in [&[b"k".as_slice()] as &[&[u8]], &[b"k", b"l"]] {
                let group = "other";
                results.push(
                    client
                        .remove(RemoveRequest {
                            group,
                            keys,
                            stamp: None,
                        })
                        .await,
                );
            }
        }
        if clear {
            results.push(client.clear("other", None).await);
        }
        for result in results {
            let error = result.unwrap_err();
            assert!(error.is_no_such_group(), "{protocol}: {error}");
            assert_eq!(error.to_string(), "no such group: other");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_keys_go_in_few_requests() {
    for protocol in [Protocol::Native, Protocol::GroupcacheGo] {
        let network = Network::new();
        let options = HttpOptions::default;
        let (_server, node) = serve(&network, protocol, options(), Node::new("url"));
        let client = dial(&network, protocol, options());
        // A tab takes six bytes in JSON.
        let keys: Vec<String> = (0..3000)
            .map(|n| format!("{n}{}", "\t".repeat(500)))
            .collect();
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let (group, keys) = ("g", keys.as_slice());
        client
            .remove(RemoveRequest {
                group,
                keys,
                stamp: None,
            })
            .await
            .unwrap();
        let asked = node.asked();
        assert!(asked.len() > 1 && asked.len() < 12, "{}", asked.len());
        let removed = asked.into_iter().flat_map(|asked| match asked {
            Asked::Remove(keys) => keys,
            other => panic!("{other:?}"),
        });
        assert!(removed.eq(keys.iter().map(|key| key.to_vec())));
        client
            .remove(RemoveRequest {
                group,
                keys: &[],
                stamp: None,
            })
            .await
            .unwrap();
        assert_eq!(node.asked(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn ipronko_says_which_keys_it_cannot_carry() {
    let network = Network::new();
    let options = HttpOptions::default;
    let (_server, node) = serve(&network, Protocol::Ipronko, options(), Node::new("url"));
    let client = dial(&network, Protocol::Ipronko, options());
    for key in [b"a/b".as_slice(), b"/", b"health"] {
        let error = client.get(get(key)).await.unwrap_err();
        assert!(error.is_unsupported() && !error.is_answer(), "{error}");
    }
    assert_eq!(node.asked(), []);
    for key in [b"".as_slice(), b".", b"..", b"healthy", b"a b+%\xff?#"] {
        let reply = client.get(get(key)).await.unwrap();
        assert_eq!(reply.value, [b"url|", key].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn the_paths_of_galaxycache_are_served_under_every_protocol() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let options = HttpOptions::default;
        let (_server, node) = serve(&network, protocol, options(), Node::new("url"));
        let client = dial(&network, Protocol::Galaxycache, options());
        assert_eq!(client.get(get(b"a/b")).await.unwrap().value, "url|a/b");
        let mode = GetMode::Peek;
        let peek = GetRequest { mode, ..get(b"k") };
        assert!(client.get(peek).await.unwrap_err().is_not_found());
        assert!(!node.asked().is_empty());
    }
}

fn put(length: usize, body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("PUT /_groupcache/g/k HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes();
    request.extend_from_slice(body);
    request
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_too_slow_or_no_message_is_refused_and_nothing_is_stored() {
    let options = HttpOptions::default()
        .max_value_bytes(100)
        .max_key_bytes(10);
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let network = Network::new();
        let (_server, node) = serve(&network, protocol, options.clone(), Node::new("url"));
        let answer = async |bytes: &[u8]| {
            let mut raw = Raw::connect(&network).await;
            raw.send(bytes).await;
            raw.receive().await.unwrap()
        };
        let chunked =
            b"PUT /_groupcache/g/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        let endless = [
            chunked.as_slice(),
            b"60\r\n",
            &[b'x'; 0x60],
            b"\r\n60\r\n",
            &[b'x'; 0x60],
            b"\r\n",
        ]
        .concat();
        for (bytes, status) in [
            (put(165, b""), 413),
            (endless, 413),
            (put(10, b"half"), 408),
            (put(3, b"\xff\xff\xff"), 400),
            (put(0, b""), 400),
            // The message has a key of eleven bytes, which is not the key of the path.
            (
                put(16, b"\x0a\x01g\x12\x0b12345678901"),
                match protocol {
                    Protocol::Native => 400,
                    _ => 500,
                },
            ),
        ] {
            let answer = answer(&bytes).await;
            assert_eq!(answer.status(), status, "{protocol}: {}", answer.text());
        }
        assert_eq!(node.asked(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_whose_body_names_something_else_than_its_path_is_refused_or_read_as_go_does() {
    let another_key = b"\x0a\x01g\x12\x01l\x1a\x01v".as_slice();
    let another_group = b"\x0a\x01h\x12\x01k\x1a\x01v".as_slice();
    for (body, key) in [(another_key, b"l"), (another_group, b"k")] {
        for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
            let network = Network::new();
            let options = HttpOptions::default();
            let (_server, node) = serve(&network, protocol, options, Node::new("url"));
            let mut raw = Raw::connect(&network).await;
            raw.send(put(body.len(), body)).await;
            let answer = raw.receive().await.unwrap();
            // Go takes the key from the body, and from the path only the group.
            let (status, asked) = match protocol {
                Protocol::Native => (400, vec![]),
                _ => (200, vec![Asked::Set(key.to_vec(), b"v".to_vec(), None)]),
            };
            assert_eq!(answer.status(), status, "{protocol}: {}", answer.text());
            assert_eq!(node.asked(), asked, "{protocol}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn methods_that_a_protocol_lacks_are_refused_with_those_that_it_has() {
    for (protocol, allowed) in [
        (Protocol::Native, "GET, PUT, DELETE, POST"),
        (Protocol::Golang, "GET"),
        (Protocol::Mailgun, "GET, PUT, DELETE"),
        (Protocol::GroupcacheGo, "GET, PUT, DELETE, POST"),
        (Protocol::Ipronko, "GET, DELETE, POST"),
        (Protocol::Galaxycache, "GET, PUT, DELETE, POST"),
    ] {
        let network = Network::new();
        let (_server, node) = serve(&network, protocol, HttpOptions::default(), Node::new("url"));
        for method in ["PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if allowed.contains(method) {
                continue;
            }
            let mut raw = Raw::connect(&network).await;
            raw.send(format!(
                "{method} /_groupcache/g/k HTTP/1.1\r\nhost: x\r\n\r\n"
            ))
            .await;
            let answer = raw.receive().await.unwrap();
            assert_eq!(
                (answer.status(), answer.header("allow")),
                (405, Some(allowed))
            );
        }
        assert_eq!(node.asked(), []);
    }
}
