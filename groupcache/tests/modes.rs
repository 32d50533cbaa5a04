//! How far a get goes, warm-ups, and the lifetime of a value set on another node, over every
//! protocol.

mod common;

use std::time::Duration;

use common::{Calls, MIB};
use groupcache::testing::Cluster;
use groupcache::{
    GetOptions, Group, GroupBuilder, ManualClock, Mode, Never, Protocol, Source, Value,
};

/// Two nodes, whose getters are counted apart, and a key that the second one owns.
struct Pair {
    _cluster: Cluster,
    clock: ManualClock,
    groups: Vec<Group>,
    calls: [Calls; 2],
    key: String,
}

async fn pair(protocol: Protocol, configure: fn(GroupBuilder) -> GroupBuilder) -> Pair {
    let clock = ManualClock::new();
    let shared = clock.clone();
    let cluster = Cluster::builder(2)
        .protocol(protocol)
        .configure(move |node| node.clock(shared.clone()))
        .start()
        .await
        .unwrap();
    let calls = [Calls::default(), Calls::default()];
    let group = |n: usize| {
        let group = cluster.node(n).group("g", MIB, calls[n].echo());
        configure(group.promoter(Never)).build().unwrap()
    };
    Pair {
        groups: vec![group(0), group(1)],
        key: cluster.key_owned_by(1, "k"),
        _cluster: cluster,
        clock,
        calls,
    }
}

impl Pair {
    fn calls(&self) -> [u64; 2] {
        [0, 1].map(|n| self.calls[n].count())
    }

    async fn source(&self, mode: Mode) -> Result<Source, groupcache::Error> {
        let options = GetOptions::default().mode(mode);
        let entry = self.groups[0].get_with_options(&self.key, options).await?;
        Ok(entry.source())
    }
}

/// Whether the protocol can ask for a cached value without a load.
fn peeks(protocol: Protocol) -> bool {
    use Protocol::{Galaxycache, GalaxycacheGrpc, Native};
    matches!(protocol, Native | Galaxycache | GalaxycacheGrpc)
}

#[tokio::test]
async fn a_peek_finds_the_owners_copy_or_says_that_the_protocol_cannot_ask() {
    for &protocol in Protocol::ALL {
        let pair = pair(protocol, |group| group).await;
        let error = pair.source(Mode::Peek).await.unwrap_err();
        assert_eq!(error.is_not_found(), peeks(protocol), "{protocol}");
        assert_eq!(error.is_unsupported(), !peeks(protocol), "{protocol}");
        assert_eq!(pair.calls(), [0, 0], "{protocol}");
        pair.groups[1].get(&pair.key).await.unwrap();
        let found = pair.source(Mode::Peek).await;
        assert_eq!(found.is_ok(), peeks(protocol), "{protocol}");
        assert_eq!(pair.calls(), [0, 1], "{protocol}");
    }
}

#[tokio::test]
async fn without_peer_loads_the_owners_copy_is_taken_or_the_value_loaded_here() {
    for &protocol in Protocol::ALL {
        let cold = pair(protocol, |group| group).await;
        let source = cold.source(Mode::NoPeerLoad).await.unwrap();
        assert_eq!(
            (source, cold.calls()),
            (Source::Origin, [1, 0]),
            "{protocol}"
        );

        let warm = pair(protocol, |group| group).await;
        warm.groups[1].get(&warm.key).await.unwrap();
        let source = warm.source(Mode::NoPeerLoad).await.unwrap();
        let expected = match peeks(protocol) {
            true => (Source::Peer, [0, 1]),
            false => (Source::Origin, [1, 1]),
        };
        assert_eq!((source, warm.calls()), expected, "{protocol}");
    }
}

#[tokio::test]
async fn a_warm_up_has_the_owner_load_once_and_keeps_nothing_here() {
    for &protocol in Protocol::ALL {
        let pair = pair(protocol, |group| group).await;
        for _ in 0..2 {
            pair.groups[0].warm_up(&pair.key).await.unwrap();
        }
        assert_eq!(pair.calls(), [0, 1], "{protocol}");
        let entries = [0, 1].map(|n| pair.groups[n].stats().entries);
        assert_eq!(entries, [0, 1], "{protocol}");
    }
}

#[tokio::test]
async fn what_is_set_on_another_node_lives_as_long_as_it_was_said_to() {
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let minute = Duration::from_secs(60);
        let pair = pair(protocol, |group| group.ttl(Duration::from_secs(60))).await;
        let (group, key) = (&pair.groups[0], &pair.key);
        for (value, gone_after) in [
            (Value::from("as the group says"), Some(minute)),
            (
                Value::from("long").expires_in(10 * minute),
                Some(10 * minute),
            ),
            (Value::from("very long").expires_in(Duration::MAX), None),
            (Value::from("for ever").never_expires(), None),
        ] {
            let text = value.view().clone();
            group.set(key, value).await.unwrap();
            let almost = gone_after.map_or(10_000 * minute, |after| after - minute / 2);
            pair.clock.advance(almost);
            assert_eq!(pair.groups[1].get(key).await.unwrap(), text, "{protocol}");
            if gone_after.is_some() {
                pair.clock.advance(minute);
                let calls = pair.calls[1].count();
                assert_ne!(pair.groups[1].get(key).await.unwrap(), text, "{protocol}");
                assert_eq!(pair.calls[1].count(), calls + 1, "{protocol}");
            }
        }
    }
}
