//! Groups of values that are not bytes.

mod common;

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{MIB, lonely_node, lonely_node_at};
use futures_util::{Stream as _, StreamExt as _};
use groupcache::testing::Cluster;
use groupcache::{
    ByteView, Codec, Expiring, GetOptions, GetterError, Group, Json, Key, ManualClock, MessagePack,
    Mode, Node, NotFound, Protobuf, Raw, Source, Text, TypedGroup, TypedValue,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Picture {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "bytes", tag = "2")]
    pixels: prost::bytes::Bytes,
}

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        age: 42,
    }
}

async fn load_user(key: Key) -> Result<User, GetterError> {
    Ok(user(key.to_str()?))
}

/// Encodes odd numbers only.
struct Odd;

impl Codec<u8> for Odd {
    type EncodeError = &'static str;
    type DecodeError = &'static str;

    fn encode(&self, value: &u8) -> Result<ByteView, &'static str> {
        match value % 2 {
            1 => Ok(vec![*value].into()),
            _ => Err("the number is even"),
        }
    }

    fn decode(&self, bytes: ByteView) -> Result<u8, &'static str> {
        match bytes[..] {
            [number] if number % 2 == 1 => Ok(number),
            _ => Err("not an odd number"),
        }
    }
}

fn comes_back<T, C>(codec: &C, value: &T)
where
    T: PartialEq + Debug,
    C: Codec<T, EncodeError: Debug, DecodeError: Debug>,
{
    let bytes = codec.encode(value).unwrap();
    assert_eq!(&codec.decode(bytes).unwrap(), value);
}

#[test]
fn every_codec_gives_back_what_it_was_given() {
    for text in ["", "text", "\0/\u{10ffff}"] {
        comes_back(&Text, &text.to_owned());
        comes_back::<Arc<str>, _>(&Text, &text.into());
        comes_back::<Vec<u8>, _>(&Raw, &text.into());
        comes_back::<ByteView, _>(&Raw, &text.into());
        comes_back(&Json, &user(text));
        comes_back(&MessagePack, &user(text));
        comes_back(
            &Protobuf,
            &Picture {
                name: text.into(),
                pixels: text.into(),
            },
        );
    }
}

#[test]
fn no_codec_takes_garbage_or_more_than_a_value() {
    fn refuses<T: Debug, C: Codec<T>>(codec: &C, bytes: impl Into<ByteView>) {
        let error: GetterError = codec.decode(bytes.into()).map_err(Into::into).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    refuses::<String, _>(&Text, b"\xff");
    for tail in [b"".as_slice(), b"\0", b"\x01"] {
        let with_tail = |bytes: ByteView| [&bytes[..], tail].concat();
        let json = with_tail(Codec::encode(&Json, &user("u")).unwrap());
        let pack = with_tail(Codec::encode(&MessagePack, &user("u")).unwrap());
        match tail {
            [] => {
                refuses::<User, _>(&Json, json[..json.len() - 1].to_vec());
                refuses::<User, _>(&MessagePack, pack[..pack.len() - 1].to_vec());
            }
            _ => {
                refuses::<User, _>(&Json, json);
                refuses::<User, _>(&MessagePack, pack);
            }
        }
    }
    // A field of 127 bytes, of which there is one.
    refuses::<Picture, _>(&Protobuf, b"\x0a\x7fx");
    // An array of 2³² - 1 items.
    refuses::<Vec<u64>, _>(&MessagePack, b"\xdd\xff\xff\xff\xff");
}

#[test]
fn message_pack_tells_fields_by_name() {
    #[derive(Serialize)]
    struct Newer {
        email: String,
        age: u8,
        name: String,
    }
    let newer = Newer {
        email: "a@b".into(),
        age: 42,
        name: "ada".into(),
    };
    let bytes = rmp_serde::to_vec_named(&newer).unwrap();
    assert_eq!(
        Codec::<User>::decode(&MessagePack, bytes.into()).unwrap(),
        user("ada")
    );
}

#[test]
fn raw_bytes_and_bytes_in_messages_are_not_copied() {
    let picture = Picture {
        name: "p".into(),
        pixels: vec![7; 1000].into(),
    };
    let bytes = Protobuf.encode(&picture).unwrap();
    let inside = bytes.as_ptr_range();
    let pixels = Codec::<Picture>::decode(&Protobuf, bytes.clone())
        .unwrap()
        .pixels;
    assert!(inside.contains(&pixels.as_ptr()));
    let view: ByteView = Raw.decode(bytes.clone()).unwrap();
    assert_eq!(view.as_ptr(), bytes.as_ptr());
}

#[tokio::test]
async fn a_typed_group_loads_once_and_decodes_every_time() {
    let node = lonely_node().await;
    let users: TypedGroup<User, Json> = node
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();

    assert_eq!(users.get("ada").await.unwrap(), user("ada"));
    let entry = users.entry("ada").await.unwrap();
    assert_eq!(
        (entry.value(), entry.source()),
        (&user("ada"), Source::Main)
    );
    assert_eq!(
        users.group().get("ada").await.unwrap(),
        r#"{"name":"ada","age":42}"#
    );
    assert_eq!(users.group().stats().getter_calls, 1);

    let found = TypedGroup::<User, _>::new(node.find_group("users").unwrap(), Json);
    assert_eq!(found.clone().get("ada").await.unwrap(), user("ada"));
    let peek = GetOptions::default().mode(Mode::Peek);
    assert_eq!(
        found
            .get_with_options("ada", peek)
            .await
            .unwrap()
            .into_value(),
        user("ada")
    );
    assert!(
        found
            .get_with_options("bob", peek)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn settings_and_values_have_their_say_on_expiry() {
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let of_group = node
        .typed_group("a", MIB, MessagePack, load_user)
        .ttl(Duration::from_secs(10))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();
    let own_expiry = |key: Key| async move {
        let text = TypedValue::from(key.to_string());
        Ok::<_, Infallible>(match &*key {
            b"never" => text.never_expires(),
            _ => text.expires_in(Duration::from_secs(3)),
        })
    };
    let of_value = node
        .typed_group("b", MIB, Text, Expiring(own_expiry))
        .ttl(Duration::from_secs(10))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();

    let left = |until: Option<Instant>| until.map(|until| until - groupcache::Clock::now(&clock));
    let seconds = |s| Some(Duration::from_secs(s));
    assert_eq!(
        left(of_group.entry("k").await.unwrap().fresh_until()),
        seconds(10)
    );
    assert_eq!(
        left(of_value.entry("k").await.unwrap().fresh_until()),
        seconds(3)
    );
    assert_eq!(
        left(of_value.entry("never").await.unwrap().fresh_until()),
        None
    );

    let text = "set".to_owned();
    let brief = TypedValue::from(&text).expires_in(Duration::from_secs(1));
    of_value.set("never", brief).await.unwrap();
    assert_eq!(
        left(of_value.entry("never").await.unwrap().fresh_until()),
        seconds(1)
    );
}

#[tokio::test]
async fn what_is_set_is_got_and_what_is_removed_is_loaded_again() {
    let users: TypedGroup<User, Json> = lonely_node()
        .await
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    users.set("ada", &user("countess")).await.unwrap();
    assert_eq!(users.get("ada").await.unwrap(), user("countess"));
    users.remove("ada").await.unwrap();
    assert_eq!(users.get("ada").await.unwrap(), user("ada"));
}

#[tokio::test]
async fn not_found_stays_what_it_is() {
    let users: TypedGroup<User, Json> = lonely_node()
        .await
        .typed_group("g", MIB, Json, |_| async { Err::<User, _>(NotFound) })
        .build()
        .unwrap();
    assert!(users.get("k").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_value_without_an_encoding_fails_the_getter_or_the_set() {
    let group: TypedGroup<u8, Odd> = lonely_node()
        .await
        .typed_group("g", MIB, Odd, |key: Key| async move {
            Ok::<_, Infallible>(key.len() as u8)
        })
        .build()
        .unwrap();
    assert_eq!(group.get("1").await.unwrap(), 1);

    let error = group.get("22").await.unwrap_err();
    assert!(error.is_getter() && !error.is_encode(), "{error}");
    assert!(
        error
            .getter_message()
            .unwrap()
            .ends_with("Odd: the number is even"),
        "{error}"
    );

    let error = group.set("1", &2).await.unwrap_err();
    assert!(error.is_encode() && !error.is_getter(), "{error}");
    assert_eq!(group.entry("1").await.unwrap().source(), Source::Main);
}

#[tokio::test]
async fn a_set_takes_a_value_or_a_reference_with_or_without_an_expiry() {
    let users = lonely_node()
        .await
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    let minute = Duration::from_secs(60);
    users.set("a", user("x")).await.unwrap();
    users.set("b", &user("x")).await.unwrap();
    let value = TypedValue::from(user("x")).expires_in(minute);
    users.set("c", value.clone()).await.unwrap();
    users.set("d", &value.into_inner()).await.unwrap();
    let value = user("x");
    let borrowed = TypedValue::from(&value).expires_in(minute);
    users.set("e", borrowed).await.unwrap();
    for key in ["a", "b", "c", "d", "e"] {
        let entry = users.entry(key).await.unwrap();
        assert_eq!(entry.value(), &user("x"), "{key}");
        assert_eq!(entry.fresh_until().is_some(), ["c", "e"].contains(&key));
    }
}

#[tokio::test]
async fn the_type_of_the_values_is_known_from_the_getter_whatever_its_form() {
    let node = lonely_node().await;
    let closure = |key: Key| async move { Ok::<_, Infallible>(user(&key.to_string())) };
    let by_closure = node.typed_group("a", MIB, Json, closure).build().unwrap();
    let by_function = node.typed_group("b", MIB, Json, load_user);
    let by_function = by_function
        .ttl(Duration::from_secs(9))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();
    let expiring = |key: Key| async move {
        let value = TypedValue::from(user(&key.to_string()));
        Ok::<_, Infallible>(value.never_expires())
    };
    let by_expiring = node.typed_group("c", MIB, Json, Expiring(expiring));
    let by_expiring = by_expiring.build().unwrap();

    // JSON is the codec that need not be named.
    let groups: [TypedGroup<User>; 3] = [by_closure, by_function, by_expiring];
    for group in groups {
        assert_eq!(group.get("ada").await.unwrap(), user("ada"));
    }
}

#[tokio::test]
async fn a_typed_group_can_do_what_a_group_can() {
    let cluster = Cluster::start(3).await.unwrap();
    let users = cluster.typed_group("users", MIB, Json, load_user).unwrap();
    let (group, calls) = (&users[0], || {
        let stats = users.iter().map(TypedGroup::stats);
        stats.sum::<groupcache::Stats>().getter_calls
    });
    assert_eq!((group.name(), group.peers().len()), ("users", 3));
    group.warm_up("ada").await.unwrap();
    assert_eq!(calls(), 1);
    assert_eq!(group.get("ada").await.unwrap(), user("ada"));
    assert_eq!(calls(), 1);
    for remove in [group.remove_many(["ada", "bob"]).await, group.clear().await] {
        remove.unwrap();
    }
    let entries: usize = users.iter().map(|group| group.usage().entries).sum();
    assert_eq!(entries, 0);
    group.set_budget(MIB / 2);
    assert_eq!(group.usage().budget, MIB / 2);
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_peers_not_found_passes_through_the_getter_of_a_typed_group() {
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Failed(#[from] anyhow::Error);

    let cluster = Cluster::start(2).await.unwrap();
    let rows = cluster
        .group("rows", MIB, |_: Key| async { Err::<Vec<u8>, _>(NotFound) })
        .unwrap();
    let row = cluster.key_owned_by(1, "k");
    let asks_a_peer = rows[0].clone();
    let users = cluster
        .node(0)
        .typed_group("users", MIB, Json, move |_: Key| {
            let (rows, row) = (asks_a_peer.clone(), row.clone());
            async move {
                let bytes = rows.get(&row).await.map_err(anyhow::Error::from)?;
                Ok::<_, Failed>(user(&bytes.to_str_lossy()))
            }
        })
        .build()
        .unwrap();
    let own = cluster.key_owned_by(0, "own");
    let error = users.get(&own).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(rows[1].stats().getter_calls, 1, "the peer was asked");
    cluster.shutdown().await;
}

#[tokio::test]
async fn bytes_that_do_not_decode_are_a_miss_that_is_counted() {
    let users = lonely_node()
        .await
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    users.group().set("ada", "not JSON").await.unwrap();

    let entry = users.entry("ada").await.unwrap();
    assert_eq!(
        (entry.value(), entry.source()),
        (&user("ada"), Source::Origin)
    );
    assert_eq!(users.entry("ada").await.unwrap().source(), Source::Main);
    let stats = users.stats();
    assert_eq!((stats.undecodable, stats.getter_calls), (1, 1));
    assert_eq!((stats.gets, stats.failed), (2, 0));
}

#[tokio::test]
async fn a_peek_at_bytes_that_do_not_decode_finds_nothing_and_loads_nothing() {
    let users = lonely_node()
        .await
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    users.group().set("ada", "not JSON").await.unwrap();
    let peek = GetOptions::default().mode(Mode::Peek);
    let error = users.get_with_options("ada", peek).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let stats = users.stats();
    assert_eq!((stats.undecodable, stats.getter_calls), (1, 0));
    assert_eq!(stats.entries, 0, "the bytes are forgotten");
}

#[tokio::test]
async fn a_load_in_place_of_bytes_that_do_not_decode_keeps_to_the_callers_time_limit() {
    let users = lonely_node()
        .await
        .typed_group("users", MIB, Json, |_: Key| async {
            std::future::pending::<Result<User, Infallible>>().await
        })
        .build()
        .unwrap();
    users.group().set("ada", "not JSON").await.unwrap();
    let brief = GetOptions::default().timeout(Duration::from_millis(1));
    assert!(
        users
            .get_with_options("ada", brief)
            .await
            .unwrap_err()
            .is_timeout()
    );
}

#[tokio::test]
async fn a_getter_that_fails_in_place_of_bytes_that_do_not_decode_says_so() {
    let users = lonely_node()
        .await
        .typed_group("users", MIB, Json, |_| async { Err::<User, _>(NotFound) })
        .build()
        .unwrap();
    users.group().set("ada", "not JSON").await.unwrap();
    assert!(users.get("ada").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_codec_that_cannot_read_what_it_wrote_is_an_error() {
    /// Reads nothing.
    struct WriteOnly;

    impl Codec<u8> for WriteOnly {
        type EncodeError = Infallible;
        type DecodeError = NotFound;

        fn encode(&self, value: &u8) -> Result<ByteView, Infallible> {
            Ok(vec![*value].into())
        }

        fn decode(&self, _: ByteView) -> Result<u8, NotFound> {
            Err(NotFound)
        }
    }

    let group = lonely_node()
        .await
        .typed_group("g", MIB, WriteOnly, |_: Key| async {
            Ok::<_, Infallible>(1)
        })
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = group.get("k").await.unwrap_err();
        assert!(error.is_decode() && !error.is_getter(), "{error}");
        assert!(error.source().unwrap().is::<NotFound>());
        let text = error.to_string();
        assert!(text.contains("u8") && text.contains("WriteOnly"), "{text}");
    }
}

/// A node of an old version of the program, whose bytes the new one cannot decode.
fn old_version(node: &Node) -> Group {
    let getter = |_: Key| async { Ok::<_, Infallible>("<user/>") };
    node.group("users", MIB, getter).build().unwrap()
}

#[tokio::test]
async fn while_the_owner_runs_an_old_version_a_new_node_loads_for_itself() {
    let cluster = Cluster::start(2).await.unwrap();
    let owners = old_version(cluster.node(1));
    let users = cluster
        .node(0)
        .typed_group("users", MIB, Json, load_user)
        .promoter(groupcache::Always)
        .build()
        .unwrap();
    let key = cluster.key_owned_by(1, "k");

    for expected in [Source::Origin, Source::Main] {
        let entry = users.entry(&key).await.unwrap();
        assert_eq!((entry.value(), entry.source()), (&user(&key), expected));
    }
    assert_eq!(owners.get(&key).await.unwrap(), "<user/>", "unharmed");
    let stats = users.stats();
    assert_eq!((stats.getter_calls, stats.undecodable), (1, 1));

    // A removal by the old node reaches the new one's own value too.
    owners.remove(&key).await.unwrap();
    assert_eq!(users.entry(&key).await.unwrap().source(), Source::Origin);
    assert_eq!(users.stats().getter_calls, 2);
    cluster.shutdown().await;
}

#[tokio::test]
async fn bytes_that_a_former_owner_hands_over_and_that_do_not_decode_are_loaded_anew() {
    let cluster = Cluster::start(2).await.unwrap();
    let old = old_version(cluster.node(1));
    let users = cluster
        .node(0)
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    let key = cluster.key_owned_by(1, "k");
    assert_eq!(old.get(&key).await.unwrap(), "<user/>");

    // The new node takes the key over, and asks its former owner.
    let former = cluster.node(1).member().id().to_owned();
    assert!(cluster.node(0).remove_peer(&former).unwrap());
    let entry = users.entry(&key).await.unwrap();
    assert_eq!(
        (entry.value(), entry.source()),
        (&user(&key), Source::Origin)
    );
    assert_eq!(users.stats().undecodable, 1, "the bytes were handed over");
    assert_eq!(users.entry(&key).await.unwrap().source(), Source::Main);
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_task_may_take_a_stream_of_typed_values() {
    let lengths = lonely_node()
        .await
        .typed_group("lengths", MIB, Json, |key: Key| async move {
            Ok::<_, Infallible>(key.len())
        });
    let lengths = lengths.build().unwrap();
    lengths.group().set("abc", "no number").await.unwrap();
    let stream = {
        let (lengths, words) = (
            lengths.clone(),
            ["a", "ab", "abc"].map(str::to_owned).to_vec(),
        );
        lengths.get_many_stream(&words, GetOptions::default())
    };
    assert_eq!(stream.size_hint(), (3, Some(3)));
    let found = tokio::spawn(stream.collect::<Vec<_>>()).await.unwrap();
    let found = found
        .into_iter()
        .map(|(index, entry)| (index, *entry.unwrap().value()));
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    assert_eq!(found, [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(lengths.stats().undecodable, 1);
}
