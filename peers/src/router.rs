use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use consistenthash::{Ring, Scheme};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{CircuitOptions, Error, Member, Peer, Routes, Transport};

/// Keeps the current [`Routes`] and swaps them when the membership changes.
///
/// Readers take a snapshot without a lock. Changes are made one at a time; a peer whose id and URL
/// stay the same keeps its client with all connections, and its circuit.
#[derive(Debug)]
pub struct Router {
    routes: ArcSwap<Routes>,
    /// The routes before the last change, as long as they are of interest.
    former: ArcSwapOption<Former>,
    /// How long that is.
    handoff: Duration,
    /// Held while a new snapshot is made, so that two changes do not lose one another.
    change: Mutex<()>,
    scheme: Scheme,
    transport: Arc<dyn Transport>,
    circuit: CircuitOptions,
    this: Member,
}

#[derive(Debug)]
struct Former {
    routes: Arc<Routes>,
    until: Instant,
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
            change: Mutex::new(()),
            scheme,
            transport,
            circuit,
            this,
        }
    }

    /// For how long after a change [`former_owner`](Self::former_owner) remembers how things were.
    /// Default: not at all.
    pub fn handoff(mut self, window: Duration) -> Self {
        self.handoff = window;
        self
    }

    /// The node this router belongs to.
    pub fn this(&self) -> &Member {
        &self.this
    }

    /// The current snapshot, for a short look. Costs no lock and no reference count.
    pub fn routes(&self) -> Guard<Arc<Routes>> {
        self.routes.load()
    }

    /// The current snapshot, to keep across an await.
    pub fn snapshot(&self) -> Arc<Routes> {
        self.routes.load_full()
    }

    /// The current members, in listing order.
    pub fn members(&self) -> Vec<Member> {
        self.routes().peers().iter().map(|peer| peer.member().clone()).collect()
    }

    /// The other node that owned `key` before the membership changed, if that was a moment ago: it
    /// may still have the value.
    pub fn former_owner(&self, key: &[u8]) -> Option<Peer> {
        let former = self.former.load();
        let former = former.as_ref().filter(|former| Instant::now() < former.until)?;
        former.routes.owner(key).filter(|peer| !peer.is_self()).cloned()
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

    /// Adds a member at the end of the list; one that is there already stays where it is.
    ///
    /// # Errors
    ///
    /// As [`set_members`](Self::set_members).
    pub fn add_member(&self, member: Member) -> Result<(), Error> {
        let _change = self.change.lock();
        let mut members = self.members();
        members.push(member);
        self.replace(members)
    }

    /// Removes the member with this id, and says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`set_members`](Self::set_members).
    pub fn remove_member(&self, id: &str) -> Result<bool, Error> {
        let _change = self.change.lock();
        let mut members = self.members();
        let before = members.len();
        members.retain(|member| member.id() != id);
        if members.len() == before {
            return Ok(false);
        }
        self.replace(members).map(|()| true)
    }

    fn replace(&self, members: Vec<Member>) -> Result<(), Error> {
        let members = without_repetitions(members)?;
        let current = self.routes.load();
        let known: HashMap<&Member, &Peer> =
            current.peers().iter().map(|peer| (peer.member(), peer)).collect();
        let peers = members
            .into_iter()
            .map(|member| match known.get(&member) {
                Some(peer) => Ok((*peer).clone()),
                None => self.peer(member),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let ring = match peers.is_empty() {
            true => None,
            false => Some(Ring::new(self.scheme.clone(), peers).map_err(Error::ring)?),
        };
        let routes = self.routes.swap(Arc::new(Routes::new(ring)));
        if !self.handoff.is_zero() && !routes.peers().is_empty() {
            let until = Instant::now() + self.handoff;
            self.former.store(Some(Arc::new(Former { routes, until })));
        }
        Ok(())
    }

    fn peer(&self, member: Member) -> Result<Peer, Error> {
        if member.id() == self.this.id() {
            return Ok(Peer::local(member));
        }
        let client = self.transport.dial(&member)?;
        Ok(Peer::remote(member, client, self.circuit.clone()))
    }
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
