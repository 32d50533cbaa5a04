//! All nodes of a cluster are asked: first those that were named, then those that these name, and so on.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use groupcache::Member;
use indicatif::{ProgressBar, ProgressStyle};

use super::fetch::{Clock, Fetched, Fetcher, NoReport};
use super::report::{GroupPart, Place, RingPart};
use super::ring::{RingView, Rings};

/// How many nodes are asked at the same time.
const AT_ONCE: usize = 16;
/// The most members that are remembered, so that each is asked and counted once.
const MOST_URLS: usize = 1 << 17;
/// The most hot keys of a group that are kept.
const HOT_KEYS: usize = 100;

/// What all nodes have answered, in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) nodes: Vec<Asked>,
    /// Members that were not asked, because there are more than the limit. Beyond [`MOST_URLS`] a member counts as often
    /// as it is named.
    pub(super) left_out: usize,
}

/// A node that was asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// As it was named.
    pub(super) place: Place,
    /// Whether it was named by the user and not by a node.
    pub(super) is_start: bool,
    /// Whether it says that it is a member at whose address another process says so, too.
    pub(super) is_impostor: bool,
    pub(super) outcome: Outcome,
}

type Outcome = Result<NodeView, NoReport>;

/// What is kept of a node's report.
#[derive(Debug)]
pub(super) struct NodeView {
    pub(super) member: Place,
    pub(super) cluster: Option<String>,
    pub(super) protocol: String,
    pub(super) version: String,
    pub(super) uptime: f64,
    /// When the node was started by its own clock, in milliseconds since 1970.
    pub(super) started_ms: Option<f64>,
    pub(super) clock: Option<Clock>,
    pub(super) ring: Arc<RingView>,
    /// The part of the ring that the node owns by its own view, from 0 to 1.
    pub(super) share: f64,
    /// The ids of the members that the node gets no values from.
    pub(super) down: Vec<String>,
    pub(super) groups: Vec<GroupView>,
}

#[derive(Debug)]
pub(super) struct GroupView {
    pub(super) part: GroupPart,
    /// Of a group with members of its own.
    pub(super) ring: Option<Arc<RingView>>,
}

/// A bar on stderr, if that is a terminal.
pub(super) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("asking nodes {wide_bar} {human_pos} of {human_len}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Asks all nodes, while a bar shows how many have answered.
pub(super) async fn gather(
    fetcher: &Fetcher,
    start: &[Member],
    max_nodes: usize,
    bar: &ProgressBar,
) -> Gathered {
    let mut round = Round {
        max_nodes,
        ..Round::default()
    };
    for member in start {
        round.name(&Place::from(member), true);
    }
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((number, member)) = round.waiting.pop_front()
        {
            under_way.push(async move { (number, fetcher.fetch(&member).await) });
        }
        bar.set_length(round.named.len() as u64);
        let Some((number, outcome)) = under_way.next().await else {
            break;
        };
        round.take(number, outcome);
        bar.inc(1);
    }
    bar.finish_and_clear();
    round.into_gathered()
}

#[derive(Default)]
struct Round {
    max_nodes: usize,
    /// The URLs of all nodes that were named.
    urls: HashSet<String>,
    named: Vec<Named>,
    waiting: VecDeque<(usize, Member)>,
    left_out: usize,
    rings: Rings,
}

/// A node that is asked, or was.
struct Named {
    place: Place,
    is_start: bool,
    /// `None` until it has answered.
    outcome: Option<Outcome>,
}

impl Round {
    /// Has a node asked, unless it was named before.
    fn name(&mut self, place: &Place, is_start: bool) {
        if self.urls.contains(&place.url) {
            return;
        }
        if self.urls.len() >= MOST_URLS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.urls.insert(place.url.clone());
        if self.named.len() >= self.max_nodes {
            self.left_out += 1;
            return;
        }
        let outcome = match place.to_member() {
            Some(member) => {
                self.waiting.push_back((self.named.len(), member));
                None
            }
            None => Some(Err(NoReport::of_nobody())),
        };
        self.named.push(Named {
            place: place.clone(),
            is_start,
            outcome,
        });
    }

    /// Takes an answer, and has the members asked that it names.
    fn take(&mut self, number: usize, outcome: Result<Fetched, NoReport>) {
        let outcome = outcome.map(|fetched| self.keep(fetched));
        if let Ok(node) = &outcome {
            let of_groups = node.groups.iter().filter_map(|group| group.ring.as_ref());
            let rings: Vec<_> = std::iter::once(&node.ring)
                .chain(of_groups)
                .cloned()
                .collect();
            for place in rings.iter().flat_map(|ring| &ring.members) {
                self.name(place, false);
            }
        }
        if let Some(named) = self.named.get_mut(number) {
            named.outcome = Some(outcome);
        }
    }

    fn keep(&mut self, fetched: Fetched) -> NodeView {
        let Fetched { report, clock } = fetched;
        let own = report.ring.peers.iter();
        let own = own.filter(|peer| peer.member.id == report.member.id);
        let share = own.map(|peer| peer.share).sum();
        let groups = report.groups.into_iter().map(|mut part| {
            part.hot_keys.truncate(HOT_KEYS);
            let ring = part.ring.take();
            GroupView {
                ring: ring.map(|ring| self.rings.keep(RingView::new(ring))),
                part,
            }
        });
        let groups = groups.collect();
        NodeView {
            member: report.member,
            cluster: report.cluster,
            protocol: report.protocol,
            version: report.version,
            uptime: report.uptime,
            started_ms: report.unix_ms.map(|ms| ms as f64 - report.uptime * 1e3),
            clock,
            share,
            down: down(&report.ring),
            ring: self.rings.keep(RingView::new(report.ring)),
            groups,
        }
    }

    /// A node that answered at two addresses counts once. Which member it is, its word alone does not decide: the answer
    /// at the member's own address does.
    fn into_gathered(self) -> Gathered {
        let mut at_home = HashMap::new();
        for named in &self.named {
            if let Some(Ok(node)) = &named.outcome
                && node.member.url == named.place.url
            {
                at_home.insert(node.member.clone(), node.started_ms);
            }
        }
        let mut seen = HashSet::new();
        let mut nodes = Vec::with_capacity(self.named.len());
        for named in self.named {
            let Some(outcome) = named.outcome else {
                continue;
            };
            let mut is_impostor = false;
            if let Ok(node) = &outcome
                && named.is_start
                && node.member.url != named.place.url
            {
                is_impostor = at_home
                    .get(&node.member)
                    .is_some_and(|started| is_another_start(*started, node.started_ms));
                let is_double = at_home.contains_key(&node.member) || seen.contains(&node.member);
                if is_double && !is_impostor {
                    continue;
                }
                seen.insert(node.member.clone());
            }
            nodes.push(Asked {
                place: named.place,
                is_start: named.is_start,
                is_impostor,
                outcome,
            });
        }
        Gathered {
            nodes,
            left_out: self.left_out,
        }
    }
}

/// How far two readings of one start may differ, in milliseconds: the node's clock may be set in between.
const START_SLACK_MS: f64 = 2000.0;

fn is_another_start(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other)
        .is_some_and(|(one, other)| (one - other).abs() > START_SLACK_MS)
}

/// The names of `Health` under which a node gets no values from a peer.
const DOWN: [&str; 2] = ["left-alone", "refuses-this-node"];

fn down(ring: &RingPart) -> Vec<String> {
    let down = ring
        .peers
        .iter()
        .filter(|peer| DOWN.contains(&&*peer.health));
    down.map(|peer| peer.member.id.clone()).collect()
}

impl Gathered {
    /// The nodes that have reported.
    pub(super) fn reports(&self) -> impl Iterator<Item = &NodeView> {
        self.nodes
            .iter()
            .filter_map(|asked| asked.outcome.as_ref().ok())
    }

    /// That members were left out, if some were.
    pub(super) fn left_out_text(&self) -> Option<String> {
        let count = self.left_out;
        (count > 0).then(|| format!("{count} members more were not asked: see --max-nodes"))
    }

    /// Why nobody has answered, if nobody has.
    pub(super) fn silence(&self) -> Option<String> {
        if self.reports().next().is_some() {
            return None;
        }
        let reasons = self.nodes.iter().filter_map(|asked| {
            let reason = asked.outcome.as_ref().err()?;
            Some(format!("{}: {}", asked.place.url, reason.text))
        });
        let reasons: Vec<String> = reasons.take(3).collect();
        Some(format!("no node has reported: {}", reasons.join("; ")))
    }
}
