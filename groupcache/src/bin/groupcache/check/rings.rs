use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::gather::{Gathered, NodeView};
use super::super::report::Place;
use super::super::ring::RingView;
use super::finding::{Finding, Kind, names};
use super::majority::majority;

/// A node and its ring, of the nodes or of a group.
type View<'a> = (&'a NodeView, &'a Arc<RingView>);

/// Finds nodes that disagree about a ring. Those that speak another protocol have to, so only their members count.
pub(super) fn find(gathered: &Gathered, protocol: &str) -> Vec<Finding> {
    let of_nodes = gathered.reports().map(|node| (node, &node.ring)).collect();
    let mut findings = compare(of_nodes, protocol, "its ring");
    for (group, views) in of_groups(gathered) {
        let what = format!("its ring of the group {group:?}");
        findings.extend(compare(views, protocol, &what));
    }
    findings
}

/// The rings of groups that have members of their own on some node. Where such a group has none, its ring is the node's.
fn of_groups(gathered: &Gathered) -> BTreeMap<&str, Vec<View<'_>>> {
    let mut views: BTreeMap<&str, Vec<View>> = BTreeMap::new();
    let all = gathered
        .reports()
        .flat_map(|node| node.groups.iter().map(move |group| (node, group)));
    for (node, group) in all {
        let ring = group.ring.as_ref().unwrap_or(&node.ring);
        views
            .entry(&group.part.name)
            .or_default()
            .push((node, ring));
    }
    views.retain(|_, views| {
        views
            .iter()
            .any(|(node, ring)| !Arc::ptr_eq(ring, &node.ring))
    });
    views
}

fn compare(views: Vec<View<'_>>, protocol: &str, what: &str) -> Vec<Finding> {
    let Some(usual) = majority(views.iter().map(|(_, ring)| &*ring.fingerprint)) else {
        return Vec::new();
    };
    let (same, others): (Vec<_>, Vec<_>) = views
        .into_iter()
        .partition(|(_, ring)| ring.fingerprint == usual);
    let mut findings = urls(&same, what);
    if let Some((_, usual)) = same.first() {
        let others = others.iter();
        findings.extend(others.filter_map(|(node, ring)| {
            let same_protocol = node.protocol == protocol;
            difference(node, ring, usual, same_protocol, what)
        }));
    }
    findings
}

/// How a node's ring differs from the usual one.
fn difference(
    node: &NodeView,
    ring: &RingView,
    usual: &RingView,
    same_protocol: bool,
    what: &str,
) -> Option<Finding> {
    let missing = lacking(ring, usual);
    let extra = lacking(usual, ring);
    let mut parts = Vec::new();
    if same_protocol && ring.rules() != usual.rules() {
        parts.push(format!(
            "{what} has the rules {}, and most have {}",
            ring.rules(),
            usual.rules()
        ));
    }
    if !missing.is_empty() {
        parts.push(format!("{what} misses {}", names(&missing)));
    }
    if !extra.is_empty() {
        let extra = names(&extra);
        parts.push(format!("{what} has {extra}, which most rings do not have"));
    }
    if parts.is_empty() {
        if !same_protocol {
            return None;
        }
        parts.push(format!(
            "{what} has the fingerprint {:?} and most have {:?}, with the same members: hash or labels are others",
            ring.fingerprint, usual.fingerprint
        ));
    }
    Some(Finding {
        missing,
        extra,
        ..Finding::new(Kind::Ring, &node.member.id, parts.join("; "))
    })
}

/// The ids that a ring lacks, of those of another one.
fn lacking(ring: &RingView, other: &RingView) -> Vec<String> {
    let ids = |ring: &'_ RingView| -> BTreeSet<String> {
        ring.members
            .iter()
            .map(|member| member.id.clone())
            .collect()
    };
    ids(other).difference(&ids(ring)).cloned().collect()
}

/// Nodes with one ring that dial a member at different URLs.
fn urls(views: &[View<'_>], what: &str) -> Vec<Finding> {
    let Some(usual) = majority(views.iter().map(|(_, ring)| &ring.members)) else {
        return Vec::new();
    };
    let usual: HashMap<&str, &Place> = usual.iter().map(|place| (&*place.id, place)).collect();
    let mut findings = Vec::new();
    for (node, ring) in views {
        let others = ring.members.iter().filter_map(|place| {
            let usual = usual.get(&*place.id)?;
            (usual.url != place.url)
                .then(|| format!("{} at {} and not at {}", place.id, place.url, usual.url))
        });
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            let text = format!("{what} has {}", names(&others));
            findings.push(Finding::new(Kind::Url, &node.member.id, text));
        }
    }
    findings
}
