//! What the tool reads of a node's report.
//!
//! The nodes may be of another version than the tool: fields that are missing have their default, and those that are not
//! known are skipped.

use std::fmt;
use std::ops::AddAssign;

use groupcache::Member;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::numbers::share;

/// The most peers of a ring.
const MOST_PEERS: usize = 10_000;
/// The most groups of a node.
const MOST_GROUPS: usize = 4_096;
/// The most hot keys of a group.
const MOST_HOT_KEYS: usize = 1_024;
/// The most hot keys and peers that all groups of a node have together.
const MOST_PARTS: usize = 200_000;

/// What a live page has as JSON: the report is a part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    report: Option<Report>,
}

/// A node's report: the JSON of a `NodeReport`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) member: Place,
    pub(super) cluster: Option<String>,
    pub(super) protocol: String,
    pub(super) version: String,
    /// In seconds.
    pub(super) uptime: f64,
    /// The node's wall clock, in milliseconds since 1970.
    pub(super) unix_ms: Option<u64>,
    pub(super) ring: RingPart,
    #[serde(deserialize_with = "groups")]
    pub(super) groups: Vec<GroupPart>,
}

/// A member, whether or not it could be one here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Place {
    pub(super) id: String,
    pub(super) url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RingPart {
    /// 16 hexadecimal digits.
    pub(super) fingerprint: String,
    pub(super) hash: String,
    pub(super) labels: String,
    pub(super) ties: String,
    pub(super) replicas: u32,
    #[serde(deserialize_with = "peers")]
    pub(super) peers: Vec<PeerPart>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeerPart {
    pub(super) member: Place,
    pub(super) health: String,
    pub(super) share: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupPart {
    pub(super) name: String,
    pub(super) stats: Counters,
    pub(super) usage: Memory,
    #[serde(deserialize_with = "hot_keys")]
    pub(super) hot_keys: Vec<HotKey>,
    /// Of a group that has members of its own.
    pub(super) ring: Option<RingPart>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct HotKey {
    #[serde(deserialize_with = "shortened")]
    pub(super) key: String,
    pub(super) per_minute: f64,
    pub(super) is_own: bool,
    pub(super) is_mirrored: bool,
}

/// The counters of a group, or sums of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Counters {
    pub(super) gets: u64,
    pub(super) main_hits: u64,
    pub(super) hot_hits: u64,
    pub(super) stale_hits: u64,
    pub(super) fetched: u64,
    pub(super) loaded: u64,
    pub(super) not_found: u64,
    pub(super) failed: u64,
    pub(super) peer_gets: u64,
    pub(super) peer_errors: u64,
    pub(super) getter_calls: u64,
    pub(super) evictions: u64,
}

/// The memory of a group, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) budget: u64,
    pub(super) bytes: u64,
    pub(super) hot_bytes: u64,
    pub(super) entries: u64,
}

impl Report {
    /// Reads a report, or that of a live page. Lists with more elements than their limits are an error.
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        let page: Page = serde_json::from_slice(json)?;
        match page.report {
            Some(report) => Ok(report),
            None => serde_json::from_slice(json),
        }
    }
}

impl RingPart {
    /// The members in the node's order, which decides about the points that members share in some schemes.
    pub(super) fn members(&self) -> Vec<Place> {
        let members = self.peers.iter().map(|peer| peer.member.clone());
        members.collect()
    }
}

impl Place {
    /// The member, if it could be one.
    pub(super) fn to_member(&self) -> Option<Member> {
        Member::with_id(&self.id, &self.url).ok()
    }
}

impl From<&Member> for Place {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id().to_owned(),
            url: member.url().to_owned(),
        }
    }
}

impl Counters {
    fn hits(&self) -> u64 {
        [self.main_hits, self.hot_hits, self.stale_hits]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// The share of the gets that memory answered; `None` without any.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        share(self.hits(), self.gets)
    }

    /// What has been counted since an earlier reading. All zero if the node has been started in between.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        if self.gets < earlier.gets || self.getter_calls < earlier.getter_calls {
            return Self::default();
        }
        let less = u64::saturating_sub;
        Self {
            gets: less(self.gets, earlier.gets),
            main_hits: less(self.main_hits, earlier.main_hits),
            hot_hits: less(self.hot_hits, earlier.hot_hits),
            stale_hits: less(self.stale_hits, earlier.stale_hits),
            fetched: less(self.fetched, earlier.fetched),
            loaded: less(self.loaded, earlier.loaded),
            not_found: less(self.not_found, earlier.not_found),
            failed: less(self.failed, earlier.failed),
            peer_gets: less(self.peer_gets, earlier.peer_gets),
            peer_errors: less(self.peer_errors, earlier.peer_errors),
            getter_calls: less(self.getter_calls, earlier.getter_calls),
            evictions: less(self.evictions, earlier.evictions),
        }
    }
}

/// Sums stop at the largest number: a peer may say anything.
impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
        add(&mut self.gets, other.gets);
        add(&mut self.main_hits, other.main_hits);
        add(&mut self.hot_hits, other.hot_hits);
        add(&mut self.stale_hits, other.stale_hits);
        add(&mut self.fetched, other.fetched);
        add(&mut self.loaded, other.loaded);
        add(&mut self.not_found, other.not_found);
        add(&mut self.failed, other.failed);
        add(&mut self.peer_gets, other.peer_gets);
        add(&mut self.peer_errors, other.peer_errors);
        add(&mut self.getter_calls, other.getter_calls);
        add(&mut self.evictions, other.evictions);
    }
}

impl AddAssign<&Self> for Memory {
    fn add_assign(&mut self, other: &Self) {
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
        add(&mut self.budget, other.budget);
        add(&mut self.bytes, other.bytes);
        add(&mut self.hot_bytes, other.hot_bytes);
        add(&mut self.entries, other.entries);
    }
}

/// The most characters of a hot key that are kept.
const LONGEST_KEY: usize = 256;

fn shortened<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = String::deserialize(deserializer)?;
    if let Some((end, _)) = text.char_indices().nth(LONGEST_KEY) {
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    Ok(text)
}

fn peers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PeerPart>, D::Error> {
    deserializer.deserialize_seq(UpTo {
        most: MOST_PEERS,
        what: "peers of a ring",
        parts: |_: &PeerPart| 0,
    })
}

fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<GroupPart>, D::Error> {
    deserializer.deserialize_seq(UpTo {
        most: MOST_GROUPS,
        what: "groups",
        parts: |group: &GroupPart| {
            let peers = group.ring.as_ref().map_or(0, |ring| ring.peers.len());
            peers + group.hot_keys.len()
        },
    })
}

fn hot_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HotKey>, D::Error> {
    deserializer.deserialize_seq(UpTo {
        most: MOST_HOT_KEYS,
        what: "hot keys of a group",
        parts: |_: &HotKey| 0,
    })
}

/// A list of limited length. A few bytes of JSON make an element that is much larger, so the limit of a report's bytes
/// does not bound the memory.
struct UpTo<T> {
    most: usize,
    what: &'static str,
    /// The elements of the lists in an element, of which there are at most [`MOST_PARTS`] in all.
    parts: fn(&T) -> usize,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for UpTo<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.what)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let Self { most, what, parts } = self;
        let (mut elements, mut sum) = (Vec::new(), 0_usize);
        while elements.len() < most {
            let Some(element) = list.next_element::<T>()? else {
                return Ok(elements);
            };
            sum = sum.saturating_add(parts(&element));
            if sum > MOST_PARTS {
                let text =
                    format_args!("the {what} have more than {MOST_PARTS} hot keys and peers");
                return Err(A::Error::custom(text));
            }
            elements.push(element);
        }
        match list.next_element::<IgnoredAny>()? {
            None => Ok(elements),
            Some(_) => Err(A::Error::custom(format_args!("more than {most} {what}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use groupcache::{Key, Node};

    use super::*;

    #[tokio::test]
    async fn a_report_of_this_version_is_read() {
        let node = Node::builder("pod-0=http://10.0.0.1:8080")
            .cluster("shop")
            .start()
            .await
            .unwrap();
        let group = node.group("g", 1 << 20, |key: Key| async move {
            Ok::<_, std::convert::Infallible>(key.to_vec())
        });
        let group = group.build().unwrap();
        for _ in 0..4 {
            group.get("k").await.unwrap();
        }
        let json = serde_json::to_string(&node.report()).unwrap();
        let report = Report::read(json.as_bytes()).unwrap();
        assert_eq!(report.member, Place::from(node.member()));
        assert_eq!(report.cluster.as_deref(), Some("shop"));
        assert_eq!(report.protocol, "native");
        assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
        assert!(report.unix_ms.is_some_and(|ms| ms > 1_600_000_000_000));
        let ring = &report.ring;
        assert_eq!((&*ring.hash, ring.replicas), ("xxh3", 2048));
        assert_eq!(
            ring.fingerprint,
            format!("{:016x}", node.report().ring.fingerprint)
        );
        assert_eq!(ring.peers[0].health, "this-node");
        assert_eq!(report.groups[0].stats.gets, 4);
        assert_eq!(report.groups[0].stats.hit_ratio(), Some(0.75));
        assert_eq!(report.groups[0].usage.entries, 1);

        let of_page = format!(r#"{{"report": {json}, "ring_picture": {{}}, "lately": []}}"#);
        let report = Report::read(of_page.as_bytes()).unwrap();
        assert_eq!(report.member, Place::from(node.member()));
    }

    #[test]
    fn a_report_of_another_version_is_read_as_far_as_it_goes() {
        let json = r#"{"member": {"id": "a", "more": 1}, "groups": [{"name": "g", "stats": {"gets": 7}}], "new": [{}]}"#;
        let report = Report::read(json.as_bytes()).unwrap();
        assert_eq!((&*report.member.id, report.groups[0].stats.gets), ("a", 7));
        assert_eq!(report.unix_ms, None);
    }

    #[test]
    fn lists_are_read_up_to_their_limits() {
        let list = |count: usize, element: &str| vec![element; count].join(",");
        let read = |json: String| Report::read(json.as_bytes());
        let peers = |count| format!(r#"{{"peers": [{}]}}"#, list(count, "{}"));
        let ring = |count| read(format!(r#"{{"ring": {}}}"#, peers(count)));
        assert_eq!(ring(MOST_PEERS).unwrap().ring.peers.len(), MOST_PEERS);
        let error = ring(MOST_PEERS + 1).unwrap_err().to_string();
        assert!(error.contains("more than 10000 peers of a ring"), "{error}");

        let groups =
            |count, group: &str| read(format!(r#"{{"groups": [{}]}}"#, list(count, group)));
        assert_eq!(groups(MOST_GROUPS, "{}").unwrap().groups.len(), MOST_GROUPS);
        let error = groups(MOST_GROUPS + 1, "{}").unwrap_err().to_string();
        assert!(error.contains("more than 4096 groups"), "{error}");

        let hot = |count| format!(r#"{{"hot_keys": [{}]}}"#, list(count, "{}"));
        assert!(groups(1, &hot(MOST_HOT_KEYS)).is_ok());
        let error = groups(1, &hot(MOST_HOT_KEYS + 1)).unwrap_err().to_string();
        assert!(error.contains("more than 1024 hot keys"), "{error}");

        let own = format!(r#"{{"ring": {}}}"#, peers(MOST_PEERS));
        assert!(groups(20, &own).is_ok());
        let error = groups(21, &own).unwrap_err().to_string();
        assert!(error.contains("more than 200000"), "{error}");
    }

    #[test]
    fn a_long_key_is_cut_short() {
        let json = format!(r#"{{"key": "{}", "per_minute": 2.5}}"#, "é".repeat(5000));
        let hot: HotKey = serde_json::from_str(&json).unwrap();
        assert_eq!(hot.key.chars().count(), LONGEST_KEY + 1);
    }

    #[test]
    fn a_restart_between_two_readings_is_no_negative_count() {
        let reading = |gets, failed| Counters {
            gets,
            failed,
            ..Counters::default()
        };
        assert_eq!(reading(9, 3).since(&reading(4, 1)), reading(5, 2));
        assert_eq!(reading(2, 0).since(&reading(4, 1)), reading(0, 0));
        let mut sum = reading(u64::MAX, 1);
        sum += &reading(5, 1);
        assert_eq!(sum, reading(u64::MAX, 2));
    }
}
