use crate::page::query::Query;
use crate::page::snapshot::{Lately, Snapshot};
use crate::{GroupReport, PeerReport, RingReport};

/// The most groups that are shown in full.
const MAX_GROUPS: usize = 8;

/// The most rows of the table of members.
pub(super) const MAX_MEMBERS: usize = 50;

/// The part of a snapshot that a visitor sees: the tables are bounded, whatever the node has.
pub(super) struct Selection<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) query: &'a Query,
    /// The groups that are shown in full.
    pub(super) groups: Vec<(&'a GroupReport, &'a Lately)>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, query: &'a Query) -> Self {
        let all = snapshot.report.groups.iter().zip(&snapshot.lately);
        let is_wanted = |name: &str| query.group.as_deref().is_none_or(|group| group == name);
        Self {
            snapshot,
            query,
            groups: all
                .filter(|(group, _)| is_wanted(&group.name))
                .take(MAX_GROUPS)
                .collect(),
        }
    }

    /// Whether one group has the page to itself.
    pub(super) fn is_of_one_group(&self) -> bool {
        self.query.group.is_some() && self.groups.len() == 1
    }

    /// The groups that are only named.
    pub(super) fn other_groups(&self) -> impl Iterator<Item = &'a GroupReport> {
        let is_shown = |group: &GroupReport| {
            self.groups
                .iter()
                .any(|(shown, _)| shown.name == group.name)
        };
        let groups = self.snapshot.report.groups.iter();
        groups.filter(move |group| !is_shown(group))
    }

    /// The members that the visitor looks for, those that are down first, each with its number on the ring.
    pub(super) fn members(&self) -> Vec<(usize, &'a PeerReport)> {
        let wanted = self.query.members.as_deref().unwrap_or_default();
        let mut members: Vec<_> = numbered(&self.snapshot.report.ring)
            .filter(|(_, peer)| {
                peer.member.id().contains(wanted) || peer.member.url().contains(wanted)
            })
            .collect();
        members.sort_by_key(|(_, peer)| !peer.health.is_down());
        members
    }
}

/// The members of a ring with the numbers by which the page calls them.
pub(super) fn numbered(ring: &RingReport) -> impl Iterator<Item = (usize, &PeerReport)> {
    (1..).zip(&ring.peers)
}
