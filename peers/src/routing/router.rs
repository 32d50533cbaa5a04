use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use consistenthash::{Ring, Scheme};
use futures_util::stream::{self, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::circuit_options::CircuitOptions;
use super::former::Former;
use super::peer::Peer;
use super::routes::Routes;
use super::turnover::Turnover;
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
    /// The routes before the latest changes.
    former: ArcSwapOption<Former>,
    /// For how long they count.
    handoff: Duration,
    /// The peers that have come and gone lately.
    turnover: Turnover,
    /// The peers that are listed, and own no keys because they leave.
    leaving: ArcSwap<Vec<Peer>>,
    /// The members as they are listed, for those who wait for changes of them or of the routes.
    members: watch::Sender<Arc<[Member]>>,
    /// Held while a new snapshot is made, so that two changes do not lose one another.
    change: Mutex<Listed>,
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
            turnover: Turnover::default(),
            leaving: ArcSwap::default(),
            members: watch::Sender::new(Arc::default()),
            change: Mutex::default(),
            scheme,
            transport,
            circuit,
            this,
        }
    }

    /// For how long after a change [`former_owners`](Self::former_owners) names the owner before it.
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

    /// The members as they are listed, also those that own no keys because they [leave](Self::note_start).
    pub fn listed(&self) -> Vec<Member> {
        self.change.lock().members.clone()
    }

    /// The peers that are listed, and own no keys because they [leave](Self::note_start).
    pub fn leaving(&self) -> Vec<Peer> {
        let leaving = self.leaving.load();
        let others = leaving.iter().filter(|peer| !peer.is_self());
        others.cloned().collect()
    }

    /// The members as they are [listed](Self::listed), and word of each change of them or of the routes.
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

    /// The peers that have joined within the last minute, those of the first list too: other nodes may not know of them.
    pub fn joined_lately(&self) -> Vec<Peer> {
        self.turnover.joined(self.routes().peers())
    }

    /// The peers that the routes have lost within the last minute: other nodes may take them for members.
    pub fn left_lately(&self) -> Vec<Peer> {
        self.turnover.left(self.routes().peers())
    }

    /// The peers that own no keys and hear of changes all the same: those that [leave](Self::leaving), and those that have
    /// [left lately](Self::left_lately).
    pub fn off_the_ring(&self) -> Vec<Peer> {
        let leaving = self.leaving();
        let mut peers: Vec<Peer> = Peer::without(&self.left_lately(), &leaving).collect();
        peers.extend(leaving);
        peers
    }

    /// The other nodes that owned `key` before changes of the membership within the [hand-over window](Self::handoff), at
    /// most two, the latest first: they may still have the value. To a node that was alone before, it is the node that
    /// would own the key without it.
    pub fn former_owners(&self, key: &[u8]) -> Vec<Peer> {
        let current = self.former.load();
        let Some(former) = current.as_ref() else {
            return Vec::new();
        };
        if former.is_over() {
            // Nobody else keeps the peers that have left, whose liveness checks end with them.
            self.former.compare_and_swap(&current, None);
            return Vec::new();
        }
        former.owners(key, &self.routes())
    }

    /// Pauses a former owner that did not answer in time: [`former_owners`](Self::former_owners) do not
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
        self.replace(&mut self.change.lock(), members)
    }

    /// A node has said which start of it this is, and whether it leaves. A member that leaves owns no keys from now on; it
    /// stays listed, and owns keys again when it has started again, or has another URL. Returns whether this start of a member
    /// is a new one, which may lack what others have for it.
    pub fn note_start(&self, member: &str, origin: u64, is_leaving: bool) -> bool {
        let mut listed = self.change.lock();
        if listed.members.iter().all(|listed| listed.id() != member) {
            return false; // nobody's start is remembered but a member's
        }
        let start = Start { origin, is_leaving };
        let known = listed.starts.get(member).copied();
        if known.is_some_and(|known| start.is_of_the_past(known)) {
            return false;
        }
        listed.starts.insert(member.into(), start);
        if known.is_some_and(|known| known.is_leaving) != is_leaving {
            tracing::info!(member, is_leaving, "a member leaves, or has come back");
            let members = listed.members.clone();
            if let Err(error) = self.replace(&mut listed, members) {
                tracing::warn!(member, %error, "a member cannot be taken in again");
                // The next time that it says so this is tried once more.
                match known {
                    Some(known) => listed.starts.insert(member.into(), known),
                    None => listed.starts.remove(member),
                };
                return false;
            }
        }
        !is_leaving && known.is_none_or(|known| known.origin != origin)
    }

    /// The peer with this id: a member, or one that is [off the ring](Self::off_the_ring).
    pub fn peer(&self, id: &str) -> Option<Peer> {
        let is_meant = |peer: &&Peer| peer.member().id() == id;
        let routes = self.routes();
        let member = routes.peers().iter().find(is_meant).cloned();
        member.or_else(|| self.off_the_ring().iter().find(is_meant).cloned())
    }

    /// Those members that no list could have, each with the reason: a URL that the transport cannot dial, or this node's
    /// id or URL on another member.
    pub(crate) fn refused(&self, members: &[Member]) -> Vec<(Member, Error)> {
        let current = self.routes();
        let leaving = self.leaving.load();
        let known = current.peers().iter().chain(leaving.iter());
        let known: HashSet<&Member> = known.map(Peer::member).collect();
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
        let mut listed = self.change.lock();
        let mut members = listed.members.clone();
        match members.iter_mut().find(|known| known.id() == member.id()) {
            Some(known) => *known = member,
            None => members.push(member),
        }
        self.replace(&mut listed, members)
    }

    /// Removes the member with this id, or else the members with this URL, or else the one that is both (`ID=URL`), and
    /// says whether there was one. With id and URL, the late news of a member's end does not take out the one that
    /// has come back under its id at another URL.
    ///
    /// # Errors
    ///
    /// As [`set_members`](Self::set_members).
    pub fn remove_member(&self, member: &str) -> Result<bool, Error> {
        let mut listed = self.change.lock();
        let mut members = listed.members.clone();
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
        self.replace(&mut listed, members).map(|()| true)
    }

    fn replace(&self, listed: &mut Listed, members: Vec<Member>) -> Result<(), Error> {
        let members = without_repetitions(members)?;
        let current = self.routes.load();
        let leaving = self.leaving.load_full();
        let known = current.peers().iter().chain(leaving.iter());
        let known: HashMap<&Member, &Peer> = known.map(|peer| (peer.member(), peer)).collect();
        let peers = members.iter().map(|member| match known.get(member) {
            Some(peer) => Ok((*peer).clone()),
            None => self.newcomer(member.clone()),
        });
        let peers = peers.collect::<Result<Vec<_>, Error>>()?;
        let (leaving, peers): (Vec<_>, Vec<_>) = peers
            .into_iter()
            .partition(|peer| listed.is_leaving(peer.member()));
        let ring = match current.ring() {
            _ if peers.is_empty() => None,
            Some(ring) => Some(ring.with_members(peers)),
            None => Some(Ring::new(self.scheme, peers)),
        };
        let ring = ring.transpose().map_err(Error::ring)?;
        self.leaving.store(Arc::new(leaving));
        let former = self.routes.swap(Arc::new(Routes::new(ring)));
        log_changes(former.peers(), self.routes().peers());
        self.turnover.note(former.peers(), self.routes().peers());
        let differ = |one: &[Peer], other: &[Peer]| Peer::without(one, other).next().is_some();
        let (before, after) = (former.peers(), self.routes());
        let is_news = differ(before, after.peers()) || differ(after.peers(), before);
        if is_news || listed.members != members {
            self.members.send_replace((*members).into());
        }
        listed.take(members);
        if !self.handoff.is_zero() && !same_members(former.peers(), self.routes().peers()) {
            let earlier = self.former.load();
            let former = Former::new(former, earlier.as_deref(), self.handoff);
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

/// The members as they are listed, also those that own no keys because they leave.
#[derive(Debug, Default)]
struct Listed {
    members: Vec<Member>,
    /// The latest known start of each, by ids.
    starts: HashMap<Box<str>, Start>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    origin: u64,
    is_leaving: bool,
}

impl Start {
    /// Whether this was said before what is `known`: a start that leaves does not come back, and origins begin with the time.
    fn is_of_the_past(self, known: Self) -> bool {
        match self.origin == known.origin {
            true => known.is_leaving || !self.is_leaving,
            false => self.is_leaving && self.origin < known.origin,
        }
    }
}

impl Listed {
    /// Whether this member leaves, and not one that has come to its place.
    fn is_leaving(&self, member: &Member) -> bool {
        let start = self.starts.get(member.id());
        start.is_some_and(|start| start.is_leaving) && self.members.contains(member)
    }

    /// Of members that are new to the list, or have another URL, nothing is known.
    fn take(&mut self, members: Vec<Member>) {
        let known: HashSet<&Member> = self.members.iter().collect();
        let stay = members.iter().filter(|member| known.contains(member));
        let stay: HashSet<&str> = stay.map(Member::id).collect();
        self.starts.retain(|id, _| stay.contains(&**id));
        self.members = members;
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
mod tests;
