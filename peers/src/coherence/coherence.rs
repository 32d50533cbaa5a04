use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::change_log::ChangeLog;
use super::options::CoherenceOptions;
use super::standings::{DueExchange, Exchanged, Standings};
use super::version_vector::VersionVector;
use crate::{ChangeId, Knowledge, KnownChange, NamedChange, Peer, Stamp};

/// What one node knows of changes: those that it has made, whoever began them, the latest ones of each key, and which of
/// its peers may lack one.
///
/// Every method is a short look or change under a lock, and none waits. The caller brings the time.
///
/// A change goes through three steps on every node, also on the one that begins it. The node *hears* of it: from now on the
/// change is among those that the node [knows](Self::known) of the key, and no work that began before [stores](Self::position) its
/// value. Then the node forgets the key. Then the change is [made](Self::made): other nodes hear that this one needs it no more.
#[derive(Debug)]
pub struct Coherence {
    options: CoherenceOptions,
    /// This node's own, until it starts again.
    origin: u64,
    state: Mutex<State>,
    /// How many changes have been made. Written under the lock.
    seen: AtomicU64,
    /// The position of the next change in the log. Written under the lock.
    position: AtomicU64,
    standings: Standings,
    /// Wakes whoever makes the exchanges.
    news: Notify,
}

#[derive(Debug)]
struct State {
    made: VersionVector,
    log: ChangeLog,
    /// The number of this node's last change.
    begun: u64,
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

impl Coherence {
    /// The state of a node that starts.
    pub fn new(options: CoherenceOptions) -> Self {
        Self {
            origin: RandomState::new().hash_one("origin").max(1),
            state: Mutex::new(State {
                made: VersionVector::default(),
                log: ChangeLog::new(options.change_log_bytes),
                begun: 0,
            }),
            seen: AtomicU64::new(0),
            position: AtomicU64::new(0),
            standings: Standings::default(),
            news: Notify::new(),
            options,
        }
    }

    /// The options.
    pub fn options(&self) -> &CoherenceOptions {
        &self.options
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.seen.store(state.made.count(), Ordering::SeqCst);
        self.position.store(state.log.end(), Ordering::SeqCst);
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
        let number = state.begun + 1;
        state.begun += changes as u64;
        Stamp {
            id: ChangeId {
                origin: self.origin,
                number,
            },
            seen: state.made.count(),
            members,
        }
    }
}

/// # Changes that reach this node
impl Coherence {
    /// Hears of changes of some keys. Returns the places of those keys that this node has to forget.
    ///
    /// Changes without a stamp cannot be told apart, so that all of them count.
    pub fn hear<K: AsRef<[u8]>>(
        &self,
        group: &str,
        keys: &[K],
        stamp: Option<Stamp>,
    ) -> Vec<usize> {
        self.change(|state| {
            let hears = |place: &usize| {
                let id = stamp.map(|stamp| stamp.at(*place).id);
                state.hear(group, Some(keys[*place].as_ref()), id)
            };
            (0..keys.len()).filter(hears).collect()
        })
    }

    /// Hears of a change of all keys of a group. Says whether this node has to forget them.
    pub fn hear_all(&self, group: &str, stamp: Option<Stamp>) -> bool {
        let id = stamp.map(|stamp| stamp.id);
        self.change(|state| state.hear(group, None, id))
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
        self.change(|state| {
            let verdict = stamp.map_or(SetVerdict::Keep, |stamp| {
                state.judge(group, key, stamp, known)
            });
            if verdict != SetVerdict::Old {
                state.hear(group, Some(key), stamp.map(|stamp| stamp.id));
            }
            verdict
        })
    }

    /// Hears of changes of a key that an asker knows. Returns those that this node has yet to make.
    pub fn hear_known(&self, group: &str, key: &[u8], known: &[KnownChange]) -> Vec<KnownChange> {
        self.change(|state| {
            let news = known.iter().copied().filter(|change| {
                let key = (!change.all).then_some(key);
                state.hear(group, key, Some(change.id))
            });
            news.collect()
        })
    }

    /// Hears of changes that a peer has named. Returns those that this node has to make.
    pub fn hear_named<'a>(&self, changes: &'a [NamedChange]) -> Vec<&'a NamedChange> {
        self.change(|state| {
            let news = changes.iter().filter(|change| {
                let (key, id) = (change.key.as_deref(), Some(change.id));
                state.hear(&change.group, key, id)
            });
            news.collect()
        })
    }

    /// This node has made so many changes, the first of which has this stamp.
    pub fn made(&self, stamp: Option<Stamp>, changes: usize) {
        let Some(id) = stamp.map(|stamp| stamp.id) else {
            return;
        };
        if let Some(last) = (changes as u64).checked_sub(1) {
            let last = id.number.saturating_add(last);
            self.change(|state| state.made.insert(id.origin, id.number..=last));
        }
    }

    /// This node has made these changes.
    pub fn made_all(&self, changes: impl IntoIterator<Item = ChangeId>) {
        self.change(|state| {
            for id in changes {
                state.made.insert(id.origin, id.number..=id.number);
            }
        });
    }
}

impl State {
    /// Says whether the change has to be made: it is neither made nor behind a later one that is. One that somebody is
    /// making has to be made, so that nobody takes it for made too early.
    fn hear(&mut self, group: &str, key: Option<&[u8]>, id: Option<ChangeId>) -> bool {
        let seen = self.made.count();
        let Some(id) = id else {
            self.log.append(group, key, None, seen);
            return true;
        };
        if self.made.contains(id) {
            return false;
        }
        let latest = self.log.latest_of(group, key, id.origin);
        if latest == Some(id) {
            return true;
        }
        let is_behind = latest.is_some_and(|latest| latest > id && self.made.contains(latest));
        self.log.append(group, key, Some(id), seen);
        !is_behind
    }

    fn judge(&self, group: &str, key: &[u8], stamp: Stamp, known: &[KnownChange]) -> SetVerdict {
        let id = stamp.id;
        let latest = self.log.latest_of(group, Some(key), id.origin);
        let is_made = |id| self.made.contains(id);
        match latest.filter(|latest| *latest >= id) {
            _ if is_made(id) => return SetVerdict::Old,
            Some(later) if is_made(later) => return SetVerdict::Old,
            // Somebody is making it, or a later one.
            Some(_) => return SetVerdict::Forget,
            None => {}
        }
        let was_known = |change: &KnownChange| {
            let is_own = change.id.origin == id.origin;
            is_own
                || known
                    .iter()
                    .any(|known| known.id.origin == change.id.origin && known.id >= change.id)
        };
        // A node that had made fewer changes lacked one of those that this node remembers no more.
        let is_late = stamp.seen < self.log.dropped_seen();
        if !is_late && self.log.known(group, key).iter().all(was_known) {
            SetVerdict::Keep
        } else {
            SetVerdict::Forget
        }
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

    /// The same for several keys, each change with the place of its key.
    pub fn known_of_each<K: AsRef<[u8]>>(
        &self,
        group: &str,
        keys: &[K],
    ) -> Vec<(u32, KnownChange)> {
        if self.position() == 0 {
            return Vec::new();
        }
        let log = &self.state.lock().log;
        let places = (0_u32..).zip(keys);
        let known = places.flat_map(|(place, key)| {
            let known = log.known(group, key.as_ref()).into_iter();
            known.map(move |change| (place, change))
        });
        known.collect()
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
        self.position() != position
            && self
                .state
                .lock()
                .log
                .has_changed_since(group, key, position)
    }
}

/// # Exchanges of what two nodes know
impl Coherence {
    /// How many changes this node has made. Goes with every reply.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// What this node has made, to ask a peer for what it lacks.
    pub fn summary(&self) -> Knowledge {
        Knowledge {
            made: self.state.lock().made.to_list(),
            ..Knowledge::default()
        }
    }

    /// Everything that the peer lacks that has sent this knowledge.
    pub fn lacking(&self, theirs: &Knowledge) -> Knowledge {
        let theirs = VersionVector::of(&theirs.made);
        let state = self.state.lock();
        let (changes, unnamed) = state.log.lacking(&theirs, &state.made);
        Knowledge {
            made: state.made.to_list(),
            is_complete: true,
            changes,
            unnamed,
        }
    }

    /// This node has made all changes that a peer has named, and those that it could not name. If the peer has told
    /// everything, this node has made all that the peer has.
    pub fn absorb(&self, theirs: &Knowledge) {
        let own = self.origin;
        self.change(|state| {
            for unnamed in &theirs.unnamed {
                state.log.note_unnamed(unnamed);
            }
            for NamedChange { id, .. } in &theirs.changes {
                state.made.insert(id.origin, id.number..=id.number);
            }
            if theirs.is_complete {
                for (origin, ranges) in &theirs.made {
                    // Nobody knows more of this node's own changes than it does.
                    for range in ranges.iter().filter(|_| *origin != own) {
                        state.made.insert(*origin, range.clone());
                    }
                }
            }
        });
    }
}

/// # Peers that may lack changes
impl Coherence {
    /// A peer was not told of the changes from this position on.
    pub fn not_told(&self, peer: &Peer, position: u64, now: Instant) {
        self.standings.mark_untold(peer, position, now);
        self.news.notify_one();
    }

    /// A peer has become a member. It may lack what has changed since it left, or any change if it is new.
    pub fn has_joined(&self, peer: &Peer, now: Instant) {
        self.standings.mark_new(peer, now);
        self.news.notify_one();
    }

    /// A peer is a member no more. Nobody tells it of the changes from this position on.
    pub fn has_left(&self, peer: &Peer, position: u64, now: Instant) {
        self.standings.mark_former(peer, position, now);
    }

    /// Another node says that a peer may lack changes: any of them.
    pub fn may_lack_any(&self, peer: &Peer, now: Instant) {
        self.standings.mark_behind(peer, now);
        self.news.notify_one();
    }

    /// A reply of a peer said how many changes it has made. If this node has made fewer, it will compare with the peer
    /// soon, unless it has caught up by then.
    pub fn heard(&self, peer: &Peer, seen: u64, now: Instant) {
        if seen > self.seen() && self.standings.mark_ahead(peer, seen, now) {
            self.news.notify_one();
        }
    }

    /// Ends when another exchange may be [due](Self::due), or due sooner. One task waits.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Whether a peer may lack changes.
    pub fn is_behind(&self, peer: &str) -> bool {
        self.standings.behind_since(peer).is_some()
    }

    /// Whether a peer's values may be older than changes that this node has made and remembers no more. It is not asked
    /// then.
    pub fn distrusts(&self, peer: &str) -> bool {
        let since = self.standings.behind_since(peer);
        since.is_some_and(|since| self.state.lock().log.has_dropped_since(since))
    }

    /// The exchanges that are due, and when the next one will be.
    pub fn due(
        &self,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> (Vec<DueExchange>, Option<Instant>) {
        self.standings.due(self.seen(), is_member, now)
    }

    /// Ends an exchange.
    pub fn exchanged(&self, exchange: &DueExchange, how: Exchanged, now: Instant) {
        self.standings.ended(exchange, how, now);
        self.news.notify_one();
    }

    /// This node's own changes from a position on, for a peer whose protocol has no exchange: the group and the key of each.
    /// `None` if the log does not hold all of them.
    pub fn own_since(&self, position: u64) -> Option<Vec<(Arc<str>, Option<Bytes>)>> {
        self.state.lock().log.of_origin_since(self.origin, position)
    }

    /// The number of changes of a group that this node could not tell, over all peers.
    pub fn pending(&self, group: &str) -> u64 {
        let untold = self.standings.untold();
        if untold.is_empty() {
            return 0;
        }
        let log = &self.state.lock().log;
        let counts = untold
            .iter()
            .map(|(_, since)| log.count_since(*since, Some(group)));
        counts.sum()
    }

    /// The same of all groups, by the peers' ids.
    pub fn pending_by_peer(&self) -> Vec<(Box<str>, u64)> {
        let untold = self.standings.untold();
        let log = &self.state.lock().log;
        let counts = untold.into_iter();
        counts
            .map(|(peer, since)| (peer, log.count_since(since, None)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Coherence {
        Coherence::new(CoherenceOptions::default())
    }

    /// Begins a removal at a node, which makes it.
    fn remove(node: &Coherence, key: &str) -> Stamp {
        let stamp = node.begin(1, 0);
        make(node, key, stamp);
        stamp
    }

    /// A removal reaches a node, which makes it. Says whether it had to.
    fn make(node: &Coherence, key: &str, stamp: Stamp) -> bool {
        let news = node.hear("g", &[key], Some(stamp));
        node.made(Some(stamp), 1);
        !news.is_empty()
    }

    fn set(node: &Coherence, key: &str, stamp: Stamp, known: &[KnownChange]) -> SetVerdict {
        let verdict = node.hear_set("g", key.as_bytes(), Some(stamp), known);
        node.made(Some(stamp), 1);
        verdict
    }

    /// Tells one node what another one knows. Returns the keys that it has to forget, and the groups.
    fn tell(from: &Coherence, to: &Coherence) -> (Vec<String>, usize) {
        let lacking = from.lacking(&to.summary());
        let news = to.hear_named(&lacking.changes).into_iter();
        let text = |key: &Bytes| String::from_utf8(key.to_vec()).unwrap();
        let keys = news
            .filter_map(|change| change.key.as_ref().map(text))
            .collect();
        to.absorb(&lacking);
        (keys, lacking.unnamed.len())
    }

    #[test]
    fn a_change_counts_once_on_a_node() {
        let (one, other) = (node(), node());
        let stamp = remove(&one, "k");
        assert!(make(&other, "k", stamp));
        assert!(!make(&other, "k", stamp));
        assert_eq!((one.seen(), other.seen()), (1, 1));
        let later = remove(&one, "k");
        let last = remove(&one, "k");
        assert!(make(&other, "k", last));
        assert!(!make(&other, "k", later), "it is behind the last one");
        assert_eq!(other.seen(), 3);
    }

    #[test]
    fn a_change_that_is_heard_twice_before_it_is_made_is_made_by_both() {
        let (one, other) = (node(), node());
        let stamp = Some(remove(&one, "k"));
        assert_eq!(other.hear("g", &["k"], stamp), [0]);
        let position = other.position();
        assert_eq!(other.hear("g", &["k"], stamp), [0]);
        assert_eq!(other.position(), position, "it is in the log");
    }

    #[test]
    fn an_asker_takes_its_changes_along() {
        let (told, untold) = (node(), node());
        remove(&told, "k");
        assert_eq!(told.known("g", b"other"), []);
        let known = told.known("g", b"k");
        assert_eq!(untold.hear_known("g", b"k", &known), known);
        untold.made_all(known.iter().map(|change| change.id));
        assert_eq!(untold.hear_known("g", b"k", &known), []);
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
        node.hear_all("g", None);
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
    fn a_value_from_before_all_that_a_node_remembers_is_not_kept() {
        let options = CoherenceOptions::default().change_log_bytes(1 << 16);
        let (one, owner) = (node(), Coherence::new(options));
        let late = one.begin(1, 0);
        for number in 0..2000 {
            remove(&owner, &number.to_string());
        }
        assert_eq!(set(&owner, "k", late, &[]), SetVerdict::Forget);
        tell(&owner, &one);
        assert_eq!(set(&owner, "k", one.begin(1, 0), &[]), SetVerdict::Keep);
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
        assert_eq!((one.seen(), other.seen()), (3, 3));
        // A third node hears of the changes of a node that is gone.
        drop(one);
        assert_eq!(tell(&other, &third).0, ["b", "c", "a"]);
    }

    #[test]
    fn a_node_that_missed_more_than_a_log_holds_forgets_the_group() {
        let options = CoherenceOptions::default().change_log_bytes(1 << 16);
        let (one, other, third) = (Coherence::new(options), node(), node());
        for number in 0..2000 {
            remove(&one, &number.to_string());
        }
        let (keys, groups) = tell(&one, &other);
        assert!(keys.len() < 2000 && groups == 1);
        assert_eq!(other.seen(), 2000);
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
        other.absorb(&one.summary());
        assert_eq!(tell(&one, &other).0, ["k"]);
    }
}
