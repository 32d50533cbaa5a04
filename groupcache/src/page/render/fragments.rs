use maud::{Markup, html};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::selection::Selection;
use super::{glance, group, members, plot, ring};
use crate::page::query::Query;
use crate::page::snapshot::Snapshot;
use crate::{GroupReport, RingReport};

/// The parts of the page that change by themselves, by the ids of the elements that hold them.
///
/// None of them holds a control but links, so that an update takes nobody's input away.
pub(in crate::page) struct Fragments {
    pub(in crate::page) shape: String,
    pub(in crate::page) parts: Vec<Part>,
}

pub(in crate::page) struct Part {
    pub(in crate::page) id: String,
    pub(in crate::page) html: Markup,
}

impl Part {
    fn new(id: impl Into<String>, html: Markup) -> Self {
        Self {
            id: id.into(),
            html,
        }
    }

    /// The part in its element.
    pub(super) fn element(&self) -> Markup {
        html! { div.part id=(self.id) { (self.html) } }
    }
}

/// As a list of id and HTML.
impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.id, &self.html.0).serialize(serializer)
    }
}

impl Fragments {
    pub(in crate::page) fn new(snapshot: &Snapshot, query: &Query) -> Self {
        let selection = Selection::new(snapshot, query);
        let mut parts = of_node(&selection);
        for number in 0..selection.groups.len() {
            parts.extend(of_group(&selection, number));
        }
        Self {
            shape: shape(&selection),
            parts,
        }
    }
}

/// Of what kind a page is: the names of its groups. A page of another kind has other parts.
pub(super) fn shape(selection: &Selection<'_>) -> String {
    let names = selection.groups.iter().map(|(group, _)| &*group.name);
    let hash = names.fold(Sha256::new(), |hash, name| {
        hash.chain_update(name).chain_update([0])
    });
    let bytes: [u8; 32] = hash.finalize().into();
    format!(
        "{:016x}",
        u64::from_be_bytes(std::array::from_fn(|at| bytes[at]))
    )
}

/// The parts that every page has.
pub(super) fn of_node(selection: &Selection<'_>) -> Vec<Part> {
    let snapshot = selection.snapshot;
    vec![
        Part::new("glance", glance::glance(selection)),
        Part::new(
            "ring",
            ring::picture(&snapshot.report.ring, &snapshot.ring_picture),
        ),
        Part::new("rows", members::members(selection)),
    ]
}

/// The parts of a group's card.
pub(super) fn of_group(selection: &Selection<'_>, number: usize) -> Vec<Part> {
    let Some((group, lately)) = selection.groups.get(number) else {
        return Vec::new();
    };
    let report = &selection.snapshot.report;
    let (now, all) = (report.unix_ms, selection.is_of_one_group());
    let id = |part: &str| format!("g{number}-{part}");
    vec![
        Part::new(id("plot"), plot::plot(&group.name, &lately.recent)),
        Part::new(id("sources"), group::sources(group, lately)),
        Part::new(id("memory"), group::memory(group, lately)),
        Part::new(
            id("keys"),
            group::hot_keys(group, report.keys_are_hidden, all),
        ),
        Part::new(id("failures"), group::failures(group, now, all)),
        Part::new(id("ring"), own_ring(group, now)),
    ]
}

fn own_ring(group: &GroupReport, now_ms: u64) -> Markup {
    let table = |ring: &RingReport| members::of_group(ring, now_ms);
    group.ring.as_ref().map(table).unwrap_or_default()
}
