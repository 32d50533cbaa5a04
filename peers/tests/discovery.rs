//! A router that follows a source of members, with paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use peers::testing::{FakePeer, Registry};
use peers::{
    BoxFuture, CircuitOptions, Discovery, DiscoveryDriver, DiscoveryOptions, Error, Member,
    MemberLists, PeerClient, Protocol, Reply, Router, Transport,
};
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

/// A transport that dials nobody, and refuses members whose name says so.
#[derive(Debug)]
struct NoNetwork;

impl Transport for NoNetwork {
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        if member.url().contains("undiallable") {
            return Err(Error::invalid_option("url", "nobody there"));
        }
        Ok(Arc::new(FakePeer::new(|_| Ok(Reply::default()))))
    }
}

/// A member of this name, at an address of its own.
fn member(name: &str) -> Member {
    Member::with_id(name, format!("http://{name}:80")).unwrap()
}

fn members(names: &[&str]) -> Vec<Member> {
    names.iter().map(|name| member(name)).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A node, `me` unless a test says otherwise, that follows a source.
struct Node {
    router: Arc<Router>,
    driver: DiscoveryDriver,
}

impl Node {
    fn with(source: impl Discovery, include_self: bool, options: DiscoveryOptions) -> Self {
        Self::start(member("me"), source, include_self, options)
    }

    fn start(
        this: Member,
        source: impl Discovery,
        include_self: bool,
        options: DiscoveryOptions,
    ) -> Self {
        let (transport, circuit) = (Arc::new(NoNetwork), CircuitOptions::default());
        let router = Router::new(this, Protocol::Native.scheme(), transport, circuit);
        let router = Arc::new(router);
        let follow = DiscoveryDriver::start(
            source,
            Arc::clone(&router),
            Protocol::Native,
            include_self,
            options,
        );
        Self {
            router,
            driver: follow.unwrap(),
        }
    }

    fn of(registry: &Registry) -> Self {
        Self::with(registry.source(), true, DiscoveryOptions::default())
    }

    /// A node whose source somebody else fills.
    fn reading(registry: &Registry) -> Self {
        Self::with(
            registry.read_only_source(),
            true,
            DiscoveryOptions::default(),
        )
    }

    /// The names of the ring's members.
    fn ring(&self) -> String {
        let members = self.router.members();
        let names: Vec<&str> = members.iter().map(Member::id).collect();
        names.join(" ")
    }
}

/// A registry in which `me` and others are, and a node that follows it.
async fn among(others: &[&str]) -> (Registry, Node) {
    let registry = Registry::new();
    registry.say(members(others));
    let node = Node::of(&registry);
    assert!(node.driver.first_list().await);
    // The list that came with the announcement may be a second one.
    sleep(ms(600)).await;
    (registry, node)
}

/// The list with this node in it.
fn with_me(others: &[&str]) -> Vec<Member> {
    let mut list = members(others);
    list.push(member("me"));
    list
}

#[tokio::test(start_paused = true)]
async fn a_node_announces_itself_and_takes_the_first_list_at_once() {
    let registry = Registry::new();
    registry.say(members(&["b", "a"]));
    let (start, node) = (Instant::now(), Node::of(&registry));
    assert!(node.driver.first_list().await);
    assert!(start.elapsed() < ms(10), "{:?}", start.elapsed());
    assert_eq!(node.ring(), "a b me", "in the order of the ids");
    assert!(registry.members().contains(&member("me")));
    let status = node.driver.status();
    assert!(status.joined && !status.failing && status.last_error.is_none());
    assert_eq!(status.members, members(&["a", "b", "me"]));
    sleep(ms(5000)).await;
    assert_eq!(node.driver.status().age.unwrap().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_one_registry_agree_within_a_second_of_each_change() {
    let registry = Registry::new();
    registry.say(members(&["a"]));
    let node = Node::of(&registry);
    node.driver.first_list().await;
    registry.say(with_me(&["a", "b"]));
    sleep(ms(110)).await;
    assert_eq!(node.ring(), "a b me");
    registry.say(with_me(&["a"]));
    sleep(ms(510)).await;
    assert_eq!(node.ring(), "a me");
}

#[tokio::test(start_paused = true)]
async fn an_empty_failing_or_broken_answer_changes_nothing() {
    let registry = Registry::new();
    registry.say(members(&["a", "b"]));
    let node = Node::reading(&registry);
    assert!(node.driver.first_list().await);
    let broken = [
        vec![
            member("a"),
            Member::with_id("a", "http://elsewhere").unwrap(),
            member("c"),
        ],
        vec![Member::with_id("other", "http://me").unwrap(), member("c")],
        vec![member("undiallable")],
    ];
    registry.say([]);
    for lie in broken {
        sleep(ms(20_000)).await;
        assert_eq!(node.ring(), "a b me");
        registry.say(lie);
        sleep(ms(10)).await;
        registry.fail("the disk is full");
        sleep(ms(1500)).await;
        let status = node.driver.status();
        assert!(status.failing);
        let error = status.last_error.unwrap();
        assert_eq!(
            error,
            "cannot learn the members from the registry: the disk is full"
        );
    }
    assert_eq!(node.ring(), "a b me");
    registry.say(with_me(&["a", "c"]));
    sleep(ms(2000)).await;
    assert_eq!(node.ring(), "a b c me");
    sleep(ms(3000)).await;
    assert_eq!(node.ring(), "a c me");
    assert!(!node.driver.status().failing);
}

/// A member of this name that cannot be dialled.
fn undiallable(name: &str) -> Member {
    Member::with_id(name, format!("http://undiallable-{name}")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_member_that_cannot_be_dialled_is_left_out_and_the_others_count() {
    let (registry, node) = among(&["a", "b"]).await;
    let mut list = with_me(&["a", "c"]);
    list.extend([undiallable("b"), undiallable("d")]);
    registry.say(list);
    sleep(ms(110)).await;
    assert_eq!(node.ring(), "a b c me", "b may come back in the grace");
    let status = node.driver.status();
    assert!(!status.failing && status.last_error.is_none());
    assert_eq!(status.left_out, 2);
    let last = status.last_left_out.unwrap();
    assert!(
        last.starts_with("d=http://undiallable-d: ") && last.contains("nobody there"),
        "{last}"
    );
    sleep(ms(400)).await;
    assert_eq!(node.ring(), "a c me");
    registry.say(with_me(&["a", "b", "c"]));
    sleep(ms(110)).await;
    assert_eq!(node.ring(), "a b c me");
    let status = node.driver.status();
    assert_eq!((status.left_out, status.last_left_out), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_first_list_with_a_member_that_cannot_be_dialled_counts_at_once() {
    let registry = Registry::new();
    registry.say([member("a"), undiallable("b")]);
    let node = Node::of(&registry);
    assert!(node.driver.first_list().await);
    assert_eq!(node.ring(), "a me");
    assert_eq!(node.driver.status().left_out, 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_this_node_makes_it_announce_itself_again() {
    let (registry, node) = among(&["a"]).await;
    registry.say(members(&["a", "b"]));
    sleep(ms(1000)).await;
    assert_eq!(node.ring(), "a b me");
    assert!(registry.members().contains(&member("me")));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_comes_back_empty_costs_no_member() {
    let registry = Registry::new();
    let names = ["a", "b", "c", "d", "e"];
    let start = |name| {
        let options = DiscoveryOptions::default();
        Node::start(member(name), registry.source(), true, options)
    };
    let nodes = names.map(start);
    sleep(ms(1000)).await;
    for _ in 0..10 {
        registry.fail("it is down");
        sleep(ms(20_000)).await;
        // Who tries first is the only one in the first lists.
        registry.say([]);
        for _ in 0..600 {
            assert!(nodes.iter().all(|node| node.ring() == "a b c d e"));
            sleep(ms(10)).await;
        }
        assert_eq!(registry.members().len(), names.len());
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_whose_registry_has_lost_everything_find_each_other_again() {
    let registry = Registry::new();
    let others = registry.source();
    let (me, mut other) = (Node::of(&registry), others);
    me.driver.first_list().await;
    other.join(&member("a")).await.unwrap();
    sleep(ms(200)).await;
    assert_eq!(me.ring(), "a me");
    registry.say([]);
    sleep(ms(300)).await;
    other.join(&member("a")).await.unwrap();
    sleep(ms(5000)).await;
    assert_eq!(me.ring(), "a me");
    assert_eq!(registry.members().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_on_its_ring_announces_nothing() {
    let registry = Registry::new();
    registry.say(members(&["a"]));
    let node = Node::with(registry.source(), false, DiscoveryOptions::default());
    assert!(node.driver.first_list().await);
    assert_eq!(node.ring(), "a");
    node.driver.leave().await;
    assert_eq!(registry.members(), members(&["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_from_the_beginning_is_waited_for_a_while() {
    let registry = Registry::new();
    registry.fail("not yet");
    let (start, node) = (Instant::now(), Node::of(&registry));
    assert!(!node.driver.first_list().await);
    assert_eq!(start.elapsed(), ms(3000));
    assert!(!node.driver.status().joined && node.driver.status().age.is_none());
    registry.say(members(&["a"]));
    sleep(ms(1100)).await;
    assert_eq!(node.ring(), "a me");
    assert!(registry.members().contains(&member("me")));
}

#[tokio::test(start_paused = true)]
async fn leaving_takes_the_announcement_back_and_waits_for_the_peers() {
    let (registry, node) = among(&["a"]).await;
    let start = Instant::now();
    node.driver.leave().await;
    assert_eq!(start.elapsed(), ms(1000), "the linger");
    assert_eq!(registry.members(), members(&["a"]));
    assert_eq!(node.router.members().len(), 2, "it can still ask");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_driver_leaves_and_an_aborted_one_does_not() {
    let (registry, node) = among(&["a"]).await;
    drop(node.driver);
    sleep(ms(1)).await;
    assert_eq!(registry.members(), members(&["a"]));
    let (registry, node) = among(&["a"]).await;
    node.driver.abort();
    sleep(ms(1)).await;
    assert!(registry.members().contains(&member("me")));
}

/// A source whose calls do what a test wants, and which counts them.
#[derive(Debug, Default)]
struct Odd {
    joins: Arc<AtomicUsize>,
    observations: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Kind {
    /// Every answer is an error.
    #[default]
    Failing,
    /// No call ever ends.
    Hanging,
    /// The same list is ready again and again.
    Busy,
    /// The first question is a panic.
    Panicking,
    /// Each list takes three seconds, and no announcement is taken.
    Slow,
}

impl Discovery for Odd {
    fn join<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        self.joins.fetch_add(1, Ordering::SeqCst);
        if self.kind == Kind::Slow {
            return answer(Kind::Failing, ());
        }
        answer(self.kind, ())
    }

    fn observe<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        self.observations.fetch_add(1, Ordering::SeqCst);
        answer(self.kind, ())
    }

    fn lists(&mut self) -> MemberLists {
        let (kind, asked) = (self.kind, Arc::clone(&self.asked));
        let lists = stream::repeat(()).then(move |()| {
            asked.fetch_add(1, Ordering::SeqCst);
            assert!(kind != Kind::Panicking, "the source was told to panic");
            answer(kind, members(&["a", "me"]))
        });
        lists.boxed()
    }

    fn leave<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        answer(self.kind, ())
    }
}

fn answer<T: Send + 'static>(kind: Kind, good: T) -> BoxFuture<'static, Result<T, Error>> {
    Box::pin(async move {
        match kind {
            Kind::Failing => Err(Error::discovery("a source", "no luck")),
            Kind::Hanging => std::future::pending().await,
            Kind::Busy | Kind::Panicking => Ok(good),
            Kind::Slow => {
                sleep(ms(3000)).await;
                Ok(good)
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_is_asked_about_once_a_second() {
    let source = Odd::default();
    let (joins, asked) = (Arc::clone(&source.joins), Arc::clone(&source.asked));
    let node = Node::with(source, true, DiscoveryOptions::default());
    sleep(ms(60_000)).await;
    for calls in [joins, asked] {
        let calls = calls.load(Ordering::SeqCst);
        assert!((60..130).contains(&calls), "{calls}");
    }
    let start = Instant::now();
    node.driver.leave().await;
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_on_its_ring_observes_in_place_of_joining() {
    for (kind, observed) in [(Kind::Failing, 60..130), (Kind::Busy, 1..2)] {
        let source = Odd {
            kind,
            ..Odd::default()
        };
        let counts = [&source.joins, &source.observations].map(Arc::clone);
        let source: Box<dyn Discovery> = Box::new(source);
        let node = Node::with(source, false, DiscoveryOptions::default());
        sleep(ms(60_000)).await;
        let [joins, observations] = counts.map(|count| count.load(Ordering::SeqCst));
        assert_eq!(joins, 0);
        assert!(observed.contains(&observations), "{observations}");
        assert!(!node.driver.status().joined);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_holds_nothing_up() {
    let source = Odd {
        kind: Kind::Hanging,
        ..Odd::default()
    };
    let joins = Arc::clone(&source.joins);
    let node = Node::with(source, true, DiscoveryOptions::default());
    assert!(!node.driver.first_list().await);
    sleep(ms(10_000)).await;
    assert!(joins.load(Ordering::SeqCst) >= 3);
    let error = node.driver.status().last_error.unwrap();
    assert!(error.contains("announcement"), "{error}");
    let start = Instant::now();
    node.driver.leave().await;
    assert_eq!(
        start.elapsed(),
        ms(3000),
        "the limit of leaving, and the linger"
    );
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_fails_all_the_time_drops_no_list_that_is_under_way() {
    let source = Odd {
        kind: Kind::Slow,
        ..Odd::default()
    };
    let (joins, asked) = (Arc::clone(&source.joins), Arc::clone(&source.asked));
    let options = DiscoveryOptions::default().first_list_timeout(ms(4000));
    let (start, node) = (Instant::now(), Node::with(source, true, options));
    assert!(node.driver.first_list().await);
    assert!(start.elapsed() < ms(3010), "{:?}", start.elapsed());
    assert_eq!(node.ring(), "a me");
    sleep(ms(57_000)).await;
    let [joins, asked] = [joins, asked].map(|calls| calls.load(Ordering::SeqCst));
    assert!((60..130).contains(&joins), "{joins}");
    assert!((20..22).contains(&asked), "{asked}");
    assert!(!node.driver.status().joined);
}

/// An announcement takes a second, and is lost meanwhile: the only list lacks it.
#[derive(Debug, Default)]
struct Forgetful {
    joins: Arc<AtomicUsize>,
}

impl Discovery for Forgetful {
    fn join<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        self.joins.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            sleep(ms(1000)).await;
            Ok(())
        })
    }

    fn lists(&mut self) -> MemberLists {
        let only = stream::once(async {
            sleep(ms(500)).await;
            Ok(members(&["a"]))
        });
        only.chain(stream::pending()).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lacks_this_node_while_it_announces_itself_makes_it_do_so_again() {
    let source = Forgetful::default();
    let joins = Arc::clone(&source.joins);
    let _node = Node::with(source, true, DiscoveryOptions::default());
    sleep(ms(10_000)).await;
    assert_eq!(joins.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_always_ready_keeps_no_thread_busy() {
    let source = Odd {
        kind: Kind::Busy,
        ..Odd::default()
    };
    let asked = Arc::clone(&source.asked);
    let node = Node::with(source, true, DiscoveryOptions::default());
    sleep(ms(100)).await;
    assert_eq!(node.ring(), "a me");
    assert!(asked.load(Ordering::SeqCst) <= 101);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_leaves_the_members_as_they_are() {
    let node = Node::with(
        Odd {
            kind: Kind::Panicking,
            ..Odd::default()
        },
        true,
        DiscoveryOptions::default(),
    );
    assert!(!node.driver.first_list().await);
    let status = node.driver.status();
    assert!(status.failing && status.last_error.unwrap().contains("panicked"));
    node.driver.leave().await;
}

/// What a source may say next.
#[derive(Clone, Debug)]
enum Word {
    /// These members, with this node or without it.
    List(Vec<u8>, bool),
    Empty,
    Error,
    /// A list with one id at two addresses.
    Clash,
    /// A list whose only member cannot be dialled.
    Undiallable,
}

fn word() -> impl Strategy<Value = Word> {
    let names = prop::collection::vec(0u8..8, 1..8);
    prop_oneof![
        4 => (names, any::<bool>()).prop_map(|(names, me)| Word::List(names, me)),
        1 => Just(Word::Empty),
        1 => Just(Word::Error),
        1 => Just(Word::Clash),
        1 => Just(Word::Undiallable),
    ]
}

fn named(names: &[u8], me: bool) -> Vec<Member> {
    let mut list: Vec<Member> = names
        .iter()
        .map(|name| member(&format!("m{name}")))
        .collect();
    list.extend(me.then(|| member("me")));
    list
}

impl Word {
    fn say(&self, registry: &Registry) {
        match self {
            Self::List(names, me) => registry.say(named(names, *me)),
            Self::Empty => registry.say([]),
            Self::Error => registry.fail("a scripted failure"),
            Self::Clash => registry.say([member("c"), Member::with_id("c", "http://d").unwrap()]),
            Self::Undiallable => registry.say([member("undiallable")]),
        }
    }
}

/// The states of something, each with the time at which it began.
type Seen = Arc<Mutex<Vec<(Instant, Vec<Member>)>>>;

/// A source that remembers the lists that it has been asked for, with the time.
#[derive(Debug)]
struct Remembering<D>(D, Seen);

impl<D: Discovery> Discovery for Remembering<D> {
    fn lists(&mut self) -> MemberLists {
        let said = Arc::clone(&self.1);
        let lists = self.0.lists().map(move |list| {
            if let Ok(list) = &list {
                said.lock().push((Instant::now(), list.clone()));
            }
            list
        });
        lists.boxed()
    }
}

/// Looks at the ring all the time, and remembers each state with the time at which it began.
async fn observe(router: Arc<Router>, seen: Seen) {
    loop {
        note(&mut seen.lock(), router.members());
        sleep(ms(10)).await;
    }
}

fn note(seen: &mut Vec<(Instant, Vec<Member>)>, members: Vec<Member>) {
    if seen.last().is_none_or(|(_, last)| *last != members) {
        seen.push((Instant::now(), members));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a source says: the ring is never empty and never without this node, no member is dropped that was
    /// listed within the grace, and at the end the ring is the last list.
    #[test]
    fn the_ring_follows_the_last_good_list(
        words in prop::collection::vec((word(), 0u64..2000), 0..20),
        last in prop::collection::vec(0u8..8, 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let registry = Registry::new();
            registry.say(members(&["m0"]));
            let (said, seen) = (Seen::default(), Seen::default());
            let source = Remembering(registry.read_only_source(), Arc::clone(&said));
            let node = Node::with(source, true, DiscoveryOptions::default());
            prop_assert!(node.driver.first_list().await);
            let observer = tokio::spawn(observe(Arc::clone(&node.router), Arc::clone(&seen)));
            for (word, pause) in words {
                word.say(&registry);
                sleep(ms(pause)).await;
            }
            registry.say(named(&last, true));
            let mut wanted = named(&last, true);
            wanted.sort();
            wanted.dedup();
            sleep(ms(6000)).await;
            prop_assert_eq!(node.router.members(), wanted);
            observer.abort();

            for (_, ring) in &*seen.lock() {
                prop_assert!(ring.contains(&member("me")), "{:?}", ring);
                prop_assert!(!ring.contains(&member("undiallable")) && !ring.contains(&member("c")));
            }
            let mut said = said.lock().clone();
            said.retain(|(_, list)| !list.is_empty() && list.iter().all(|member| member.id().starts_with('m')));
            for pair in seen.lock().windows(2) {
                let [(_, before), (at, after)] = pair else { unreachable!() };
                for gone in before.iter().filter(|member| !after.contains(member)) {
                    // The list that was the latest when the grace began, and those since then.
                    let latest = said.iter().rposition(|(said, _)| *said + ms(500) <= *at).unwrap_or(0);
                    let lists = said[latest..].iter().take_while(|(said, _)| *said + ms(10) < *at);
                    for (_, list) in lists {
                        prop_assert!(!list.contains(gone), "{:?} was listed in {:?}", gone, list);
                    }
                }
            }
            Ok(())
        })?;
    }
}
