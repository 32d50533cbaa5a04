//! The table of members.

use maud::{Markup, html};

use super::ring::fill;
use super::selection::{MAX_MEMBERS, Selection, numbered};
use crate::page::format::{Percent, Short, Span};
use crate::page::query::Query;
use crate::{Health, PeerReport, RingReport, Wire};

/// The members that the visitor looks for, with what leads to the others.
pub(super) fn members(selection: &Selection<'_>) -> Markup {
    let members = selection.members();
    let from = selection
        .query
        .from
        .min(members.len().saturating_sub(1) / MAX_MEMBERS * MAX_MEMBERS);
    let to = members.len().min(from + MAX_MEMBERS);
    let page = |from| Query {
        from,
        ..selection.query.clone()
    };
    html! {
        @if members.is_empty() {
            p.none { "No member has that in its id or URL." }
        } @else {
            (table("Members of the ring", &members[from..to], selection.snapshot.report.unix_ms))
        }
        @if members.len() > MAX_MEMBERS {
            nav.pages aria-label="Pages of members" {
                span { "Rows " (from + 1) " to " (to) " of " (members.len()) }
                @if from > 0 { a href={ (address(&page(from.saturating_sub(MAX_MEMBERS)))) "#members" } { "Previous" } }
                @if to < members.len() { a href={ (address(&page(to))) "#members" } { "Next" } }
            }
        }
    }
}

/// The first members of a group's own ring.
pub(super) fn of_group(ring: &RingReport, now_ms: u64) -> Markup {
    let mut members: Vec<_> = numbered(ring).collect();
    members.sort_by_key(|(_, peer)| !peer.health.is_down());
    let shown = members.len().min(MAX_MEMBERS);
    html! {
        h4 { "Members of its own" }
        (table("Members of this group", &members[..shown], now_ms))
        @if shown < members.len() {
            p.more { "and " (members.len() - shown) " more" }
        }
    }
}

/// An address of the page: the same path with another query.
pub(super) fn address(query: &Query) -> String {
    match query.to_suffix() {
        suffix if suffix.is_empty() => "groupcachez".to_owned(),
        suffix => suffix,
    }
}

// The roles are there because on a phone the stylesheet lays tables out as cards, and browsers then forget what they are.
fn table(caption: &str, members: &[(usize, &PeerReport)], now_ms: u64) -> Markup {
    html! {
        table.cards role="table" {
            caption.hidden { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for name in ["Member", "Health"] { th scope="col" role="columnheader" { (name) } }
                    @for name in ["Share", "p50", "p99", "Waiting", "Connections"] { th.figure scope="col" role="columnheader" { (name) } }
                }
            }
            tbody role="rowgroup" {
                @for (number, peer) in members { (row(*number, peer, now_ms)) }
            }
        }
    }
}

fn row(number: usize, peer: &PeerReport, now_ms: u64) -> Markup {
    let (id, url) = (peer.member.id(), peer.member.url());
    let times = &peer.fetches;
    html! {
        tr role="row" class=[peer.health.is_down().then_some("ill")] {
            th scope="row" role="rowheader" {
                span.id { (swatch(number, peer)) (Short(id, 120)) }
                @if id != url { span.url { (Short(url, 120)) } }
            }
            td role="cell" data-name="Health" {
                (health(peer))
                @if let Some(failure) = peer.failures.first() && peer.health.is_down() {
                    span.why { (failure.text) ", " (ago(failure.at, now_ms)) }
                }
                @if peer.is_behind {
                    span.why { "it has yet to be told of changes" }
                }
            }
            td.figure role="cell" data-name="Share" { (Percent(peer.share)) }
            @if times.is_empty() {
                td.figure role="cell" data-name="p50" { (none()) }
                td.figure role="cell" data-name="p99" { (none()) }
            } @else {
                td.figure role="cell" data-name="p50" { (Span::of_nanos(times.p50())) }
                td.figure role="cell" data-name="p99" { (Span::of_nanos(times.p99())) }
            }
            td.figure role="cell" data-name="Waiting" { @if peer.is_this_node() { (none()) } @else { (peer.in_flight) } }
            td.figure role="cell" data-name="Connections" {
                @if let Some(connections) = &peer.connections {
                    (connections.open)
                    span.url { (wire(connections.wire)) @if connections.stream_refused { ", no stream" } }
                } @else { (none()) }
            }
        }
    }
}

/// A cell without a figure.
fn none() -> Markup {
    html! { span.none aria-label="none" role="img" { "–" } }
}

/// A member's fill and number, as its slice has them.
fn swatch(number: usize, peer: &PeerReport) -> Markup {
    html! {
        svg.swatch viewBox="0 0 28 28" aria-hidden="true" {
            rect class=(fill(number, peer)) width="28" height="28" rx="6" {}
        }
        span.nr { (number) " " }
    }
}

/// The health as a sign and words.
pub(super) fn health(peer: &PeerReport) -> Markup {
    let (class, sign, words) = match peer.health {
        Health::ThisNode => ("self", "●", "this node"),
        Health::Well => ("well", "✓", "answers"),
        Health::NeverAsked => ("unknown", "○", "not asked yet"),
        Health::Failing => ("failing", "!", "failing"),
        Health::LeftAlone => ("down", "✕", "down"),
        Health::RefusesThisNode => ("down", "⊘", "refuses this node"),
        _ => ("unknown", "○", peer.health.name()),
    };
    html! {
        span class={ "health " (class) } {
            span.sign aria-hidden="true" { (sign) } " " (words)
        }
        @if let Some(next) = peer.next_check {
            span.why { "next check in " (Span(next)) }
        }
    }
}

fn wire(wire: Wire) -> &'static str {
    match wire {
        Wire::Stream => "stream",
        Wire::PooledHttp => "HTTP/1.1",
        Wire::Http2 => "HTTP/2",
        _ => "",
    }
}

/// How long ago something was, by the clock that the report has read.
pub(super) fn ago(at: std::time::SystemTime, now_ms: u64) -> Markup {
    let at_ms = at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64;
    let seconds = now_ms.saturating_sub(at_ms) / 1000;
    html! {
        @if seconds == 0 { "just now" } @else { (Span(std::time::Duration::from_secs(seconds))) " ago" }
    }
}
