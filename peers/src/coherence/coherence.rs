use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::change_log::{ChangeLog, Changed};
use super::options::CoherenceOptions;
use super::standings::{Confirmed, Due, DueExchange, FIRST_PAUSE, Standings};
use super::version_vector::VersionVector;
use crate::{ChangeId, Knowledge, KnownChange, Member, NodeState, Peer, Stamp, UnnamedChanges};

/// What one node knows of changes: those that it has made, whoever began them, the latest ones of each key, and how far
/// each of its peers is.
///
/// Every method is a short look or change under a lock, and none waits. The caller brings the time.
///
/// A change goes through three steps on every node, also on the one that begins it. The node *hears* of it: from now on the
/// change is among those that the node [knows](Self::known) of the key, and no work that began before [stores](Self::position) its
/// value. Then the node forgets the key. Then the change is [made](Self::made): other nodes hear that this one needs it no more.
#[derive(Debug)]
pub struct Coherence {
    /// This node's own, until it starts again. It begins with the time of the start, so that all nodes know which are old.
    origin: u64,
    state: Mutex<State>,
    /// The position of the next change in the log. Written under the lock.
    position: AtomicU64,
    /// The position from which on the log has all changes. Written under the lock.
    reach: AtomicU64,
    /// The hash of what this node has made. Written under the lock.
    made: AtomicU64,
    standings: Standings,
}

#[derive(Debug)]
struct State {
    made: VersionVector,
    log: ChangeLog,
    /// What this node says of itself.
    own: Knowledge,
    /// The next look for peers to compare with comes when the log is [worn](ChangeLog::worn) up to this position.
    next_look: u64,
}

/// What a node does with a value that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetVerdict {
    /// It takes the value.
    Keep,
    /// It forgets the key: it knows of a change that the node that set the value did not know of, so that nobody can say
    /// which is the later one.
    Forget,
    /// Nothing: it has made this change, or a later one.
    Old,
}

/// How far a peer is trusted to know what this node has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// This node has forgotten nothing.
    Full,
    /// The peer with this origin knows all of it.
    Of(u64),
    /// Not at all.
    None,
}

impl Coherence {
    /// The state of a node that starts at this time, by its id among the members. `has_exchanges` says whether its protocol
    /// can [exchange](Knowledge) what two nodes know, and carries the names of changes.
    pub fn new(
        member: &str,
        started: SystemTime,
        options: CoherenceOptions,
        has_exchanges: bool,
    ) -> Self {
        let started = started.duration_since(SystemTime::UNIX_EPOCH);
        let random = RandomState::new().hash_one("origin") >> 32;
        let origin = (started.unwrap_or_default().as_secs() << 32 | random).max(1);
        Self {
            origin,
            state: Mutex::new(State {
                made: VersionVector::default(),
                log: ChangeLog::new(options.change_log_bytes),
                own: Knowledge {
                    member: member.into(),
                    origin,
                    ..Knowledge::default()
                },
                next_look: 1,
            }),
            position: AtomicU64::new(0),
            reach: AtomicU64::new(0),
            made: AtomicU64::new(VersionVector::default().hash()),
            standings: Standings::new(options.exchange_interval, has_exchanges),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.position.store(state.log.end(), Ordering::SeqCst);
        self.reach.store(state.log.reach(), Ordering::SeqCst);
        self.made.store(state.made.hash(), Ordering::SeqCst);
        let worn = state.log.worn();
        if worn >= state.next_look {
            state.next_look = worn + state.log.len() / 4 + 1;
            self.standings.news.notify_one();
        }
        result
    }
}

/// # Changes of this node
impl Coherence {
    /// The name of a change that this node begins, or of the first of so many. `members` is the
    /// [hash](crate::Routes::members_hash) of those that will be told. This node hears of the change with
    /// [`hear`](Self::hear), as every other one does.
    pub fn begin(&self, changes: usize, members: u64) -> Stamp {
        let mut state = self.state.lock();
        let (origin, number) = (self.origin, state.own.begun + 1);
        state.own.begun += changes as u64;
        let id = ChangeId { origin, number };
        Stamp { id, members }
    }
}

/// # Changes that reach this node
impl Coherence {
    /// Hears of a change of a key, or of all keys of the group. Says whether this node has to forget it.
    ///
    /// Changes without a name cannot be told apart, so that all of them count.
    pub fn hear(&self, group: &str, key: Option<&[u8]>, id: Option<ChangeId>) -> bool {
        self.change(|state| state.hear(group, key, id))
    }

    /// Hears of a new value of a key, from a node that knew of these changes of it. The caller holds the lock of the
    /// key's entry, so that no load of the key comes in between.
    pub fn hear_set(
        &self,
        group: &str,
        key: &[u8],
        stamp: Option<Stamp>,
        known: &[KnownChange],
    ) -> SetVerdict {
        let id = stamp.map(|stamp| stamp.id);
        let confirmed = match id {
            Some(id) if id.origin != self.origin => self.standings.confirmed_before(id),
            _ => u64::MAX,
        };
        self.change(|state| {
            let judge = |id| state.judge(group, key, id, known, confirmed);
            let verdict = id.map_or(SetVerdict::Keep, judge);
            if verdict != SetVerdict::Old {
                state.hear(group, Some(key), id);
            }
            verdict
        })
    }

    /// This node has made a change. Without a name, it is nobody's business.
    pub fn made(&self, id: Option<ChangeId>) {
        if let Some(ChangeId { origin, number }) = id {
            self.change(|state| state.made.insert(origin, number..=number));
        }
    }
}

impl State {
    /// Says whether the change has yet to be made. One that somebody is making has, so that nobody takes it for made too early.
    fn hear(&mut self, group: &str, key: Option<&[u8]>, id: Option<ChangeId>) -> bool {
        let is_made = id.is_some_and(|id| self.made.contains(id));
        let is_latest = |id: ChangeId| self.log.latest_of(group, key, id.origin) == Some(id);
        if !is_made && !id.is_some_and(is_latest) {
            self.log.append(group, key, id);
        }
        !is_made
    }

    fn judge(
        &self,
        group: &str,
        key: &[u8],
        id: ChangeId,
        known: &[KnownChange],
        confirmed: u64,
    ) -> SetVerdict {
        let latest = self.log.latest_of(group, Some(key), id.origin);
        let latest = latest.filter(|latest| *latest >= id);
        if self.made.contains(id) || latest.is_some_and(|later| self.made.contains(later)) {
            return SetVerdict::Old;
        }
        let was_known = |change: &KnownChange| {
            let mut known = known.iter().map(|known| known.id);
            change.id.origin == id.origin
                || known.any(|known| known.origin == change.id.origin && known >= change.id)
        };
        // Somebody is making it, or a later one. Or its sender may lack a change that this node remembers no more.
        if latest.is_some()
            || confirmed < self.log.reach()
            || !self.log.known(group, key).iter().all(was_known)
        {
            return SetVerdict::Forget;
        }
        SetVerdict::Keep
    }

    fn summary(&self) -> Knowledge {
        let mut summary = self.own.clone();
        summary.made = self.made.to_list();
        summary
    }
}

/// # What a value has to be newer than
impl Coherence {
    /// The changes that a key's value has to be newer than: they go with every request for it.
    pub fn known(&self, group: &str, key: &[u8]) -> Vec<KnownChange> {
        if self.position() == 0 {
            return Vec::new(); // most clusters change little
        }
        self.state.lock().log.known(group, key)
    }

    /// The position of the next change that this node hears of. Work that brings a value takes it before it begins, and
    /// stores the value only if the key has not [changed](Self::has_changed_since) by then, which is
    /// checked under the lock that guards the entry.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::SeqCst)
    }

    /// Whether this node has heard of a change of the key from a position on. If the log holds fewer changes than that,
    /// any key may have changed.
    pub fn has_changed_since(&self, group: &str, key: &[u8], position: u64) -> bool {
        let has_changed = |log: &ChangeLog| log.has_changed_since(group, key, position);
        self.position() != position && has_changed(&self.state.lock().log)
    }
}

/// # Exchanges of what two nodes know
impl Coherence {
    /// Goes with every reply.
    pub fn node_state(&self) -> NodeState {
        let (origin, made) = (self.origin, self.made.load(Ordering::SeqCst));
        NodeState { origin, made }
    }

    /// From now on this node says to everybody that it leaves.
    pub fn leave(&self) {
        self.state.lock().own.is_leaving = true;
    }

    /// What this node has made, to ask a peer for what it lacks.
    pub fn summary(&self) -> Knowledge {
        self.state.lock().summary()
    }

    /// Everything that the peer lacks that has sent this knowledge.
    pub fn lacking(&self, theirs: &Knowledge) -> Knowledge {
        let (origin, number) = (theirs.origin, u64::MAX);
        let confirmed = self.standings.confirmed_before(ChangeId { origin, number });
        let theirs = VersionVector::of(&theirs.made);
        let state = self.state.lock();
        let lacking = state.log.lacking(&theirs, &state.made, confirmed);
        Knowledge {
            complete_for: if lacking.is_all { origin } else { 0 },
            changes: lacking.named,
            unnamed: lacking.unnamed,
            ..state.summary()
        }
    }

    /// The answer to a peer that has sent what it knows, once this node has [made](Self::absorb) that: what the peer lacks.
    pub fn answer(&self, theirs: &Knowledge, now: Instant) -> Knowledge {
        let position = self.position();
        let lacking = self.lacking(theirs);
        if lacking.is_nothing_new() {
            let confirmed = Confirmed::by(theirs, position);
            self.standings.confirm(&theirs.member, confirmed, now);
        }
        lacking
    }

    /// The changes that a peer could not name, as far as this node lacks them. This node has to hear of a change of all keys of
    /// each of these groups, and to forget them.
    pub fn unnamed<'a>(&self, theirs: &'a Knowledge) -> Vec<&'a UnnamedChanges> {
        let (theirs, made) = (&theirs.unnamed, VersionVector::of(&theirs.made));
        let state = self.state.lock();
        let lacks = |id: &ChangeId| made.has_more_than(&state.made, *id);
        let unnamed = theirs.iter().filter(|group| group.up_to.iter().any(lacks));
        unnamed.collect()
    }

    /// This node has made all changes that a peer has named, and now also these, which it could not name. If the peer has told
    /// everything, this node has made all that the peer has.
    pub fn absorb(&self, theirs: &Knowledge, unnamed: &[&UnnamedChanges]) {
        self.change(|state| {
            for unnamed in unnamed {
                state.log.note_unnamed(unnamed);
            }
            if theirs.complete_for == self.origin {
                state.made.insert_all(&theirs.made);
            }
        });
        // After changes without names no peer is trusted before it is compared with.
        self.standings.news.notify_one();
    }
}

/// # How far peers are
impl Coherence {
    /// A peer was not told of the changes from this position on.
    pub fn not_told(&self, peer: &Peer, position: u64, now: Instant) {
        let (missed, due) = (position..self.position(), now + FIRST_PAUSE);
        self.standings.miss(peer.member(), missed, due);
    }

    /// Another node says that a peer may lack changes. This one tells it at once, if it can.
    pub fn may_lack_some(&self, peer: &Peer, now: Instant) {
        let position = self.position();
        self.standings.miss(peer.member(), position..position, now);
    }

    /// A peer has replied. If it has made the same changes as this node, the two need not compare for a while. If it has started
    /// again, they have to, unless this node has forgotten nothing.
    pub fn heard(&self, peer: &Peer, state: NodeState) {
        if state.made == self.made.load(Ordering::SeqCst) && state.made > 0 {
            peer.note_agreement();
        }
        if self.reach.load(Ordering::SeqCst) > 0 {
            self.standings.heard(peer.member(), state.origin);
        }
    }

    /// The start of a peer with which this node has compared last, by its [origin](ChangeId::origin); `None` if it has yet to.
    pub fn start_of(&self, peer: &Member) -> Option<u64> {
        let confirmed = self.standings.confirmed(peer)?;
        Some(confirmed.origin)
    }

    /// Wakes the one task that makes the exchanges: another one may be [due](Self::due), or due sooner.
    pub fn news(&self) -> &Notify {
        &self.standings.news
    }

    /// Whether it is known that a peer may lack changes.
    pub fn is_behind(&self, peer: &Member) -> bool {
        self.standings.is_behind(peer)
    }

    /// Whether a peer may be asked for a value, with all that this node [knows](Self::known) of the key, which has been read
    /// before. A peer may not that could lack changes which this node remembers no more: its values may be older. With
    /// [`Trust::Of`], only the answer of that start of the peer counts.
    pub fn trust(&self, peer: &Member) -> Trust {
        let reach = self.reach.load(Ordering::SeqCst);
        if reach == 0 || !self.standings.has_exchanges {
            return Trust::Full;
        }
        let confirmed = self.standings.confirmed(peer);
        let confirmed = confirmed.filter(|confirmed| confirmed.position >= reach);
        confirmed.map_or(Trust::None, |confirmed| Trust::Of(confirmed.origin))
    }

    /// The exchanges with members that are due, and when to look again.
    pub fn due(&self, members: &[Peer], now: Instant) -> Due {
        let worn = self.state.lock().log.worn();
        self.standings.due(members, worn, now)
    }

    /// Ends an exchange; `None` if it has failed.
    pub fn exchanged(&self, exchange: &DueExchange, confirmed: Option<Confirmed>, now: Instant) {
        self.standings.ended(exchange, confirmed, now);
    }

    /// The group and the key of each change that this node began, from a position on, for a peer whose protocol names no
    /// changes. `None` if the log does not hold all of them.
    pub fn own_since(&self, position: u64) -> Option<Changed> {
        self.state.lock().log.named_since(position)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::coherence::nowhere;

    fn node() -> Coherence {
        started(CoherenceOptions::default())
    }

    /// A node whose log soon forgets.
    fn forgetful() -> Coherence {
        let options = CoherenceOptions::default().change_log_bytes(1 << 16);
        started(options)
    }

    fn started(options: CoherenceOptions) -> Coherence {
        Coherence::new("p", SystemTime::UNIX_EPOCH, options, true)
    }

    /// How far a node trusts its peer `p`.
    fn trust(node: &Coherence) -> Trust {
        node.trust(nowhere::peer("p", "p").member())
    }

    fn hear(node: &Coherence, key: &str, stamp: Stamp) -> bool {
        node.hear("g", Some(key.as_bytes()), Some(stamp.id))
    }

    /// Hears of what an asker knows. Returns what is news.
    fn hear_known(node: &Coherence, known: &[KnownChange]) -> Vec<KnownChange> {
        let news = known.iter().filter(|change| {
            let key = (!change.all).then_some(&b"k"[..]);
            node.hear("g", key, Some(change.id))
        });
        news.copied().collect()
    }

    /// Begins a removal at a node, which makes it.
    fn remove(node: &Coherence, key: &str) -> Stamp {
        let stamp = node.begin(1, 0);
        make(node, key, stamp);
        stamp
    }

    /// A removal reaches a node, which makes it. Says whether it had to.
    fn make(node: &Coherence, key: &str, stamp: Stamp) -> bool {
        let is_news = hear(node, key, stamp);
        node.made(Some(stamp.id));
        is_news
    }

    fn set(node: &Coherence, key: &str, stamp: Stamp, known: &[KnownChange]) -> SetVerdict {
        let verdict = node.hear_set("g", key.as_bytes(), Some(stamp), known);
        node.made(Some(stamp.id));
        verdict
    }

    /// Tells one node what another one knows. Returns the keys that it has to forget, and the groups.
    fn tell(from: &Coherence, to: &Coherence) -> (Vec<String>, usize) {
        let lacking = from.lacking(&to.summary());
        let news = lacking.changes.iter().filter(|change| {
            let (key, id) = (change.key.as_deref(), Some(change.id));
            let is_news = to.hear(&change.group, key, id);
            to.made(id);
            is_news
        });
        let text = |key: &Bytes| String::from_utf8(key.to_vec()).unwrap();
        let keys = news
            .filter_map(|change| change.key.as_ref().map(text))
            .collect();
        let unnamed = to.unnamed(&lacking);
        to.absorb(&lacking, &unnamed);
        (keys, unnamed.len())
    }

    #[test]
    fn a_change_counts_once_on_a_node() {
        let (one, other) = (node(), node());
        let stamp = remove(&one, "k");
        assert!(make(&other, "k", stamp));
        assert!(!make(&other, "k", stamp));
        let (second, third) = (remove(&one, "k"), remove(&one, "k"));
        for stamp in [third, second] {
            assert!(make(&other, "k", stamp), "in any order");
            assert!(!make(&other, "k", stamp));
        }
        assert_eq!(other.known("g", b"k"), one.known("g", b"k"));
    }

    #[test]
    fn a_change_that_is_heard_twice_before_it_is_made_is_made_by_both() {
        let (one, other) = (node(), node());
        let stamp = remove(&one, "k");
        assert!(hear(&other, "k", stamp));
        let position = other.position();
        assert!(hear(&other, "k", stamp));
        assert_eq!(other.position(), position, "it is in the log");
    }

    #[test]
    fn an_asker_takes_its_changes_along() {
        let (told, untold) = (node(), node());
        remove(&told, "k");
        assert_eq!(told.known("g", b"other"), []);
        let known = told.known("g", b"k");
        assert_eq!(hear_known(&untold, &known), known);
        untold.made(Some(known[0].id));
        assert_eq!(hear_known(&untold, &known), []);
        assert_eq!(untold.known("g", b"k"), known);
    }

    #[test]
    fn work_that_began_before_a_change_of_its_key_is_void() {
        let node = node();
        let before = node.position();
        remove(&node, "other");
        assert!(!node.has_changed_since("g", b"k", before));
        remove(&node, "k");
        assert!(node.has_changed_since("g", b"k", before));
        assert!(!node.has_changed_since("g", b"k", node.position()));
        node.hear("g", None, None);
        assert!(node.has_changed_since("g", b"any", before));
    }

    #[test]
    fn a_value_is_kept_unless_its_sender_missed_a_change() {
        let (one, other, owner) = (node(), node(), node());
        let (first, second) = (one.begin(1, 0), other.begin(1, 0));
        assert_eq!(set(&owner, "k", first, &[]), SetVerdict::Keep);
        assert_eq!(
            set(&owner, "k", second, &[]),
            SetVerdict::Forget,
            "which is the later one?"
        );
        assert_eq!(set(&owner, "k", first, &[]), SetVerdict::Old);

        let known = owner.known("g", b"k");
        assert_eq!(set(&owner, "k", one.begin(1, 0), &known), SetVerdict::Keep);
        assert_eq!(set(&owner, "k", one.begin(1, 0), &[]), SetVerdict::Forget);
        let late = other.begin(1, 0);
        make(&owner, "k", other.begin(1, 0));
        assert_eq!(set(&owner, "k", late, &known), SetVerdict::Old);
    }

    #[test]
    fn a_value_of_a_node_that_may_lack_what_is_forgotten_is_not_kept() {
        let (one, owner) = (node(), forgetful());
        for number in 0..2000 {
            remove(&owner, &number.to_string());
        }
        assert_eq!(set(&owner, "k", one.begin(1, 0), &[]), SetVerdict::Forget);
        compare(&owner, &one);
        assert_eq!(set(&owner, "j", one.begin(1, 0), &[]), SetVerdict::Keep);
        let again = node();
        assert_eq!(set(&owner, "j", again.begin(1, 0), &[]), SetVerdict::Forget);
    }

    #[test]
    fn a_peer_is_asked_only_if_it_has_made_what_this_node_forgets() {
        let (one, other) = (forgetful(), node());
        remove(&one, "k");
        assert_eq!(trust(&one), Trust::Full, "the change goes along");
        for number in 0..2000 {
            remove(&one, &number.to_string());
        }
        assert_eq!(trust(&one), Trust::None);
        compare(&one, &other);
        assert_eq!(trust(&one), Trust::Of(other.origin));
        let again = node().node_state();
        one.heard(&nowhere::peer("p", "p"), again);
        assert_eq!(trust(&one), Trust::None, "it has started again");
    }

    /// Has a node compare with another one, its peer `p`.
    fn compare(node: &Coherence, other: &Coherence) {
        let (due, _) = node.due(&[nowhere::peer("p", "p")], Instant::now());
        let position = node.position();
        tell(node, other);
        let confirmed = Confirmed::by(&other.summary(), position);
        node.exchanged(&due[0], Some(confirmed), Instant::now());
    }

    #[test]
    fn a_reply_shows_whether_its_sender_has_made_the_same_changes() {
        let (one, other, peer) = (node(), node(), nowhere::peer("p", "p"));
        let agrees = || {
            one.heard(&peer, other.node_state());
            peer.take_agreement()
        };
        assert!(agrees(), "none");
        let (first, second) = (remove(&one, "k"), other.begin(1, 0));
        assert!(!agrees());
        make(&other, "j", second);
        assert!(!agrees());
        make(&one, "j", second);
        make(&other, "k", first);
        assert!(agrees());
        assert!(!peer.take_agreement(), "it was taken");
    }

    #[test]
    fn an_exchange_brings_what_a_node_lacks_and_nothing_twice() {
        let (one, other, third) = (node(), node(), node());
        remove(&one, "a");
        let shared = remove(&one, "b");
        make(&other, "b", shared);
        remove(&other, "c");
        assert_eq!(tell(&one, &other), (vec!["a".into()], 0));
        assert_eq!(tell(&other, &one), (vec!["c".into()], 0));
        assert_eq!(tell(&one, &other), (vec![], 0));
        assert_eq!((tell(&one, &other), tell(&other, &one)), Default::default());
        // A third node hears of the changes of a node that is gone.
        drop(one);
        assert_eq!(tell(&other, &third).0, ["b", "c", "a"]);
    }

    #[test]
    fn a_node_that_missed_more_than_a_log_holds_forgets_the_group() {
        let (one, other, third) = (forgetful(), node(), node());
        for number in 0..2000 {
            remove(&one, &number.to_string());
        }
        let (keys, groups) = tell(&one, &other);
        assert!(keys.len() < 2000 && groups == 1);
        assert_eq!(one.summary().made, other.summary().made);
        assert_eq!(tell(&one, &other), (vec![], 0));
        assert_eq!(
            tell(&other, &third),
            (keys, 1),
            "nor can the other name them"
        );
        assert_eq!(tell(&one, &third), (vec![], 0));
    }

    #[test]
    fn a_summary_is_no_claim() {
        let (one, other) = (node(), node());
        remove(&one, "k");
        other.absorb(&one.summary(), &[]);
        assert_eq!(tell(&one, &other).0, ["k"]);
    }

    #[test]
    fn what_was_meant_for_an_earlier_start_of_a_node_claims_nothing() {
        let (one, other, again) = (node(), node(), node());
        remove(&one, "k");
        tell(&one, &other);
        let late = one.lacking(&other.summary());
        again.absorb(&late, &[]);
        assert_eq!(tell(&one, &again).0, ["k"]);
    }

    #[test]
    fn what_a_peer_cannot_name_costs_nothing_if_it_is_made_by_then() {
        let (one, other, third) = (forgetful(), node(), node());
        for number in 0..2000 {
            let stamp = remove(&one, &number.to_string());
            make(&other, &number.to_string(), stamp);
        }
        let late = one.lacking(&third.summary());
        tell(&other, &third);
        assert!(!late.unnamed.is_empty() && third.unnamed(&late).is_empty());
        third.absorb(&late, &third.unnamed(&late));
        assert_eq!(trust(&third), Trust::Full);
    }

    #[test]
    fn a_value_that_was_set_before_its_sender_was_compared_with_is_not_kept() {
        let (one, owner) = (node(), forgetful());
        let early = one.begin(1, 0);
        for number in 0..2000 {
            remove(&owner, &number.to_string());
        }
        compare(&owner, &one);
        assert_eq!(set(&owner, "k", early, &[]), SetVerdict::Forget);
        assert_eq!(set(&owner, "k", one.begin(1, 0), &[]), SetVerdict::Keep);
    }
}
