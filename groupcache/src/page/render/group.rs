//! The parts of a group's card.

use maud::{Markup, html};

use super::glance::whose;
use super::members::{address, ago};
use super::plot::WORDS;
use crate::page::advice::Verdict;
use crate::page::format::{Bytes, Count, Percent, Rate, Short, Span};
use crate::page::history::{NAMES, OUTCOMES};
use crate::page::query::Query;
use crate::page::snapshot::Lately;
use crate::{GroupReport, HotKey, Key};

/// The most hot keys of a group that shares the page, and of one that has it to itself.
const MAX_KEYS: (usize, usize) = (8, 100);

/// The most failures, likewise.
const MAX_FAILURES: (usize, usize) = (4, 16);

/// The longest key that has a link.
const MAX_LINKED_BYTES: usize = 512;

/// Where values came from: what the plot shows, as figures.
pub(super) fn sources(group: &GroupReport, lately: &Lately) -> Markup {
    let recent = &lately.recent;
    let gets = recent.counts.gets();
    let times = group.gets.iter().map(|(_, times)| times);
    html! {
        table.sources {
            caption.hidden { "How gets ended: shares of the last minutes, times since the start" }
            thead {
                tr {
                    th scope="col" { "Get ended with" }
                    th.figure scope="col" { "Share" }
                    th.figure scope="col" { "p50" }
                    th.figure scope="col" { "p99" }
                }
            }
            tbody {
                @for (outcome, times) in (0..OUTCOMES).zip(times) {
                    @let count = recent.counts.outcomes[outcome];
                    tr class=[(count == 0).then_some("idle")] {
                        th scope="row" {
                            svg.swatch viewBox="0 0 28 28" aria-hidden="true" { rect class=(NAMES[outcome]) width="28" height="28" rx="6" {} }
                            (WORDS[outcome])
                        }
                        td.figure { @if gets > 0 { (Percent(count as f64 / gets as f64)) } @else { "–" } }
                        @if times.is_empty() {
                            td.figure { "–" } td.figure { "–" }
                        } @else {
                            td.figure { (Span::of_nanos(times.p50())) }
                            td.figure { (Span::of_nanos(times.p99())) }
                        }
                    }
                }
            }
        }
        p.note {
            strong { (Rate(recent.gets_per_second)) } " gets a second, " (Count(group.stats.gets)) " in all. "
            @if !group.getter.is_empty() {
                "Getter: " (Count(group.stats.getter_calls)) " calls, p99 " (Span::of_nanos(group.getter.p99())) ". "
            }
            "On their way: " (group.flights.loads) " loads, " (group.flights.fetches) " fetches."
        }
    }
}

/// What the values take up, what had to go, and what follows from that.
pub(super) fn memory(group: &GroupReport, lately: &Lately) -> Markup {
    let usage = &group.usage;
    let share = |bytes: usize| bytes as f64 / usage.budget.max(1) as f64;
    let own = usage.bytes.saturating_sub(usage.hot_bytes);
    html! {
        svg.budget viewBox="0 0 600 20" preserveAspectRatio="none" role="img"
            aria-label={ (Percent(share(usage.bytes))) " of the budget is in use" } {
            rect.track width="600" height="20" {}
            rect.main width=(format!("{:.0}", 600.0 * share(own).min(1.0))) height="20" {}
            rect.hot x=(format!("{:.0}", 600.0 * share(own).min(1.0))) width=(format!("{:.0}", 600.0 * share(usage.hot_bytes).min(1.0))) height="20" {}
        }
        p.note {
            strong { (Bytes(usage.bytes as u64)) } " of " (Bytes(usage.budget as u64)) ": "
            (Count((usage.entries - usage.hot_entries.min(usage.entries)) as u64)) " own values, "
            (Count(usage.hot_entries as u64)) " mirrors"
            @if usage.hot_bytes > 0 { " (" (Bytes(usage.hot_bytes as u64)) ")" }
            "."
        }
        (advice(lately))
        dl.counts {
            @for (name, count) in evictions(group) {
                div { dt { (name) } dd { (Count(count)) } }
            }
            @if usage.reserved > 0 {
                div { dt { "taken from the system" } dd { (Bytes(usage.reserved as u64)) } }
            }
            @if usage.pinned > 0 {
                div { dt { "held by callers alone" } dd { (Bytes(usage.pinned as u64)) } }
            }
            @if let Some(age) = usage.victim_age {
                div { dt { "age of the evicted" } dd { (Span(age)) } }
            }
        }
    }
}

fn advice(lately: &Lately) -> Markup {
    let (class, sign) = match lately.advice.verdict {
        Verdict::Right => ("advice good", "✓"),
        Verdict::InDoubt => ("advice look", "!"),
        Verdict::TooSmall => ("advice bad", "✕"),
    };
    html! { p class=(class) { span.sign aria-hidden="true" { (sign) } span { (lately.advice.text) } } }
}

/// Why values have left the group, in words.
fn evictions(group: &GroupReport) -> impl Iterator<Item = (&'static str, u64)> {
    let words = [
        "evicted",
        "expired",
        "replaced",
        "removed",
        "cleared",
        "refused as too large",
    ];
    words
        .into_iter()
        .zip(group.evictions.iter().map(|(_, count)| count))
}

/// The keys that are asked for most.
pub(super) fn hot_keys(
    group: &GroupReport,
    keys_are_hidden: bool,
    has_all_the_page: bool,
) -> Markup {
    let limit = if has_all_the_page {
        MAX_KEYS.1
    } else {
        MAX_KEYS.0
    };
    let most = group
        .hot_keys
        .first()
        .map_or(0.0, |key| key.per_minute)
        .max(f64::MIN_POSITIVE);
    html! {
        @if group.hot_keys.is_empty() {
            p.none { "No key is asked for often." }
        } @else {
            table.hot {
                caption.hidden { "Hot keys of " (group.name) }
                thead {
                    tr { th scope="col" { "Key" } th.figure scope="col" { "A minute" } th scope="col" { "Where" } }
                }
                tbody {
                    @for key in group.hot_keys.iter().take(limit) {
                        tr {
                            th scope="row" {
                                (name(group, key, keys_are_hidden))
                                svg.bar viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                                    rect.track width="100" height="4" {}
                                    rect width=(format!("{:.0}", 100.0 * key.per_minute / most)) height="4" {}
                                }
                            }
                            td.figure { (Rate(key.per_minute)) }
                            td { (whose(key)) }
                        }
                    }
                }
            }
            (more(group.hot_keys.len(), limit, group, has_all_the_page))
        }
    }
}

fn name(group: &GroupReport, key: &HotKey, keys_are_hidden: bool) -> Markup {
    let text = key.key.escaped();
    html! {
        @if keys_are_hidden || key.key.len() > MAX_LINKED_BYTES {
            code { (Short(&text, 60)) }
        } @else {
            a href={ (address(&place_of(group, &key.key))) "#find" } { code { (Short(&text, 60)) } }
        }
    }
}

fn place_of(group: &GroupReport, key: &Key) -> Query {
    Query {
        key_group: Some(group.name.clone()),
        key: Some(key.clone()),
        ..Query::default()
    }
}

fn more(all: usize, limit: usize, group: &GroupReport, has_all_the_page: bool) -> Markup {
    let query = Query {
        group: Some(group.name.clone()),
        ..Query::default()
    };
    html! {
        @if all > limit {
            p.more {
                "and " (Count((all - limit) as u64)) " more"
                @if has_all_the_page { ", in the " a href="groupcachez.json" { "JSON" } }
                @else { ": " a href=(address(&query)) { "all of " (Short(&group.name, 60)) } }
            }
        }
    }
}

/// What failed last.
pub(super) fn failures(group: &GroupReport, now_ms: u64, has_all_the_page: bool) -> Markup {
    let limit = if has_all_the_page {
        MAX_FAILURES.1
    } else {
        MAX_FAILURES.0
    };
    html! {
        @if group.failures.is_empty() {
            p.none { "Nothing has failed." }
        } @else {
            ul.failures {
                @for failure in group.failures.iter().take(limit) {
                    li {
                        strong { (failure.step.name()) }
                        @if let Some(key) = &failure.key { " of " code { (Short(&key.escaped(), 60)) } }
                        @if let Some(peer) = &failure.peer { " at " (Short(peer.id(), 80)) }
                        ": " (failure.text)
                        span.when { (ago(failure.at, now_ms)) }
                    }
                }
            }
            (more(group.failures.len(), limit, group, has_all_the_page))
        }
        @if group.paused_keys > 0 {
            p.note { (Count(group.paused_keys as u64)) " keys are not loaded again yet, because their loads have failed." }
        }
    }
}
