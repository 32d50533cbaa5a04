use std::collections::{BTreeMap, HashSet};

use tokio::time::Instant;

use super::options::DiscoveryOptions;
use crate::Member;

/// Decides when a source's list counts. It has no source, task or clock: it is told what was said and when.
///
/// A list counts once the source has been silent for a moment, or has spoken for long enough. A member of the ring that
/// the list lacks stays until all lists of the grace have lacked it. While the source is in doubt no grace ends: its
/// last list may have been the beginning of its trouble. A member that the first list after that lacks has a longer
/// grace: a source that has lost the announcements lists those first who are quick to announce themselves again.
#[derive(Debug)]
pub(super) struct Settling {
    options: DiscoveryOptions,
    /// The latest list, in the order of the ids.
    listed: Vec<Member>,
    /// The words since the list has had members that the ring lacks.
    news: Option<News>,
    /// The members of the ring that the list lacks, by their ids.
    missing: BTreeMap<String, Missing>,
    /// Whether more than half of the ring's members are missing.
    sudden: bool,
    /// Whether the source has failed since the latest list.
    doubted: bool,
    /// Whether a list has counted.
    begun: bool,
}

/// How long a member has been missing.
#[derive(Clone, Copy, Debug)]
struct Missing {
    /// All lists since then lack it.
    since: Instant,
    /// Until when it may announce itself again, if no list has had it since the source failed.
    awaited_until: Option<Instant>,
    /// How many failures of the source have put that off. Beyond [`MAX_RECOVERIES`] they do not: a source that fails
    /// again and again must not keep a dead member for ever.
    recoveries: u32,
}

const MAX_RECOVERIES: u32 = 4;

/// When the first and the latest of several words came.
#[derive(Clone, Copy, Debug)]
struct News {
    first: Instant,
    last: Instant,
}

impl Settling {
    pub(super) fn new(options: DiscoveryOptions) -> Self {
        Self {
            options,
            listed: Vec::new(),
            news: None,
            missing: BTreeMap::new(),
            sudden: false,
            doubted: false,
            begun: false,
        }
    }

    /// The source has said this list, in the order of the ids, while the ring has the `current` members.
    pub(super) fn heard(&mut self, list: Vec<Member>, current: &[Member], now: Instant) {
        let is_other = list != self.listed;
        self.listed = list;
        let recovered = std::mem::take(&mut self.doubted);
        let recovery = now + self.options.time_to_recover();
        let listed: HashSet<&str> = self.listed.iter().map(Member::id).collect();
        self.missing = current
            .iter()
            .filter(|member| !listed.contains(member.id()))
            .map(|member| {
                let mut missing = self.missing.get(member.id()).copied().unwrap_or(Missing {
                    since: now,
                    awaited_until: None,
                    recoveries: 0,
                });
                if recovered && missing.recoveries < MAX_RECOVERIES {
                    missing.awaited_until = Some(recovery);
                    missing.recoveries += 1;
                }
                (member.id().to_owned(), missing)
            })
            .collect();
        self.sudden = self.missing.len() * 2 > current.len();
        if self.begun && self.with_missing(current, |_| true) == current {
            self.news = None;
        } else {
            let news = self.news.get_or_insert(News {
                first: now,
                last: now,
            });
            if is_other {
                news.last = now;
            }
        }
    }

    /// The source has failed, or its list was refused.
    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// The next time at which a list or the end of a grace counts.
    pub(super) fn due(&self) -> Option<Instant> {
        let quiet = self.news.map(|news| {
            if self.begun {
                let silent = news.last + self.options.debounce;
                silent.min(news.first + self.options.max_debounce)
            } else {
                news.first
            }
        });
        let ends = self.missing.values().map(|&it| self.end_of_grace(it));
        let gone = ends.min();
        let gone = gone.filter(|_| self.begun && !self.doubted);
        quiet.into_iter().chain(gone).min()
    }

    /// The members that the ring is to have from now on, in the order of the ids, if they differ from the current ones.
    pub(super) fn settle(&mut self, current: &[Member], now: Instant) -> Option<Vec<Member>> {
        let stays = |missing| self.doubted || self.end_of_grace(missing) > now;
        let members = self.with_missing(current, |missing| self.begun && stays(missing));
        self.news = None;
        self.begun = true;
        let is_member = |id: &str| {
            let found = members.binary_search_by(|member| member.id().cmp(id));
            found.is_ok()
        };
        self.missing.retain(|id, _| is_member(id));
        (members != current).then_some(members)
    }

    fn end_of_grace(&self, missing: Missing) -> Instant {
        let grace = if self.sudden {
            self.options.sudden_loss_grace
        } else {
            self.options.removal_grace
        };
        let end = missing.since + grace.max(self.options.debounce);
        missing.awaited_until.map_or(end, |until| until.max(end))
    }

    /// The listed members, and those missing ones that stay. A member whose address is another one's now never stays.
    fn with_missing(&self, current: &[Member], stays: impl Fn(Missing) -> bool) -> Vec<Member> {
        let missing = current.iter().filter(|member| {
            let missing = self.missing.get(member.id());
            missing.is_some_and(|&missing| stays(missing))
        });
        let missing: Vec<&Member> = missing.collect();
        let taken: HashSet<_> = match missing.is_empty() {
            true => HashSet::new(),
            false => self.listed.iter().map(Member::place).collect(),
        };
        let staying = missing
            .into_iter()
            .filter(|member| !taken.contains(&member.place()));
        let mut members: Vec<Member> = self.listed.iter().chain(staying).cloned().collect();
        members.sort_by(|one, other| one.id().cmp(other.id()));
        members
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A ring that follows a source, and its clock.
    struct Follower {
        settling: Settling,
        members: Vec<Member>,
        now: Instant,
    }

    fn list(names: &str) -> Vec<Member> {
        names
            .chars()
            .map(|name| Member::with_id(name.to_string(), format!("http://{name}")).unwrap())
            .collect()
    }

    impl Follower {
        /// Of a source that has said these names.
        fn of(names: &str) -> Self {
            let mut this = Self {
                settling: Settling::new(DiscoveryOptions::default()),
                members: Vec::new(),
                now: Instant::now(),
            };
            this.hear(names);
            this.wait(0);
            assert_eq!(this.members, list(names), "the first list counts at once");
            this
        }

        fn hear(&mut self, names: &str) {
            self.settling.heard(list(names), &self.members, self.now);
        }

        /// Lets time pass.
        fn wait(&mut self, ms: u64) -> String {
            let end = self.now + Duration::from_millis(ms);
            while let Some(due) = self.settling.due().filter(|due| *due <= end) {
                if let Some(members) = self.settling.settle(&self.members, due) {
                    self.members = members;
                }
                assert!(
                    self.settling.due().is_none_or(|next| next > due),
                    "no progress"
                );
            }
            self.now = end;
            self.members.iter().map(Member::id).collect()
        }
    }

    #[test]
    fn changes_in_a_row_are_one() {
        let mut ring = Follower::of("a");
        ring.hear("ab");
        assert_eq!(ring.wait(99), "a");
        ring.hear("abc");
        assert_eq!(ring.wait(99), "a");
        ring.hear("abc");
        assert_eq!(ring.wait(1), "abc", "a repeated list is no news");
    }

    #[test]
    fn a_source_that_never_rests_is_heard_all_the_same() {
        let mut ring = Follower::of("a");
        let mut waited = 0;
        for names in ["ab", "abc"].iter().cycle() {
            ring.hear(names);
            waited += 50;
            if ring.wait(50).contains('b') {
                break;
            }
        }
        assert_eq!(waited, 500);
    }

    #[test]
    fn a_member_that_is_missing_for_a_moment_stays() {
        let mut ring = Follower::of("abc");
        ring.hear("ac");
        assert_eq!(ring.wait(499), "abc");
        ring.hear("abc");
        assert_eq!(ring.wait(10_000), "abc");
        ring.hear("ac");
        assert_eq!(ring.wait(499), "abc");
        assert_eq!(ring.wait(1), "ac");
    }

    #[test]
    fn others_come_and_go_while_one_is_missing() {
        let mut ring = Follower::of("abc");
        ring.hear("acd");
        assert_eq!(ring.wait(100), "abcd");
        ring.hear("ad");
        assert_eq!(ring.wait(399), "abcd");
        assert_eq!(ring.wait(1), "acd");
        assert_eq!(ring.wait(100), "ad");
    }

    #[test]
    fn a_loss_of_more_than_half_is_believed_later() {
        let mut ring = Follower::of("abcde");
        ring.hear("ab");
        assert_eq!(ring.wait(999), "abcde");
        assert_eq!(ring.wait(1), "ab");
    }

    #[test]
    fn while_the_source_fails_nobody_is_dropped() {
        let mut ring = Follower::of("abc");
        ring.hear("acd");
        ring.settling.doubt();
        assert_eq!(ring.wait(10_000), "abcd");
    }

    #[test]
    fn after_a_failure_all_have_time_to_announce_themselves_again() {
        let mut ring = Follower::of("abcd");
        ring.settling.doubt();
        ring.wait(60_000);
        ring.hear("a");
        assert_eq!(ring.wait(1500), "abcd");
        ring.hear("abe");
        assert_eq!(ring.wait(1500), "abcde", "newcomers do not wait");
        ring.hear("abce");
        assert_eq!(ring.wait(999), "abcde");
        assert_eq!(ring.wait(1), "abce", "4 s from the first list");
        ring.hear("abe");
        assert_eq!(ring.wait(500), "abe", "the failure is long ago");
    }

    #[test]
    fn who_was_listed_after_a_failure_goes_as_ever() {
        let mut ring = Follower::of("abc");
        ring.settling.doubt();
        ring.wait(1000);
        ring.hear("abc");
        ring.wait(100);
        ring.hear("ac");
        assert_eq!(ring.wait(499), "abc");
        assert_eq!(ring.wait(1), "ac");
    }

    #[test]
    fn who_is_missing_since_before_a_failure_has_that_time_too() {
        let mut ring = Follower::of("abc");
        ring.hear("ac");
        ring.settling.doubt();
        ring.wait(10_000);
        ring.hear("ac");
        assert_eq!(ring.wait(3999), "abc");
        assert_eq!(ring.wait(1), "ac");
    }

    #[test]
    fn each_failure_begins_a_recovery_of_its_own() {
        let mut ring = Follower::of("abc");
        for _ in 0..3 {
            ring.settling.doubt();
            ring.wait(1000);
            ring.hear("a");
            assert_eq!(ring.wait(3999), "abc");
        }
        assert_eq!(ring.wait(1), "a");
    }

    #[test]
    fn a_source_that_fails_again_and_again_keeps_no_member_for_ever() {
        let mut ring = Follower::of("abc");
        for _ in 0..20 {
            ring.settling.doubt();
            ring.wait(1000);
            ring.hear("ab");
            ring.wait(1000);
        }
        assert_eq!(ring.wait(0), "ab");
    }

    #[test]
    fn a_new_address_and_a_reused_one_count_at_once() {
        let mut ring = Follower::of("ab");
        let moved = vec![
            list("a")[0].clone(),
            Member::with_id("b", "http://c").unwrap(),
        ];
        ring.settling.heard(moved.clone(), &ring.members, ring.now);
        ring.wait(100);
        assert_eq!(ring.members, moved);
        let reused = vec![
            list("a")[0].clone(),
            Member::with_id("d", "http://c").unwrap(),
        ];
        ring.settling.heard(reused.clone(), &ring.members, ring.now);
        ring.wait(100);
        assert_eq!(ring.members, reused);
    }

    #[test]
    fn members_from_elsewhere_last_until_the_first_list() {
        let mut ring = Follower::of("a");
        ring.settling = Settling::new(DiscoveryOptions::default());
        ring.members = list("ax");
        ring.hear("ab");
        assert_eq!(ring.wait(0), "ab");
    }
}
