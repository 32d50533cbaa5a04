//! The whole page.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::fragments;
use super::selection::{MAX_MEMBERS, Selection};
use super::{glance, key_box, members};
use crate::page::format::Short;
use crate::page::key_answer::KeyAnswer;
use crate::page::query::Query;
use crate::page::snapshot::Snapshot;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The fills: a colour and a pattern each, so that nobody needs to tell colours apart.
const FILLS: &str = include_str!("fills.svg");

/// A ring in three parts.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns=%27http://www.w3.org/2000/svg%27 viewBox=%270 0 16 16%27%3E%3Cg fill=%27none%27 stroke-width=%274%27 transform=%27rotate(-90 8 8)%27%3E%3Ccircle cx=%278%27 cy=%278%27 r=%275.5%27 stroke=%27%233b74d1%27/%3E%3Ccircle cx=%278%27 cy=%278%27 r=%275.5%27 pathLength=%273%27 stroke=%27%23d98324%27 stroke-dasharray=%271 2%27/%3E%3Ccircle cx=%278%27 cy=%278%27 r=%275.5%27 pathLength=%273%27 stroke=%27%232f9e8f%27 stroke-dasharray=%271 2%27 stroke-dashoffset=%27-1%27/%3E%3C/g%3E%3C/svg%3E";

/// The most groups that are named below those in full.
const MAX_NAMED_GROUPS: usize = 200;

/// The content security policy: the page's own style and script, by their hashes, and nothing from anywhere else.
pub(in crate::page) fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT),
        )
    });
    &POLICY
}

/// The page as the query wants it.
pub(in crate::page) fn document(
    snapshot: &Snapshot,
    query: &Query,
    answer: Option<&KeyAnswer>,
) -> Markup {
    let selection = Selection::new(snapshot, query);
    let id = snapshot.report.member.id();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                link rel="icon" href=(ICON);
                title { (Short(id, 80)) " – groupcache" }
                style { (PreEscaped(STYLE)) }
            }
            body data-shape=(fragments::shape(&selection)) {
                a.skip href="#main" { "Skip to the figures" }
                (PreEscaped(FILLS))
                (header(snapshot))
                main id="main" tabindex="-1" { (content(&selection, answer)) }
                (footer(snapshot))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn header(snapshot: &Snapshot) -> Markup {
    let report = &snapshot.report;
    let (id, url) = (report.member.id(), report.member.url());
    html! {
        header {
            div.who {
                p.product { "groupcache" }
                h1 { (Short(id, 120)) }
                ul.chips aria-label="This node" {
                    @if id != url { li { (Short(url, 120)) } }
                    li { (report.protocol.name()) }
                    @if let Some(cluster) = &report.cluster { li { "cluster " (Short(cluster, 60)) } }
                    li { "version " (report.version) }
                }
            }
            div.live {
                // The script fills it, and shows the button: without one there is nothing to pause.
                p.state id="state" role="status" { noscript { "Without a script, reload for news." } }
                button id="pause" type="button" hidden { "Pause" }
            }
        }
    }
}

fn content(selection: &Selection<'_>, answer: Option<&KeyAnswer>) -> Markup {
    let snapshot = selection.snapshot;
    let parts = fragments::of_node(selection);
    let [glance, ring, rows] = parts.as_slice() else {
        return html! {};
    };
    html! {
        p.hidden id="announcement" aria-live="polite" { (glance::announcement(snapshot)) }
        section aria-labelledby="glance-title" {
            h2.hidden id="glance-title" { "At a glance" }
            (glance.element())
        }
        section.panel id="find" aria-labelledby="find-title" {
            h2 id="find-title" { "Find a key" }
            (key_box::key_box(selection, answer))
        }
        section.panel id="members" aria-labelledby="members-title" {
            h2 id="members-title" { "Who owns what" }
            div.ring-and-members {
                (ring.element())
                div {
                    @if snapshot.report.ring.peers.len() > MAX_MEMBERS { (filter(selection.query)) }
                    (rows.element())
                }
            }
        }
        section id="groups" aria-labelledby="groups-title" {
            div.title {
                h2 id="groups-title" { "Groups" }
                @if selection.query.group.is_some() { a href="groupcachez#groups" { "Show all groups" } }
            }
            @if selection.groups.is_empty() {
                p.panel {
                    @if let Some(group) = &selection.query.group { "This node has no group " code { (Short(group, 80)) } "." }
                    @else { "This node has no groups yet." }
                }
            }
            @for number in 0..selection.groups.len() { (card(selection, number)) }
            (others(selection))
        }
    }
}

fn filter(query: &Query) -> Markup {
    html! {
        form.filter method="get" action="groupcachez#members" role="search" aria-label="Members" {
            @if let Some(group) = &query.group { input type="hidden" name="group" value=(group); }
            label for="filter" { "Id or URL contains" }
            input id="filter" name="members" autocomplete="off" spellcheck="false" value=[&query.members];
            button type="submit" { "Show" }
        }
    }
}

fn card(selection: &Selection<'_>, number: usize) -> Markup {
    let parts = fragments::of_group(selection, number);
    let ([plot, sources, memory, keys, failures, ring], Some((group, _))) =
        (parts.as_slice(), selection.groups.get(number))
    else {
        return html! {};
    };
    let title = format!("g{number}-title");
    html! {
        article.panel.group aria-labelledby=(title) {
            h3 id=(title) { (Short(&group.name, 120)) }
            @if let Some(promoter) = group.promoter { p.chip { "mirrors: " (promoter) } }
            div.columns {
                div {
                    (plot.element())
                    (sources.element())
                }
                div.right {
                    h4 { "Memory" }
                    (memory.element())
                    h4 { "Hot keys" }
                    (keys.element())
                }
                div.failed {
                    h4 { "What failed last" }
                    (failures.element())
                }
            }
            (ring.element())
        }
    }
}

/// The names of the groups that are not shown in full.
fn others(selection: &Selection<'_>) -> Markup {
    let count = selection.other_groups().count();
    html! {
        @if count > 0 {
            nav.panel aria-label="Other groups" {
                h3 { "Other groups" }
                ul.names {
                    @for group in selection.other_groups().take(MAX_NAMED_GROUPS) {
                        @let query = Query { group: Some(group.name.clone()), ..Query::default() };
                        li { a href={ (members::address(&query)) "#groups" } { (Short(&group.name, 80)) } }
                    }
                }
                @if count > MAX_NAMED_GROUPS { p.more { "and " (count - MAX_NAMED_GROUPS) " more, in the JSON" } }
            }
        }
    }
}

fn footer(snapshot: &Snapshot) -> Markup {
    let ring = &snapshot.report.ring;
    html! {
        footer {
            p {
                "Ring " code { (format!("{:016x}", ring.fingerprint)) } ", " (ring.hash) ", " (ring.replicas) " points each. "
                "Nodes that show the same number agree on who owns what."
            }
            p { a href="groupcachez.json" { "All figures as JSON" } }
        }
    }
}
