//! How long a value has yet to live, from node to node: without a common clock under native, and by moments under the
//! protocols that have no durations, whose peers' clocks are measured.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use peers::testing::Network;
use peers::{
    BoxFuture, ClockSkew, Error, Expiry, GetManyRequest, GetMode, GetRequest, HttpOptions,
    PeerClient, PeerService, Protocol, Reply, Server, SetRequest, WallClock,
};
use support::log::Log;
use support::{SERVER, dial, get, serve, value};
use tokio::time::sleep;
use tracing_subscriber::filter::LevelFilter;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A peer whose values all have the same expiry when their loads end, and which notes the expiries of sets.
struct Peer {
    expiry: Option<Expiry>,
    load: Duration,
    set: Arc<Mutex<Vec<Option<Expiry>>>>,
}

impl PeerService for Peer {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            sleep(self.load).await;
            Ok(Reply {
                expiry: self.expiry,
                ..value(request.key)
            })
        })
    }

    fn get_cached(&self, request: GetRequest<'_>) -> Option<Result<Reply, Error>> {
        self.load.is_zero().then(|| {
            Ok(Reply {
                expiry: self.expiry,
                ..value(request.key)
            })
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.set.lock().unwrap().push(request.expiry);
        Box::pin(async { Ok(()) })
    }
}

/// A clock that is so far behind the system's.
fn behind(by: Duration) -> WallClock {
    WallClock::of(move || SystemTime::now() - by)
}

/// A peer with a clock of its own, and its client, whose node has the system's.
struct Pair {
    client: Arc<dyn PeerClient>,
    network: Network,
    set: Arc<Mutex<Vec<Option<Expiry>>>>,
    _server: Server,
}

impl Pair {
    fn new(
        protocol: Protocol,
        stream: bool,
        clock: WallClock,
        expiry: Expiry,
        load: Duration,
    ) -> Self {
        let (network, set) = (Network::new(), Arc::default());
        let peer = Peer {
            expiry: Some(expiry),
            load,
            set: Arc::clone(&set),
        };
        let options = HttpOptions::default().wall_clock(clock);
        let (server, _) = serve(&network, protocol, options, peer);
        let options = HttpOptions::default().multiplexing(stream);
        Self {
            client: dial(&network, protocol, options),
            network,
            set,
            _server: server,
        }
    }

    async fn expiry(&self, key: &[u8]) -> Option<Expiry> {
        self.client.get(get(key)).await.unwrap().expiry
    }

    async fn set(&self, expiry: Option<Expiry>) {
        let request = SetRequest {
            group: "g",
            key: b"k",
            value: "new".into(),
            expiry,
            stamp: None,
            known: &[],
        };
        self.client.set(request).await.unwrap();
    }
}

fn life(expiry: Option<Expiry>) -> Duration {
    match expiry {
        Some(Expiry::In(life)) => life,
        other => panic!("{other:?} and no duration"),
    }
}

/// As a node finds out what the way took, though neither clock tells: it takes off no more than the whole way there and back.
#[tokio::test(start_paused = true)]
async fn native_takes_off_what_the_way_took_and_not_what_the_load_took() {
    let delay = Duration::from_millis(500);
    for (stream, load) in [(true, 0), (true, 5), (false, 0), (false, 5)] {
        let hour = 60 * MINUTE;
        let (minute, load) = (Expiry::In(MINUTE), load * SECOND);
        let pair = Pair::new(Protocol::Native, stream, behind(hour), minute, load);
        let at_once = life(pair.expiry(b"k").await);
        assert!(
            at_once <= MINUTE && at_once > MINUTE - SECOND / 10,
            "{at_once:?}"
        );
        pair.network.delay(delay);
        let later = life(pair.expiry(b"k").await);
        // Of the way there and back: the way back at least.
        let most = MINUTE - delay;
        assert!(
            later <= most && later >= most - 2 * delay,
            "{stream} {load:?} {later:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn native_takes_it_off_each_of_several_values_too() {
    let delay = Duration::from_millis(500);
    for stream in [true, false] {
        let (minute, load) = (Expiry::In(MINUTE), 5 * SECOND);
        let pair = Pair::new(Protocol::Native, stream, WallClock::default(), minute, load);
        pair.expiry(b"k").await;
        pair.network.delay(delay);
        let keys: &[&[u8]] = &[b"a", b"b"];
        let request = GetManyRequest {
            group: "g",
            keys,
            mode: GetMode::Load,
            known: &[],
        };
        let answers = pair.client.get_many(request).await.unwrap().answers;
        assert_eq!(answers.len(), 2);
        for answer in answers {
            let life = life(answer.unwrap().unwrap().expiry);
            let most = MINUTE - delay;
            // The peer's default asks for one value after the other.
            let least = most - 2 * delay - load;
            assert!((least..=most).contains(&life), "{stream} {life:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn native_says_never_and_the_end_as_they_are() {
    for stream in [true, false] {
        for said in [Expiry::In(Duration::MAX), Expiry::In(Duration::ZERO)] {
            let pair = Pair::new(Protocol::Native, stream, behind(MINUTE), said, SECOND);
            pair.network.delay(SECOND / 10);
            let came = pair.expiry(b"k").await;
            match said {
                Expiry::In(Duration::MAX) => assert_eq!(came, Some(said)),
                _ => assert_eq!(came, Some(said)),
            }
            pair.set(Some(said)).await;
            pair.set(None).await;
            assert_eq!(*pair.set.lock().unwrap(), [Some(said), None]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_native_set_lives_as_long_at_a_peer_whose_clock_is_wrong() {
    for stream in [true, false] {
        let never = Expiry::In(Duration::MAX);
        let pair = Pair::new(Protocol::Native, stream, behind(60 * MINUTE), never, SECOND);
        pair.set(Some(Expiry::In(MINUTE))).await;
        // A moment is read by the clock of the node that sets the value.
        pair.set(Some(Expiry::At(SystemTime::now() + MINUTE))).await;
        for expiry in pair.set.lock().unwrap().iter() {
            let life = life(*expiry);
            assert!(life <= MINUTE && life > MINUTE - 10 * SECOND, "{life:?}");
        }
    }
}

/// The connection is being made while the set waits.
#[tokio::test(start_paused = true)]
async fn a_native_set_that_waits_for_its_connection_has_less_time_left() {
    for stream in [true, false] {
        let never = Expiry::In(Duration::MAX);
        let pair = Pair::new(
            Protocol::Native,
            stream,
            WallClock::default(),
            never,
            SECOND,
        );
        pair.network.delay(SECOND / 4);
        pair.set(Some(Expiry::In(MINUTE))).await;
        let waited = MINUTE - life(pair.set.lock().unwrap()[0]);
        let expected = if stream { SECOND / 2 } else { Duration::ZERO };
        assert!(
            waited >= expected && waited < 2 * SECOND,
            "{stream}: {waited:?}"
        );
    }
}

const OF_MOMENTS: [Protocol; 3] = [
    Protocol::Mailgun,
    Protocol::GroupcacheGo,
    Protocol::Galaxycache,
];

#[tokio::test(start_paused = true)]
async fn the_other_protocols_say_a_moment_of_the_owners_clock() {
    for protocol in OF_MOMENTS {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let clock = WallClock::of(move || moment);
        let pair = Pair::new(protocol, true, clock, Expiry::In(MINUTE), SECOND);
        let expiry = pair.expiry(b"k").await;
        assert_eq!(expiry, Some(Expiry::At(moment + MINUTE)), "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_a_peer_that_says_moments_is_measured_and_a_wrong_one_logged_once() {
    for protocol in OF_MOMENTS {
        let log = Log::of(LevelFilter::WARN);
        let network = Network::new();
        let peer = Peer {
            expiry: None,
            load: Duration::ZERO,
            set: Arc::default(),
        };
        let (_server, _) = serve(&network, protocol, HttpOptions::default(), peer);
        let options = HttpOptions::default().wall_clock(behind(5 * MINUTE));
        let client = dial(&network, protocol, options);
        assert_eq!(client.clock(), None, "{protocol}: no answer has told");
        for _ in 0..3 {
            client.get(get(b"k")).await.unwrap();
        }
        let skew = client.clock().unwrap();
        assert!(skew.is_large(), "{protocol}: {skew:?}");
        let ahead_ms = skew.ahead_ms - 300_000;
        assert!(
            ahead_ms.unsigned_abs() <= skew.uncertainty_ms + 50,
            "{skew:?}"
        );
        let lines = log.lines("a peer has another time");
        assert!(lines.len() == 1 && lines[0].contains(SERVER), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_measured_where_no_moments_are_said() {
    for (protocol, stream) in [
        (Protocol::Native, true),
        (Protocol::Native, false),
        (Protocol::Golang, false),
    ] {
        let minute = Expiry::In(MINUTE);
        let pair = Pair::new(protocol, stream, WallClock::default(), minute, SECOND);
        pair.expiry(b"k").await;
        let none: Option<ClockSkew> = None;
        assert_eq!(pair.client.clock(), none);
    }
}
