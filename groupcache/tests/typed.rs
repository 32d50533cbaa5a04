//! Groups of values that are not bytes.

mod common;

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{MIB, lonely_node, lonely_node_at};
use groupcache::testing::Cluster;
use groupcache::{
    ByteView, Codec, GetOptions, GetterError, Json, Key, ManualClock, MessagePack, Mode, NotFound,
    Protobuf, Raw, Source, Text, TypedGroup, TypedValue,
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
        found.get_with("ada", peek).await.unwrap().into_value(),
        user("ada")
    );
    assert!(
        found
            .get_with("bob", peek)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn settings_and_values_have_their_say_on_expiry() {
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let of_group: TypedGroup<User, MessagePack> = node
        .typed_group("a", MIB, MessagePack, load_user)
        .ttl(Duration::from_secs(10))
        .build()
        .unwrap();
    let of_value: TypedGroup<String, Text> = node
        .typed_group("b", MIB, Text, |key: Key| async move {
            let text = TypedValue::from(key.to_string());
            Ok::<_, Infallible>(match &*key {
                b"never" => text.never_expires(),
                _ => text.expires_in(Duration::from_secs(3)),
            })
        })
        .ttl(Duration::from_secs(10))
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
async fn bytes_that_do_not_decode_are_an_error_once_and_then_loaded_anew() {
    let users: TypedGroup<User, Json> = lonely_node()
        .await
        .typed_group("users", MIB, Json, load_user)
        .build()
        .unwrap();
    users.group().set("ada", "not JSON").await.unwrap();

    let error = users.get("ada").await.unwrap_err();
    assert!(error.is_decode() && !error.is_getter() && !error.is_encode());
    assert!(error.source().unwrap().is::<serde_json::Error>());
    let text = error.to_string();
    assert!(
        text.contains("User") && text.contains("Json") && text.contains("expected"),
        "{text}"
    );

    let entry = users.entry("ada").await.unwrap();
    assert_eq!(
        (entry.value(), entry.source()),
        (&user("ada"), Source::Origin)
    );
}

#[tokio::test]
async fn a_peers_bytes_that_do_not_decode_are_not_mirrored_for_long() {
    let cluster = Cluster::start(2).await.unwrap();
    // The owner runs another version of the program, until it is replaced.
    let replaced = Arc::new(AtomicBool::new(false));
    let is_new = Arc::clone(&replaced);
    let owners = cluster
        .node(1)
        .group("users", MIB, move |_: Key| {
            let is_new = is_new.load(Ordering::SeqCst);
            async move {
                Ok::<_, Infallible>(if is_new {
                    r#"{"name":"ada","age":42}"#
                } else {
                    "<user/>"
                })
            }
        })
        .build()
        .unwrap();
    let users: TypedGroup<User, Json> = cluster
        .node(0)
        .typed_group("users", MIB, Json, load_user)
        .promoter(groupcache::Always)
        .build()
        .unwrap();
    let key = cluster.key_owned_by(1, "k");

    assert!(users.get(&key).await.unwrap_err().is_decode());
    assert_eq!(users.group().stats().entries, 0, "the mirror is gone");
    assert_eq!(owners.stats().entries, 1, "the owner's is not");

    replaced.store(true, Ordering::SeqCst);
    // The owner forgets it, also where the protocol cannot tell its peers to.
    let _ = owners.remove(&key).await;
    let entry = users.entry(&key).await.unwrap();
    assert_eq!(
        (entry.value(), entry.source()),
        (&user("ada"), Source::Peer)
    );
    assert_eq!(users.entry(&key).await.unwrap().source(), Source::Hot);
    cluster.shutdown().await;
}
