//! The lifetime of values, by the machine's clock. A test looks once at a value with a long life.
//! It asks for a value with a short life until that life has ended.

use std::time::{Duration, Instant};

use groupcache::Value;
use tokio::time::timeout;

use crate::mixed::{GO, Mixed, NODES};
use crate::program::Program;
use crate::source::value_of;

/// A lifetime far longer than a test.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(200);
/// A time-out for short lives. A life that takes longer has no end.
const LIMIT: Duration = Duration::from_secs(30);

/// Whether a moment is one that lies [`LONG`] after a short time ago.
fn is_long_from_now(moment: Option<Instant>) -> bool {
    let left = moment.map(|moment| moment.saturating_duration_since(Instant::now()));
    left.is_some_and(|left| LONG - LIMIT < left && left <= LONG)
}

pub async fn a_value_lives_as_long_as_its_owners_getter_says(program: Program) {
    let mixed = Mixed::start_mirroring(program).await;
    for owner in NODES {
        // A mirror knows when its value ends, and serves it until then.
        let key = mixed.key_owned_by(owner, &format!("ttl:{}:", LONG.as_millis()));
        for asked in NODES {
            assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
        }
        for group in &mixed.groups {
            let entry = group.entry(&key).await.unwrap();
            assert!(is_long_from_now(entry.fresh_until()), "{key}: {entry:?}");
        }
        mixed.get(GO, &key).await.unwrap();
        assert_eq!(mixed.loads_of(&key).await.iter().sum::<u64>(), 1, "{key}");

        for asked in NODES {
            let prefix = format!("ttl:{}:{asked}:", SHORT.as_millis());
            let key = mixed.key_owned_by(owner, &prefix);
            // A node whose mirror never expired would not ask the owner again.
            let loaded_again = async {
                while mixed.loads_of(&key).await[owner] < 2 {
                    assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
                }
            };
            let again = timeout(LIMIT, loaded_again).await;
            again.unwrap_or_else(|_| panic!("{key} lives for ever on {asked}"));
        }
    }
}

pub async fn a_value_that_ours_set_lives_as_long_as_they_say(program: Program) {
    let mixed = Mixed::start_mirroring(program).await;
    let [setter, other] = &mixed.groups[..] else {
        unreachable!("two of ours");
    };
    for owner in NODES {
        let key = mixed.key_owned_by(owner, "set for long ");
        let value = Value::from("set").expires_in(LONG);
        setter.set(&key, value).await.unwrap();
        let entry = other.entry(&key).await.unwrap();
        assert_eq!(entry.value(), "set");
        assert!(is_long_from_now(entry.fresh_until()), "{key}: {entry:?}");
        assert_eq!(mixed.get(GO, &key).await.unwrap(), b"set");

        let key = mixed.key_owned_by(owner, "set for a moment ");
        let value = Value::from("set").expires_in(SHORT);
        setter.set(&key, value).await.unwrap();
        ends(&mixed, &key).await;
    }
}

pub async fn a_value_that_a_go_node_sets_lives_as_long_as_it_says(program: Program) {
    let mixed = Mixed::start_mirroring(Program {
        flags: &["--ttl", "200"],
        ..program
    })
    .await;
    for owner in NODES {
        let key = mixed.key_owned_by(owner, "set ");
        mixed.set(GO, key.as_bytes(), "set").await;
        ends(&mixed, &key).await;
    }
}

/// Waits until every node has the getter's value in place of the set value.
async fn ends(mixed: &Mixed, key: &str) {
    for asked in NODES {
        let loaded = async {
            loop {
                let value = mixed.get(asked, key).await.unwrap();
                if value == value_of(key.as_bytes()) {
                    return;
                }
                assert_eq!(value, b"set");
            }
        };
        let loaded = timeout(LIMIT, loaded).await;
        loaded.unwrap_or_else(|_| panic!("{key} lives for ever on {asked}"));
    }
}
