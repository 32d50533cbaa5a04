//! Values that expire, on nodes whose wall clocks are minutes apart, or jump.

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use common::{Calls, MIB};
use groupcache::testing::Network;
use groupcache::{
    Always, Getter, Group, HttpOptions, Key, ManualClock, Node, Protocol, Source, Value, WallClock,
};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
const HOSTS: [&str; 2] = ["10.0.0.1:80", "10.0.0.2:80"];

/// A wall clock that is wrong by so many seconds, or set anew.
#[derive(Clone, Default)]
struct Wrong(Arc<AtomicI64>);

impl Wrong {
    fn by(seconds: i64) -> Self {
        let clock = Self::default();
        clock.set(seconds);
        clock
    }

    fn set(&self, seconds: i64) {
        self.0.store(seconds, SeqCst);
    }

    fn clock(&self) -> WallClock {
        let clock = self.clone();
        WallClock::of(move || clock.now())
    }

    fn now(&self) -> SystemTime {
        let seconds = self.0.load(SeqCst);
        let distance = Duration::from_secs(seconds.unsigned_abs());
        match seconds {
            0.. => SystemTime::now() + distance,
            _ => SystemTime::now() - distance,
        }
    }
}

/// Two nodes, a key that the second one owns, and the clock by which both age.
struct Pair {
    nodes: Vec<Node>,
    groups: Vec<Group>,
    key: String,
    clock: ManualClock,
}

impl Pair {
    async fn new(
        (protocol, stream): (Protocol, bool),
        wrong: [&Wrong; 2],
        getter: impl Getter + Clone,
    ) -> Self {
        let (network, clock) = (Network::new(), ManualClock::new());
        let urls = HOSTS.map(|host| format!("http://{host}"));
        let (mut nodes, mut groups) = (Vec::new(), Vec::new());
        for (place, host) in HOSTS.iter().enumerate() {
            let http = HttpOptions::default().connector(network.connector(host));
            let node = Node::builder(&urls[place])
                .peers(&urls)
                .protocol(protocol)
                .http(http.multiplexing(stream))
                .clock(clock.clone())
                .wall_clock(wrong[place].clock())
                .listener(network.listen(host).unwrap());
            let node = node.start().await.unwrap();
            let group = node.group("g", MIB, getter.clone()).promoter(Always);
            groups.push(group.build().unwrap());
            nodes.push(node);
        }
        let is_others = |key: &String| nodes[0].owner(key).unwrap().url() == urls[1];
        let key = (0..).map(|n| format!("k{n}")).find(is_others).unwrap();
        Self {
            nodes,
            groups,
            key,
            clock,
        }
    }

    async fn source(&self, node: usize) -> Source {
        self.groups[node].entry(&self.key).await.unwrap().source()
    }
}

/// Values that live for a minute.
fn for_a_minute(calls: &Calls) -> impl Getter + Clone {
    let calls = calls.clone();
    move |_: Key| {
        calls.add_one();
        async { Ok::<_, Infallible>(Value::from("v").expires_in(MINUTE)) }
    }
}

const NATIVE: [(Protocol, bool); 2] = [(Protocol::Native, true), (Protocol::Native, false)];

#[tokio::test(start_paused = true)]
async fn a_mirror_lives_as_long_as_its_value_though_a_clock_is_wrong_or_jumps() {
    for form in NATIVE {
        for seconds in [0, 600, -600] {
            let (owners, calls) = (Wrong::by(seconds), Calls::default());
            let right = Wrong::default();
            let pair = Pair::new(form, [&right, &owners], for_a_minute(&calls)).await;
            assert_eq!(pair.source(0).await, Source::Peer);
            pair.clock.advance(MINUTE - SECOND);
            for jump in [0, 3600, -3600] {
                right.set(jump);
                owners.set(-jump);
                assert_eq!(
                    pair.source(0).await,
                    Source::Hot,
                    "{form:?} {seconds} {jump}"
                );
            }
            pair.clock.advance(SECOND);
            assert_eq!(pair.source(0).await, Source::Peer, "{form:?} {seconds}");
            assert_eq!(calls.count(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_is_kept_as_long_as_it_was_said_though_a_clock_is_wrong_or_jumps() {
    for form in NATIVE {
        for seconds in [600, -600] {
            let (owners, calls) = (Wrong::by(seconds), Calls::default());
            let right = Wrong::default();
            let pair = Pair::new(form, [&right, &owners], for_a_minute(&calls)).await;
            let value = Value::from("set").expires_in(2 * MINUTE);
            pair.groups[0].set(&pair.key, value).await.unwrap();
            owners.set(-seconds);
            pair.clock.advance(2 * MINUTE - SECOND);
            assert_eq!(pair.groups[1].get(&pair.key).await.unwrap(), "set");
            assert_eq!(pair.source(1).await, Source::Main, "{form:?} {seconds}");
            pair.clock.advance(SECOND);
            assert_eq!(pair.source(1).await, Source::Origin, "{form:?} {seconds}");
        }
    }
}

/// A moment that a node's own clock has named is one of that clock, and goes to others as what is left until then.
#[tokio::test(start_paused = true)]
async fn a_moment_of_the_owners_clock_is_none_of_the_askers() {
    for form in NATIVE {
        let (owners, right) = (Wrong::by(600), Wrong::default());
        let clock = owners.clone();
        let getter = move |_: Key| {
            let moment = clock.now() + MINUTE;
            async move { Ok::<_, Infallible>(Value::from("v").expires_at(moment)) }
        };
        let pair = Pair::new(form, [&right, &owners], getter).await;
        assert_eq!(pair.source(0).await, Source::Peer);
        pair.clock.advance(MINUTE / 2);
        assert_eq!(pair.source(0).await, Source::Hot, "{form:?}");
        pair.clock.advance(MINUTE / 2 + SECOND);
        assert_eq!(pair.source(0).await, Source::Peer, "{form:?}");

        let moment = right.now() + 3 * MINUTE;
        let value = Value::from("set").expires_at(moment);
        pair.groups[0].set(&pair.key, value).await.unwrap();
        pair.clock.advance(2 * MINUTE);
        assert_eq!(pair.source(1).await, Source::Main, "{form:?}");
        pair.clock.advance(MINUTE);
        assert_eq!(pair.source(1).await, Source::Origin, "{form:?}");
    }
}

/// As after the sleep of a machine, in which no other clock went on.
#[tokio::test(start_paused = true)]
async fn a_group_with_moments_forgets_its_values_when_the_wall_clock_goes_ahead() {
    let (wrong, other, calls) = (Wrong::default(), Wrong::default(), Calls::default());
    let until = {
        let (clock, calls) = (wrong.clone(), calls.clone());
        move |_: Key| {
            calls.add_one();
            let value = Value::from("v").expires_at(clock.now() + MINUTE);
            async { Ok::<_, Infallible>(value) }
        }
    };
    let pair = Pair::new(NATIVE[0], [&wrong, &other], until).await;
    let node = &pair.nodes[0];
    node.set_peers([node.member().clone()]).unwrap();
    let without = node.group("without moments", MIB, for_a_minute(&calls));
    let (with, without) = (&pair.groups[0], &without.build().unwrap());
    let source = async |group: &Group| group.entry("k").await.unwrap().source();
    for group in [with, without] {
        assert_eq!(source(group).await, Source::Origin);
        assert_eq!(source(group).await, Source::Main);
    }
    wrong.set(120);
    tokio::time::sleep(SECOND).await;
    assert_eq!(source(with).await, Source::Origin);
    assert_eq!(source(without).await, Source::Main);

    // A clock that goes back lets nobody wait longer.
    wrong.set(0);
    tokio::time::sleep(SECOND).await;
    assert_eq!(source(with).await, Source::Main);
    pair.clock.advance(MINUTE);
    assert_eq!(source(with).await, Source::Origin);
}

#[tokio::test(start_paused = true)]
async fn a_protocol_of_moments_has_its_peers_clocks_reported() {
    for protocol in [
        Protocol::Mailgun,
        Protocol::GroupcacheGo,
        Protocol::Galaxycache,
    ] {
        let (behind, right, calls) = (Wrong::by(-300), Wrong::default(), Calls::default());
        let pair = Pair::new((protocol, false), [&behind, &right], for_a_minute(&calls)).await;
        let clock = |node: usize, place: usize| {
            let report = pair.nodes[node].report();
            let url = format!("http://{}", HOSTS[place]);
            let mut peers = report.ring.peers.into_iter();
            peers.find(|peer| peer.member.url() == url).unwrap().clock
        };
        assert_eq!([clock(0, 0), clock(0, 1)], [None, None]);
        assert_eq!(pair.source(0).await, Source::Peer, "{protocol}");
        let skew = clock(0, 1).unwrap();
        let wrong_by = skew.ahead_ms.abs_diff(300_000);
        assert!(
            skew.is_large() && wrong_by <= skew.uncertainty_ms + 100,
            "{protocol}: {skew:?}"
        );
        // The owner has asked for nothing, or for what the other one has in memory.
        assert!(clock(1, 0).is_none_or(|skew| !skew.is_large()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_protocol_of_moments_does_well_between_clocks_that_agree() {
    for protocol in [Protocol::Mailgun, Protocol::GroupcacheGo] {
        let (ahead, calls) = (Wrong::by(600), Calls::default());
        let form = (protocol, false);
        let pair = Pair::new(form, [&ahead, &ahead], for_a_minute(&calls)).await;
        assert_eq!(pair.source(0).await, Source::Peer);
        pair.clock.advance(MINUTE / 2);
        assert_eq!(pair.source(0).await, Source::Hot, "{protocol}");
        pair.clock.advance(MINUTE);
        assert_eq!(pair.source(0).await, Source::Peer, "{protocol}");
        let value = Value::from("set").expires_in(2 * MINUTE);
        pair.groups[0].set(&pair.key, value).await.unwrap();
        pair.clock.advance(MINUTE);
        assert_eq!(pair.source(1).await, Source::Main, "{protocol}");
    }
}
