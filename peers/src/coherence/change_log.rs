use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::version_vector::{MAX_ORIGINS, VersionVector};
use crate::{ChangeId, KnownChange, NamedChange, UnnamedChanges};

/// The most groups that a log remembers changes of. A peer may name groups that this node does not have.
const MAX_GROUPS: usize = 4096;

/// The most changes of a key, or of all keys, that are known with their names. A message has room for 128.
const MAX_KNOWN: usize = 64;

/// The most bytes of changes that are named in one message, which itself may have 4 MiB.
const MAX_NAMED_BYTES: usize = 3 << 20;

/// The latest changes that a node has heard of, whoever began them, in the order in which it heard of them.
///
/// A log that is full drops its oldest change, and remembers for each group and origin how far it has done so.
#[derive(Debug, Default)]
pub(super) struct ChangeLog {
    changes: VecDeque<Logged>,
    /// The position of the oldest change.
    first: u64,
    groups: HashMap<Arc<str>, OfGroup>,
    /// Before this position there were changes that nobody could name.
    blind_before: u64,
    bytes: usize,
    max_bytes: usize,
    /// Whether it has forgotten which groups, or whose changes, it has dropped: there were too many.
    has_lost: bool,
}

/// The groups and the keys of some changes.
pub(super) type Changed = HashSet<(Arc<str>, Option<Bytes>)>;

/// What a node lacks: what a log can name, and what it cannot.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    pub(super) named: Vec<NamedChange>,
    pub(super) unnamed: Vec<UnnamedChanges>,
    /// Whether that is all of it.
    pub(super) is_all: bool,
}

/// A change of one key, or of all keys of the group.
#[derive(Debug)]
struct Logged {
    /// `None` for a change that came without a name.
    id: Option<ChangeId>,
    group: Arc<str>,
    key: Option<Bytes>,
}

#[derive(Debug, Default)]
struct OfGroup {
    keys: HashMap<Bytes, Latest>,
    /// Changes of all keys.
    all: Latest,
    /// The last change of each origin that the log has dropped.
    dropped: Lasts,
}

/// The last change of each origin. There may be many origins, and so they are not searched one after the other.
type Lasts = BTreeMap<u64, ChangeId>;

/// The latest changes of a key: one for each origin, because nobody knows the order of theirs.
#[derive(Debug, Default)]
struct Latest {
    ids: Vec<ChangeId>,
    /// The position of the last one that was heard of.
    position: Option<u64>,
}

/// Adds a change. As a vector, a list that is full forgets the oldest origin. Says whether it has.
#[must_use]
fn add(lasts: &mut Lasts, id: ChangeId) -> bool {
    let last = lasts.entry(id.origin).or_insert(id);
    *last = id.max(*last);
    let is_too_long = lasts.len() > MAX_ORIGINS;
    if is_too_long {
        lasts.pop_first();
    }
    is_too_long
}

impl ChangeLog {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            ..Self::default()
        }
    }

    /// The position that the next change will have.
    pub(super) fn end(&self) -> u64 {
        self.first + self.len()
    }

    /// How many changes the log has.
    pub(super) fn len(&self) -> u64 {
        self.changes.len() as u64
    }

    /// The position from which on the log has all changes.
    pub(super) fn reach(&self) -> u64 {
        self.first.max(self.blind_before)
    }

    /// The position before which the changes are the first that the log will drop: half of them, once it is half full.
    pub(super) fn worn(&self) -> u64 {
        let is_half_full = self.bytes > self.max_bytes / 2;
        let half = u64::from(is_half_full) * self.len() / 2;
        (self.first + half).max(self.blind_before)
    }

    /// Adds a change.
    pub(super) fn append(&mut self, group: &str, key: Option<&[u8]>, id: Option<ChangeId>) {
        let position = self.end();
        let group = self.group(group);
        let of_group = self.groups.entry(Arc::clone(&group)).or_default();
        let held = key.and_then(|key| of_group.keys.get_key_value(key));
        let held = held.map(|(held, _)| held.clone());
        let key = held.or_else(|| key.map(Bytes::copy_from_slice));
        let latest = match &key {
            Some(key) => of_group.keys.entry(key.clone()).or_default(),
            None => &mut of_group.all,
        };
        latest.position = Some(position);
        if let Some(id) = id {
            match latest.ids.iter_mut().find(|held| held.origin == id.origin) {
                Some(held) => *held = id.max(*held),
                None => latest.ids.push(id),
            }
        }
        if latest.ids.len() > MAX_KNOWN {
            // They cannot all be named to a peer, as if the log had dropped them.
            latest.ids.clear();
            self.blind_before = position + 1;
        }
        let change = Logged { id, group, key };
        self.bytes += change.charge();
        self.changes.push_back(change);
        while self.bytes > self.max_bytes && self.drop_oldest().is_some() {}
    }

    /// The name of the group, shared by all its changes in the log.
    fn group(&mut self, name: &str) -> Arc<str> {
        if let Some((group, _)) = self.groups.get_key_value(name) {
            return Arc::clone(group);
        }
        if self.groups.len() >= MAX_GROUPS {
            let mut groups = self.groups.keys();
            match groups.find(|name| Arc::strong_count(name) == 1).cloned() {
                Some(group) => {
                    let lost = self.groups.remove(&group);
                    self.has_lost |= lost.is_some_and(|lost| !lost.dropped.is_empty());
                }
                None => while self.drop_oldest().is_some() {},
            }
        }
        name.into()
    }

    fn drop_oldest(&mut self) -> Option<Logged> {
        let oldest = self.changes.pop_front()?;
        self.bytes -= oldest.charge();
        self.first += 1;
        let of_group = self.groups.entry(Arc::clone(&oldest.group)).or_default();
        if let Some(id) = oldest.id {
            self.has_lost |= add(&mut of_group.dropped, id);
        }
        let latest = match &oldest.key {
            Some(key) => of_group.keys.entry(key.clone()).or_default(),
            None => &mut of_group.all,
        };
        latest.ids.retain(|held| Some(*held) != oldest.id);
        if latest.position < Some(self.first)
            && let Some(key) = &oldest.key
        {
            of_group.keys.remove(key);
        }
        Some(oldest)
    }

    /// Notes changes of a group that a peer has made and could not name. From now on this log cannot tell what has changed
    /// before: it begins after any position that there has been.
    pub(super) fn note_unnamed(&mut self, unnamed: &UnnamedChanges) {
        self.append(&unnamed.group, None, None);
        self.blind_before = self.end();
        if let Some(of_group) = self.groups.get_mut(&*unnamed.group) {
            for id in &unnamed.up_to {
                self.has_lost |= add(&mut of_group.dropped, *id);
            }
        }
    }

    /// The latest changes that a key's value has to be newer than.
    pub(super) fn known(&self, group: &str, key: &[u8]) -> Vec<KnownChange> {
        let known = |key, all| {
            let latest = self.latest(group, key);
            let ids = latest.map_or(&[][..], |latest| &latest.ids);
            ids.iter().map(move |&id| KnownChange { id, all })
        };
        known(None, true).chain(known(Some(key), false)).collect()
    }

    /// The latest change of the key, or of all keys, by this origin.
    pub(super) fn latest_of(
        &self,
        group: &str,
        key: Option<&[u8]>,
        origin: u64,
    ) -> Option<ChangeId> {
        let of_origin = |key| {
            let mut ids = self.latest(group, key)?.ids.iter();
            ids.find(|id| id.origin == origin).copied()
        };
        let of_key = key.and_then(|key| of_origin(Some(key)));
        of_key.max(of_origin(None))
    }

    fn latest(&self, group: &str, key: Option<&[u8]>) -> Option<&Latest> {
        let of_group = self.groups.get(group)?;
        match key {
            Some(key) => of_group.keys.get(key),
            None => Some(&of_group.all),
        }
    }

    /// Whether the key may have changed from this position on.
    pub(super) fn has_changed_since(&self, group: &str, key: &[u8], position: u64) -> bool {
        let is_since = |latest: &Latest| latest.position >= Some(position);
        position < self.reach()
            || self.latest(group, None).is_some_and(is_since)
            || self.latest(group, Some(key)).is_some_and(is_since)
    }

    /// What a node lacks that has made the changes of `theirs`, and all before a position, while this one has made those of
    /// `mine`. What would be more than a message holds is not named.
    pub(super) fn lacking(
        &self,
        theirs: &VersionVector,
        mine: &VersionVector,
        position: u64,
    ) -> Lacking {
        let (mut named, mut bytes, mut is_all) = (Vec::new(), 0, !self.has_lost);
        let mut unnamed: HashMap<&str, Lasts> = HashMap::new();
        for (group, of_group) in &self.groups {
            let dropped = of_group.dropped.values();
            for id in dropped.filter(|id| mine.has_more_than(theirs, **id)) {
                is_all &= !add(unnamed.entry(group).or_default(), *id);
            }
        }
        let changes = self.since(position);
        for (id, change) in changes.filter(|(id, _)| !theirs.contains(*id)) {
            bytes += change.bytes_of_message();
            if bytes > MAX_NAMED_BYTES {
                is_all &= !add(unnamed.entry(&change.group).or_default(), id);
                continue;
            }
            named.push(NamedChange {
                id,
                group: (*change.group).into(),
                key: change.key.clone(),
            });
        }
        let unnamed = unnamed.into_iter().map(|(group, up_to)| UnnamedChanges {
            group: group.into(),
            up_to: up_to.into_values().collect(),
        });
        Lacking {
            named,
            unnamed: unnamed.collect(),
            is_all,
        }
    }

    /// The group and the key of each change that has a name, from a position on. `None` if the log has dropped one.
    pub(super) fn named_since(&self, position: u64) -> Option<Changed> {
        let named = self.since(position);
        let named = named.map(|(_, change)| (Arc::clone(&change.group), change.key.clone()));
        (position >= self.reach()).then(|| named.collect())
    }

    /// The changes from a position on that have names.
    fn since(&self, position: u64) -> impl Iterator<Item = (ChangeId, &Logged)> {
        let skipped = position.saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let changes = self.changes.range(skipped.min(self.changes.len())..);
        changes.filter_map(|change| Some((change.id?, change)))
    }
}

impl Logged {
    /// About what the change takes in a message.
    fn bytes_of_message(&self) -> usize {
        32 + self.group.len() + self.key.as_ref().map_or(0, Bytes::len)
    }

    /// What the change takes of the limit: its place in the queue, that in the table of its group, and what it allocates.
    fn charge(&self) -> usize {
        const ALLOCATION: usize = 2 * size_of::<usize>();
        const PLACE: usize = size_of::<(Bytes, Latest)>() + size_of::<ChangeId>() + ALLOCATION;
        let key = self.key.as_ref();
        size_of::<Self>() + key.map_or(0, |key| PLACE + ALLOCATION + key.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(origin: u64, number: u64) -> ChangeId {
        ChangeId { origin, number }
    }

    /// A log with room for ten changes of keys of one byte.
    fn log() -> ChangeLog {
        let mut one = ChangeLog::new(1 << 10);
        one.append("g", Some(b"k"), Some(id(1, 1)));
        ChangeLog::new(10 * one.bytes)
    }

    fn names(changes: &[NamedChange]) -> Vec<u64> {
        changes.iter().map(|change| change.id.number).collect()
    }

    fn vector(numbers: u64) -> VersionVector {
        let mut vector = VersionVector::default();
        vector.insert(1, 1..=numbers);
        vector
    }

    #[test]
    fn the_latest_change_of_each_origin_is_known_of_a_key() {
        let mut log = log();
        log.append("g", Some(b"k"), Some(id(1, 1)));
        log.append("g", Some(b"k"), Some(id(2, 1)));
        log.append("g", Some(b"k"), Some(id(1, 2)));
        log.append("g", Some(b"j"), Some(id(1, 3)));
        log.append("g", None, Some(id(3, 1)));
        log.append("h", Some(b"k"), Some(id(1, 4)));
        let of_all = KnownChange {
            id: id(3, 1),
            all: true,
        };
        let of_key = |id| KnownChange { id, all: false };
        assert_eq!(
            log.known("g", b"k"),
            [of_all, of_key(id(1, 2)), of_key(id(2, 1))]
        );
        assert_eq!(log.known("g", b"other"), [of_all]);
        assert_eq!(log.known("none", b"k"), []);
        let latest = |key, origin| log.latest_of("g", key, origin);
        assert_eq!(latest(Some(b"k"), 1), Some(id(1, 2)));
        assert_eq!(latest(Some(b"k"), 3), Some(id(3, 1)), "all keys");
        assert_eq!((latest(None, 1), latest(Some(b"other"), 1)), (None, None));
    }

    #[test]
    fn a_key_has_changed_since_a_position_if_it_or_all_keys_have() {
        let mut log = log();
        log.append("g", Some(b"k"), Some(id(1, 1)));
        let position = log.end();
        assert!(log.has_changed_since("g", b"k", 0) && !log.has_changed_since("g", b"k", position));
        log.append("g", Some(b"j"), None);
        log.append("h", None, None);
        assert!(!log.has_changed_since("g", b"k", position));
        assert!(
            log.has_changed_since("g", b"j", position),
            "also without a name"
        );
        log.append("g", None, None);
        assert!(log.has_changed_since("g", b"k", position));
    }

    #[test]
    fn a_full_log_drops_its_oldest_changes_and_says_so() {
        let mut log = log();
        for number in 1..=12_u8 {
            log.append("g", Some(&[number]), Some(id(1, number.into())));
            let worn = if number <= 5 {
                0
            } else {
                log.reach() + log.len() / 2
            };
            assert_eq!(log.worn(), worn);
        }
        assert_eq!((log.reach(), log.end()), (2, 12));
        assert_eq!(log.known("g", &[2]), []);
        assert!(log.has_changed_since("g", b"any", 1), "nobody knows");
        assert!(!log.has_changed_since("g", b"any", 2));

        let Lacking { named, unnamed, .. } = log.lacking(&vector(2), &vector(12), 0);
        assert_eq!(names(&named), (3..=12).collect::<Vec<_>>());
        assert_eq!(unnamed, []);
        let Lacking { named, unnamed, .. } = log.lacking(&vector(1), &vector(12), 0);
        assert_eq!(named.len(), 10);
        assert_eq!(
            unnamed,
            [UnnamedChanges {
                group: "g".into(),
                up_to: vec![id(1, 2)]
            }]
        );
    }

    #[test]
    fn a_key_that_changed_again_stays_known_when_its_older_change_is_dropped() {
        let mut log = log();
        log.append("g", Some(b"k"), Some(id(1, 1)));
        log.append("g", Some(b"k"), Some(id(2, 1)));
        for number in 2..=10_u8 {
            log.append("g", Some(&[number]), Some(id(1, number.into())));
        }
        assert_eq!(log.reach(), 1);
        assert_eq!(
            log.known("g", b"k"),
            [KnownChange {
                id: id(2, 1),
                all: false
            }]
        );
    }

    #[test]
    fn changes_that_a_peer_could_not_name_are_unnamed_for_the_next_one_too() {
        let mut log = log();
        log.note_unnamed(&UnnamedChanges {
            group: "g".into(),
            up_to: vec![id(1, 7)],
        });
        assert_eq!((log.reach(), log.worn()), (1, 1), "it is blind before");
        let Lacking { named, unnamed, .. } = log.lacking(&vector(6), &vector(9), 0);
        assert_eq!((named, unnamed.len()), (vec![], 1));
        let nothing = log.lacking(&vector(7), &vector(9), 0);
        assert_eq!((nothing.named, nothing.unnamed), (vec![], vec![]));
        assert!(nothing.is_all);
    }

    #[test]
    fn more_changes_than_a_message_holds_are_not_named() {
        let mut log = ChangeLog::new(usize::MAX);
        let long = vec![b'k'; MAX_NAMED_BYTES / 2 - 1024];
        for number in 1..=4 {
            let key = [&*long, &[number]].concat();
            log.append("g", Some(&key), Some(id(1, number.into())));
        }
        let Lacking { named, unnamed, .. } = log.lacking(&VersionVector::default(), &vector(4), 0);
        assert_eq!(names(&named), [1, 2]);
        assert_eq!(
            unnamed,
            [UnnamedChanges {
                group: "g".into(),
                up_to: vec![id(1, 4)]
            }]
        );
    }

    #[test]
    fn more_changes_of_a_key_than_a_message_names_are_as_if_the_log_had_dropped_them() {
        let mut log = ChangeLog::new(usize::MAX);
        for origin in 1..=MAX_KNOWN as u64 {
            log.append("g", Some(b"k"), Some(id(origin, 1)));
        }
        assert_eq!((log.known("g", b"k").len(), log.reach()), (MAX_KNOWN, 0));
        log.append("g", Some(b"k"), Some(id(0, 1)));
        let all = MAX_KNOWN as u64 + 1;
        assert_eq!(log.known("g", b"k"), []);
        assert_eq!((log.reach(), log.worn(), log.end()), (all, all, all));
        assert!(
            log.has_changed_since("g", b"other", all - 1),
            "nobody knows"
        );
        let Lacking { named, unnamed, .. } = log.lacking(&VersionVector::default(), &vector(1), 0);
        assert_eq!(
            (named.len() as u64, unnamed),
            (all, vec![]),
            "an exchange names them"
        );
    }

    #[test]
    fn the_changes_with_names_since_a_position_are_told_once_for_each_key() {
        let mut log = log();
        log.append("g", Some(b"a"), Some(id(1, 1)));
        let since = log.end();
        for (key, id) in [
            (b"b", Some(id(1, 2))),
            (b"c", None),
            (b"b", Some(id(1, 3))),
            (b"d", Some(id(1, 4))),
        ] {
            log.append("g", Some(key), id);
        }
        let changed = |key: &'static str| ("g".into(), Some(Bytes::from(key)));
        let of = |keys: &[&'static str]| Some(keys.iter().map(|key| changed(key)).collect());
        assert_eq!(log.named_since(since), of(&["b", "d"]));
        assert_eq!(log.named_since(log.end()), of(&[]));
        for _ in 0..10 {
            log.append("g", Some(b"e"), None);
        }
        assert_eq!(log.named_since(since), None);
    }

    #[test]
    fn a_log_remembers_no_more_groups_than_its_limit() {
        let mut log = log();
        for number in 0..2 * MAX_GROUPS as u64 {
            log.append(&number.to_string(), Some(b"k"), Some(id(1, number)));
        }
        assert!(log.groups.len() <= MAX_GROUPS);
        assert_eq!(log.changes.len(), 10);
    }

    #[test]
    fn a_log_that_has_forgotten_which_groups_it_has_dropped_says_that_it_does_not_know_all() {
        let (mut log, nothing) = (log(), VersionVector::default());
        for number in 1..=MAX_GROUPS as u64 + 1 {
            assert!(log.lacking(&nothing, &nothing, 0).is_all);
            log.append(&format!("g{number}"), Some(b"k"), Some(id(1, number)));
        }
        assert!(!log.lacking(&nothing, &nothing, 0).is_all);
    }

    #[test]
    fn a_log_that_has_dropped_changes_of_too_many_origins_says_that_it_does_not_know_all() {
        let mut log = log();
        for origin in 1..=MAX_ORIGINS as u64 + 20 {
            log.append("g", Some(b"k"), Some(id(origin, 1)));
        }
        let theirs = VersionVector::default();
        assert!(!log.lacking(&theirs, &theirs, 0).is_all);
    }
}
