use std::collections::{BTreeMap, HashMap};

use super::super::gather::{Asked, Gathered};
use super::finding::{Finding, Kind, names};

/// Finds members that do not report, or in whose place somebody else does.
pub(super) fn find(gathered: &Gathered) -> Vec<Finding> {
    let named_by = named_by(gathered);
    let find = |asked: &Asked| match &asked.outcome {
        Err(reason) => {
            let id = &asked.place.id;
            let text = match named_by.get(&**id).copied().unwrap_or_default() {
                0 => reason.text.clone(),
                1 => format!("{}; one node has it as a member", reason.text),
                count => format!("{}; {count} nodes have it as a member", reason.text),
            };
            Some(Finding::new(Kind::Silent(reason.kind), id, text))
        }
        Ok(node) if asked.is_impostor => {
            let (id, url) = (&node.member.id, &node.member.url);
            let text =
                format!("it says that it is {id}, and at {url} another process says so, too");
            Some(Finding::new(Kind::Identity, &asked.place.id, text))
        }
        Ok(node) if !asked.is_start && node.member.id != asked.place.id => {
            let text = format!("at {} answers {}", asked.place.url, node.member.id);
            Some(Finding::new(Kind::Identity, &asked.place.id, text))
        }
        Ok(_) => None,
    };
    gathered.nodes.iter().filter_map(find).collect()
}

/// How many nodes have a member on their ring.
fn named_by(gathered: &Gathered) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for node in gathered.reports() {
        for member in &node.ring.members {
            *counts.entry(&*member.id).or_default() += 1;
        }
    }
    counts
}

/// Finds members that report to the tool, and give other nodes no values.
pub(super) fn find_down(gathered: &Gathered) -> Vec<Finding> {
    let mut by_member: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in gathered.reports() {
        for id in &node.down {
            by_member.entry(id).or_default().push(&node.member.id);
        }
    }
    let here = gathered.reports().filter_map(|node| {
        let from = by_member.get(&*node.member.id)?;
        let text = format!("it gives no values to {}", names(from));
        Some(Finding::new(Kind::NoAnswer, &node.member.id, text))
    });
    here.collect()
}
