use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use consistenthash::{Ring, Scheme};
use futures_util::stream::{self, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::circuit_options::CircuitOptions;
use super::former::{Former, FormerOwner};
use super::peer::Peer;
use super::routes::Routes;
use crate::{Error, Member, Transport};

/// Keeps the current [`Routes`] and swaps them when the membership changes.
///
/// The ring of the new routes is made of that of the former ones, so that a change of few members costs little
/// (see [`Ring::with_members`]).
///
/// Readers take a snapshot without a lock. One change is made at a time. A peer whose id and URL stay the
/// same keeps its circuit, and its client with all connections.
#[derive(Debug)]
pub struct Router {
    routes: ArcSwap<Routes>,
    /// The routes before the last change.
    former: ArcSwapOption<Former>,
    /// For how long they count.
    handoff: Duration,
    /// The members of the routes, for those who wait for changes.
    members: watch::Sender<Arc<[Member]>>,
    /// Held while a new snapshot is made, so that two changes do not lose one another.
    change: Mutex<()>,
    scheme: Scheme,
    transport: Arc<dyn Transport>,
    circuit: CircuitOptions,
    this: Member,
}

impl Router {
    /// A router of the node `this`, without members.
    pub fn new(
        this: Member,
        scheme: Scheme,
        transport: Arc<dyn Transport>,
        circuit: CircuitOptions,
    ) -> Self {
        Self {
            routes: ArcSwap::default(),
            former: ArcSwapOption::empty(),
            handoff: Duration::ZERO,
            members: watch::Sender::new(Arc::default()),
            change: Mutex::new(()),
            scheme,
            transport,
            circuit,
            this,
        }
    }

    /// For how long after a change [`former_owner`](Self::former_owner) names the owner before it.
    /// Default: 0, never.
    pub fn handoff(mut self, window: Duration) -> Self {
        self.handoff = window;
        self
    }

    /// Another router of the same node, with the same settings and without members.
    pub fn sibling(&self) -> Self {
        let (this, scheme) = (self.this.clone(), self.scheme);
        let (transport, circuit) = (Arc::clone(&self.transport), self.circuit.clone());
        Self::new(this, scheme, transport, circuit).handoff(self.handoff)
    }

    /// How the node reaches its peers.
    pub fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// The rules of the ring.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The node this router belongs to.
    pub fn this(&self) -> &Member {
        &self.this
    }

    /// The current snapshot, for a use without an await. Takes no lock and no reference count.
    pub fn routes(&self) -> Guard<Arc<Routes>> {
        self.routes.load()
    }

    /// The current snapshot, to keep across an await.
    pub fn snapshot(&self) -> Arc<Routes> {
        self.routes.load_full()
    }

    /// The current members, in listing order.
    pub fn members(&self) -> Vec<Member> {
        self.routes()
            .peers()
            .iter()
            .map(|peer| peer.member().clone())
            .collect()
    }

    /// The current members in listing order, and word of each change of them.
    pub fn watch_members(&self) -> watch::Receiver<Arc<[Member]>> {
        self.members.subscribe()
    }

    /// Checks once whether the peers are alive, so many at a time, each as [`Peer::check_now`] does. The router finds out by
    /// itself about peers that are asked for something. This is for somebody who looks at the others too.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. Peers whose checks are not over stay as they were.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn check_peers(&self, at_once: usize) {
        let routes = self.snapshot();
        let checks = stream::iter(routes.peers()).map(Peer::check_now);
        checks
            .buffer_unordered(at_once.max(1))
            .collect::<()>()
            .await;
    }

    /// The other node that owned `key` before the membership changed, within the
    /// [hand-over window](Self::handoff): it may still have the value. For a node that has just started,
    /// it is the node that would own the key without it.
    pub fn former_owner(&self, key: &[u8]) -> Option<FormerOwner> {
        self.former.load().as_ref()?.owner(key, &self.routes())
    }

    /// Pauses a former owner that did not answer in time: [`former_owner`](Self::former_owner) does not
    /// name it for 250 ms, and for twice as long after each further call, up to 5 s.
    pub fn pause_former(&self, owner: &Peer) {
        if let Some(former) = self.former.load().as_ref() {
            former.pause(owner);
        }
    }

    /// Replaces the members. The node itself is a member only if it is listed, by its own id.
    /// A member that is listed twice counts once, in its first place.
    ///
    /// # Errors
    ///
    /// Two members with one id and different URLs, a URL that the transport cannot dial, or more
    /// members than a ring holds; the members stay as they were.
    pub fn set_members(&self, members: Vec<Member>) -> Result<(), Error> {
        let _change = self.change.lock();
        self.replace(members)
    }

    /// Those members that no list could have, each with the reason: a URL that the transport cannot dial, or this node's
    /// id or URL on another member.
    pub fn refused(&self, members: &[Member]) -> Vec<(Member, Error)> {
        let current = self.routes();
        let known: HashSet<&Member> = current.peers().iter().map(Peer::member).collect();
        let newcomers = members.iter().filter(|member| !known.contains(member));
        newcomers
            .filter_map(|member| {
                let reason = self.newcomer(member.clone()).err()?;
                Some((member.clone(), reason))
            })
            .collect()
    }

    /// Adds a member at the end of the list. One of the same id is replaced in its place and in one step, so that a
    /// member that has moved to another URL keeps its keys; one of the same id and URL stays as it is.
    ///
    /// # Errors
    ///
    /// As [`set_members`](Self::set_members).
    pub fn add_member(&self, member: Member) -> Result<(), Error> {
        let _change = self.change.lock();
        let mut members = self.members();
        match members.iter_mut().find(|known| known.id() == member.id()) {
            Some(known) => *known = member,
            None => members.push(member),
        }
        self.replace(members)
    }

    /// Removes the member with this id, or else the members with this URL, or else the one that is both (`ID=URL`), and
    /// says whether there was one. With id and URL, the late news of a member's end does not take out the one that
    /// has come back under its id at another URL.
    ///
    /// # Errors
    ///
    /// As [`set_members`](Self::set_members).
    pub fn remove_member(&self, member: &str) -> Result<bool, Error> {
        let _change = self.change.lock();
        let mut members = self.members();
        let before = members.len();
        if members.iter().any(|known| known.id() == member) {
            members.retain(|known| known.id() != member);
        } else {
            let member = member.trim();
            let member = member.strip_suffix('/').unwrap_or(member);
            members.retain(|known| known.url() != member && known.to_string() != member);
        }
        if members.len() == before {
            return Ok(false);
        }
        self.replace(members).map(|()| true)
    }

    fn replace(&self, members: Vec<Member>) -> Result<(), Error> {
        let members = without_repetitions(members)?;
        let current = self.routes.load();
        let known: HashMap<&Member, &Peer> = current
            .peers()
            .iter()
            .map(|peer| (peer.member(), peer))
            .collect();
        let peers = members
            .into_iter()
            .map(|member| match known.get(&member) {
                Some(peer) => Ok((*peer).clone()),
                None => self.newcomer(member),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let ring = match current.ring() {
            _ if peers.is_empty() => None,
            Some(ring) => Some(ring.with_members(peers)),
            None => Some(Ring::new(self.scheme, peers)),
        };
        let ring = ring.transpose().map_err(Error::ring)?;
        let former = self.routes.swap(Arc::new(Routes::new(ring)));
        log_changes(former.peers(), self.routes().peers());
        self.members.send_if_modified(|members| {
            let current = self.members();
            let has_changed = **members != *current;
            if has_changed {
                *members = current.into();
            }
            has_changed
        });
        if !self.handoff.is_zero() && !same_members(former.peers(), self.routes().peers()) {
            let former = Former::new(former, self.handoff);
            self.former.store(Some(Arc::new(former)));
        }
        Ok(())
    }

    /// The peer of a member that is new to the list.
    fn newcomer(&self, member: Member) -> Result<Peer, Error> {
        self.check_own(&member)?;
        if member.id() == self.this.id() {
            return Ok(Peer::local(member));
        }
        let client = self.transport.dial(&member)?;
        Ok(Peer::remote(member, client, self.circuit.clone()))
    }

    /// Refuses this node's id with another URL, which would send its keys elsewhere, and its URL
    /// under another id, by which it would dial itself.
    fn check_own(&self, member: &Member) -> Result<(), Error> {
        if member.id() == self.this.id() {
            if member.url() != self.this.url() {
                return Err(Error::duplicate_member(member.id()));
            }
        } else if member.is_same_place(&self.this) {
            let reason = "it is this node's own URL under another id";
            return Err(Error::invalid_member(member.to_string(), reason));
        }
        Ok(())
    }
}

/// Tells the log which members have come and gone.
fn log_changes(before: &[Peer], after: &[Peer]) {
    let members = |peers: &[Peer]| -> HashSet<Member> {
        peers.iter().map(|peer| peer.member().clone()).collect()
    };
    let (before, after) = (members(before), members(after));
    for member in after.difference(&before) {
        tracing::info!(%member, members = after.len(), "a member has joined");
    }
    for member in before.difference(&after) {
        tracing::info!(%member, members = after.len(), "a member has left");
    }
}

/// Whether two lists have the same ids, in whatever order.
fn same_members(one: &[Peer], other: &[Peer]) -> bool {
    let ids: HashSet<&str> = one.iter().map(|peer| peer.member().id()).collect();
    one.len() == other.len() && other.iter().all(|peer| ids.contains(peer.member().id()))
}

fn without_repetitions(members: Vec<Member>) -> Result<Vec<Member>, Error> {
    let mut urls: HashMap<Box<str>, Box<str>> = HashMap::with_capacity(members.len());
    let mut distinct = Vec::with_capacity(members.len());
    for member in members {
        match urls.get(member.id()) {
            None => {
                urls.insert(member.id().into(), member.url().into());
                distinct.push(member);
            }
            Some(url) if **url == *member.url() => {}
            Some(_) => return Err(Error::duplicate_member(member.id())),
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{BoxFuture, GetRequest, PeerClient, Protocol, Reply};

    /// A transport that opens no connection, and counts its calls.
    #[derive(Clone, Debug, Default)]
    struct Dials(Arc<AtomicUsize>);

    impl Dials {
        fn count(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Transport for Dials {
        fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
            if member.url().contains("undiallable") {
                return Err(Error::invalid_member(member.url(), "nobody there"));
            }
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::new(Silent))
        }
    }

    #[derive(Debug)]
    struct Silent;

    impl PeerClient for Silent {
        fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
            Box::pin(async { Err(Error::not_found("")) })
        }
    }

    fn member(name: &str) -> Member {
        Member::with_id(name, format!("http://{name}")).unwrap()
    }

    fn members(names: &[&str]) -> Vec<Member> {
        names.iter().map(|name| member(name)).collect()
    }

    fn router() -> (Router, Dials) {
        let dials = Dials::default();
        let router = Router::new(
            member("self"),
            Protocol::Native.scheme(),
            Arc::new(dials.clone()),
            CircuitOptions::default(),
        );
        (router, dials)
    }

    #[test]
    fn without_members_nobody_owns_anything() {
        let (router, _) = router();
        assert!(router.routes().owner(b"k").is_none());
        assert_eq!(router.routes().owners(b"k").count(), 0);
    }

    #[test]
    fn the_node_itself_is_not_dialled() {
        let (router, dials) = router();
        router.set_members(members(&["self", "a"])).unwrap();
        assert_eq!(dials.count(), 1);
        let routes = router.snapshot();
        let this: Vec<_> = routes.peers().iter().map(Peer::is_self).collect();
        assert_eq!(this, [true, false]);
    }

    #[test]
    fn peers_that_stay_keep_their_clients_and_a_new_url_gets_a_new_one() {
        let (router, dials) = router();
        router.set_members(members(&["a", "b"])).unwrap();
        router.set_members(members(&["b", "c"])).unwrap();
        assert_eq!(dials.count(), 3);
        router
            .set_members(vec![Member::with_id("b", "http://elsewhere").unwrap()])
            .unwrap();
        assert_eq!(dials.count(), 4);
    }

    #[test]
    fn a_member_listed_twice_counts_once_and_one_id_with_two_urls_is_refused() {
        let (router, _) = router();
        router.set_members(members(&["a", "b", "a"])).unwrap();
        assert_eq!(router.members(), members(&["a", "b"]));
        let clash = vec![member("a"), Member::with_id("a", "http://b").unwrap()];
        let error = router.set_members(clash).unwrap_err();
        assert!(
            error.is_configuration() && error.to_string().contains("\"a\""),
            "{error}"
        );
        assert_eq!(router.members(), members(&["a", "b"]));
    }

    #[test]
    fn a_member_that_cannot_be_dialled_changes_nothing() {
        let (router, _) = router();
        router.set_members(members(&["a"])).unwrap();
        assert!(router.add_member(member("undiallable")).is_err());
        assert_eq!(router.members(), members(&["a"]));
    }

    #[test]
    fn members_that_no_list_could_have_are_named_with_the_reason() {
        let (router, _) = router();
        router.set_members(members(&["a"])).unwrap();
        let double = Member::with_id("other", "http://self").unwrap();
        let list = [
            member("a"),
            member("self"),
            member("undiallable"),
            double.clone(),
        ];
        let refused = router.refused(&list);
        let names: Vec<&Member> = refused.iter().map(|(member, _)| member).collect();
        assert_eq!(names, [&member("undiallable"), &double]);
        assert!(refused[0].1.to_string().contains("nobody there"));
        assert_eq!(router.members(), members(&["a"]), "nothing is set");
    }

    #[test]
    fn a_snapshot_outlives_the_change_that_replaced_it() {
        let (router, _) = router();
        router.set_members(members(&["a"])).unwrap();
        let before = router.snapshot();
        router.set_members(members(&["b"])).unwrap();
        assert_eq!(before.owner(b"k").unwrap().member(), &member("a"));
        assert_eq!(router.routes().owner(b"k").unwrap().member(), &member("b"));
    }

    #[test]
    fn members_added_at_the_same_time_all_get_in() {
        let (router, _) = router();
        let names: Vec<_> = (0..8).map(|n| format!("m{n}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| router.add_member(member(name)).unwrap());
            }
        });
        let mut ids: Vec<_> = router
            .members()
            .iter()
            .map(|member| member.id().to_owned())
            .collect();
        ids.sort();
        assert_eq!(ids, names);
        assert!(router.remove_member("m3").unwrap());
        assert!(!router.remove_member("m3").unwrap());
        assert_eq!(router.members().len(), 7);
    }

    #[test]
    fn a_member_that_has_moved_is_replaced_in_its_place() {
        let (router, dials) = router();
        router.set_members(members(&["a", "b", "c"])).unwrap();
        let before = router.snapshot();
        let moved = Member::with_id("b", "http://elsewhere").unwrap();
        router.add_member(moved.clone()).unwrap();
        router.add_member(moved.clone()).unwrap();
        assert_eq!(router.members(), [member("a"), moved.clone(), member("c")]);
        assert_eq!(dials.count(), 4, "one new address");
        let owner = |routes: &Routes| routes.owner(b"k").unwrap().member().id().to_owned();
        assert_eq!(owner(&before), owner(&router.routes()));

        let stays = |router: &Router, id: &str| {
            let circuit = |routes: &Routes| {
                let peer = routes.peers().iter().find(|peer| peer.member().id() == id);
                std::ptr::from_ref(peer.unwrap().circuit().unwrap())
            };
            circuit(&before) == circuit(&router.routes())
        };
        assert!(stays(&router, "a") && stays(&router, "c"));
        assert!(!stays(&router, "b"), "health is that of an address");

        let own = Member::with_id("self", "http://elsewhere").unwrap();
        assert!(router.add_member(own).unwrap_err().is_configuration());
    }

    #[test]
    fn a_member_is_removed_by_id_by_url_or_by_both() {
        let (router, _) = router();
        let moved = Member::with_id("b", "http://elsewhere").unwrap();
        router
            .set_members(vec![member("a"), moved.clone()])
            .unwrap();
        for late in ["b=http://b", "http://b", "b=http://elsewhere:80", "c", ""] {
            assert!(!router.remove_member(late).unwrap(), "{late}");
        }
        assert!(router.remove_member(" http://elsewhere/").unwrap());
        assert_eq!(router.members(), members(&["a"]));
        router.add_member(moved.clone()).unwrap();
        assert!(router.remove_member("b=http://elsewhere").unwrap());
        router.add_member(moved).unwrap();
        assert!(router.remove_member("b").unwrap());
        assert_eq!(router.members(), members(&["a"]));
    }

    #[test]
    fn an_id_counts_before_a_url() {
        let (router, _) = router();
        let plain = Member::new("http://a").unwrap();
        let other = Member::with_id("other", "http://a").unwrap();
        let moved = Member::with_id("http://a", "http://b").unwrap();
        router.set_members(vec![plain, other.clone()]).unwrap();
        router.add_member(moved).unwrap();
        assert!(router.remove_member("http://a").unwrap());
        assert_eq!(router.members(), [other]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_former_owner_is_remembered_for_the_hand_off_window() {
        let (router, _) = router();
        let router = router.handoff(Duration::from_secs(30));
        router.set_members(members(&["a"])).unwrap();
        router.set_members(members(&["b"])).unwrap();
        assert_eq!(
            router.former_owner(b"k").unwrap().peer.member(),
            &member("a")
        );
        tokio::time::advance(Duration::from_secs(29)).await;
        router.set_members(members(&["b"])).unwrap();
        assert!(
            router.former_owner(b"k").is_some(),
            "no change, no new window"
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(router.former_owner(b"k").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn to_a_new_node_the_former_owner_is_its_successor() {
        let (router, _) = router();
        let router = router.handoff(Duration::from_secs(30));
        router.set_members(members(&["self", "a"])).unwrap();
        assert_eq!(
            router.former_owner(b"k").unwrap().peer.member(),
            &member("a")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_former_owner_that_was_slow_is_left_alone_for_pauses_that_grow() {
        let (router, _) = router();
        let router = router.handoff(Duration::from_secs(3600));
        router.set_members(members(&["a"])).unwrap();
        router.set_members(members(&["b"])).unwrap();
        for millis in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let former = router.former_owner(b"k").unwrap();
            router.pause_former(&former.peer);
            tokio::time::advance(Duration::from_millis(millis - 1)).await;
            assert!(router.former_owner(b"k").is_none());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        router.pause_former(&router.former_owner(b"k").unwrap().peer);
        router.set_members(members(&["a"])).unwrap();
        assert!(router.former_owner(b"k").is_some(), "b, this time");
    }

    #[test]
    fn this_node_has_one_id_and_one_url() {
        let (router, _) = router();
        let elsewhere = Member::with_id("self", "http://elsewhere").unwrap();
        assert!(
            router
                .set_members(vec![elsewhere])
                .unwrap_err()
                .is_configuration()
        );
        let other_name = Member::with_id("other", "http://self").unwrap();
        let error = router.add_member(other_name).unwrap_err();
        assert!(
            error.to_string().contains("own URL under another id"),
            "{error}"
        );
        let error = router.add_member(member("SELF:80")).unwrap_err();
        assert!(error.is_configuration(), "{error}");
        assert!(router.members().is_empty());
    }

    #[tokio::test]
    async fn without_a_hand_off_window_the_past_is_forgotten() {
        let (router, _) = router();
        router.set_members(members(&["a"])).unwrap();
        router.set_members(members(&["b"])).unwrap();
        assert!(router.former_owner(b"k").is_none());
    }
}
