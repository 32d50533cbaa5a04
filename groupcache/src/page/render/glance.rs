//! The first thing that a visitor sees: how the node does, in four figures and a few sentences.

use std::fmt::Write;

use maud::{Markup, Render, html};

use super::members::address;
use super::selection::Selection;
use crate::page::advice::Verdict;
use crate::page::format::{Bytes, Count, Percent, Rate, Short, Span};
use crate::page::history::Counts;
use crate::page::query::Query;
use crate::page::snapshot::Snapshot;
use crate::{HotKey, PeerReport};

/// The most members and groups that a sentence names.
const MAX_NAMES: usize = 3;

pub(super) fn glance(selection: &Selection<'_>) -> Markup {
    let snapshot = selection.snapshot;
    let report = &snapshot.report;
    let usage = report.usage();
    let rate: f64 = snapshot
        .lately
        .iter()
        .map(|lately| lately.recent.gets_per_second)
        .sum();
    let seconds = snapshot.lately.iter().map(|lately| lately.recent.seconds);
    let seconds = seconds.fold(0.0, f64::max);
    let counts = || snapshot.lately.iter().map(|lately| &lately.recent.counts);
    let (gets, hits): (u64, u64) = (
        counts().map(Counts::gets).sum(),
        counts().map(Counts::hits).sum(),
    );
    let (down, members) = (report.peers_down().count(), report.ring.peers.len());
    html! {
        dl.tiles {
            div.tile {
                dt { "Gets" }
                dd { span.big { (Rate(rate)) } " a second" }
                dd.small { span id="gets" { (Count(report.stats().gets)) } " in " (Span(report.uptime)) }
            }
            div.tile {
                dt { "Answered from memory" }
                dd {
                    @if gets > 0 { span.big { (Percent(hits as f64 / gets as f64)) } } @else { span.big { "–" } }
                }
                dd.small { @if gets > 0 { "of the gets in the last " (Span::of_seconds(seconds)) } @else { "no gets lately" } }
            }
            div.tile {
                dt { "Memory" }
                dd { span.big { (Bytes(usage.bytes as u64)) } " of " (Bytes(usage.budget as u64)) }
                dd.small { (Count(usage.entries as u64)) " values in " (report.groups.len()) @if report.groups.len() == 1 { " group" } @else { " groups" } }
            }
            div class={ "tile" @if down > 0 { " bad" } } {
                dt { "Members" }
                dd { span.big { (members - down) } " of " (members) " up" }
                dd.small { @if let Some(inbound) = report.inbound { (inbound.open) " connections from others" } @else { (report.ring.hash) " ring" } }
            }
        }
        ul.findings {
            (finding(if down == 0 { "good" } else { "bad" }, html! { (announcement(snapshot)) }))
            @if let Some(this) = report.ring.peers.iter().find(|peer| peer.is_this_node()) {
                (finding("plain", html! { "This node owns " (Percent(this.share)) " of the keys." }))
            } @else {
                (finding("plain", html! { "This node is not on the ring and owns no keys." }))
            }
            (hottest(snapshot))
            (budgets(snapshot))
            @if let Some(discovery) = &report.discovery && discovery.failing {
                (finding("bad", html! {
                    "The source of members (" (discovery.source) ") fails: "
                    (Short(discovery.last_error.as_deref().unwrap_or("no reason"), 200))
                }))
            }
        }
    }
}

/// Which members are down, in a sentence that stays the same until that changes. It is read aloud.
pub(in crate::page) fn announcement(snapshot: &Snapshot) -> String {
    let members = snapshot.report.ring.peers.len();
    let down: Vec<&PeerReport> = snapshot.report.peers_down().collect();
    match (members, down.len()) {
        (0, _) => "The ring has no members.".to_owned(),
        (1, 0) => "The one member is up.".to_owned(),
        (_, 0) => format!("All {members} members are up."),
        (_, count) => {
            let mut text = format!(
                "{count} of {members} members {} down: ",
                if count == 1 { "is" } else { "are" }
            );
            for (at, peer) in down.iter().take(MAX_NAMES).enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let _ = write!(text, "{comma}{}", Short(peer.member.id(), 80));
            }
            if count > MAX_NAMES {
                let _ = write!(text, " and {} more", count - MAX_NAMES);
            }
            text + "."
        }
    }
}

fn hottest(snapshot: &Snapshot) -> Markup {
    let groups = snapshot.report.groups.iter();
    let keys = groups.filter_map(|group| Some((group, group.hot_keys.first()?)));
    let hottest = keys.max_by(|(_, one), (_, other)| one.per_minute.total_cmp(&other.per_minute));
    match hottest {
        None => html! {},
        Some((group, key)) => finding(
            "plain",
            html! {
                "The hottest key is " code { (Short(&key.key.escaped(), 60)) } " of " (Short(&group.name, 60)) ": "
                (Rate(key.per_minute)) " a minute, " (whose(key)) "."
            },
        ),
    }
}

/// Whose a key is.
pub(super) fn whose(key: &HotKey) -> &'static str {
    match (key.is_own, key.is_mirrored) {
        (true, _) => "owned here",
        (false, true) => "mirrored here",
        (false, false) => "owned elsewhere",
    }
}

/// The budgets that are too small by name, or else what holds of all.
fn budgets(snapshot: &Snapshot) -> Markup {
    let of = |verdict| {
        let all = snapshot
            .lately
            .iter()
            .filter(move |lately| lately.advice.verdict == verdict);
        all.map(|lately| &*lately.group)
    };
    let (small, doubtful) = (of(Verdict::TooSmall).count(), of(Verdict::InDoubt).count());
    if snapshot.lately.is_empty() {
        finding("plain", html! { "There are no groups yet." })
    } else if small > 0 {
        finding(
            "bad",
            html! { "More memory would help " (names(of(Verdict::TooSmall), small)) "." },
        )
    } else if doubtful > 0 {
        finding(
            "look",
            html! { "More memory may help " (names(of(Verdict::InDoubt), doubtful)) "." },
        )
    } else {
        finding(
            "good",
            html! { @if snapshot.lately.len() == 1 { "The budget is right." } @else { "All budgets are right." } },
        )
    }
}

fn names<'a>(groups: impl Iterator<Item = &'a str>, count: usize) -> Markup {
    html! {
        @for (at, group) in groups.take(MAX_NAMES).enumerate() {
            @if at > 0 { ", " }
            @let query = Query { group: Some(group.to_owned()), ..Query::default() };
            a href=(address(&query)) { (Short(group, 60)) }
        }
        @if count > MAX_NAMES { " and " (count - MAX_NAMES) " more" }
    }
}

fn finding(class: &str, text: impl Render) -> Markup {
    let sign = match class {
        "good" => "✓",
        "bad" => "✕",
        "look" => "!",
        _ => "·",
    };
    html! { li class=(class) { span.sign aria-hidden="true" { (sign) } span { (text) } } }
}
