//! The form that finds a key, and its answer. Both work without a script.

use maud::{Markup, html};

use super::selection::Selection;
use crate::page::format::{Bytes, Short, Span};
use crate::page::key_answer::{CachedHere, KeyAnswer};

/// The most groups to choose from. More are typed.
const MAX_CHOICES: usize = 100;

pub(super) fn key_box(selection: &Selection<'_>, answer: Option<&KeyAnswer>) -> Markup {
    let groups = &selection.snapshot.report.groups;
    let query = selection.query;
    let key = query.key.as_ref().map(|key| key.to_str_lossy());
    html! {
        form.find method="get" action="groupcachez#find" role="search" aria-label="Find a key" {
            @if let Some(group) = &query.group { input type="hidden" name="group" value=(group); }
            div.field {
                label for="find-group" { "Group" }
                @if groups.len() <= MAX_CHOICES {
                    select id="find-group" name="in" {
                        @for group in groups {
                            option value=(group.name) selected[query.group_of_key() == Some(&group.name)] { (Short(&group.name, 80)) }
                        }
                    }
                } @else {
                    input id="find-group" name="in" required value=[query.group_of_key()];
                }
            }
            div.field.wide {
                label for="find-key" { "Key" }
                input id="find-key" name="key" required autocomplete="off" autocapitalize="off" spellcheck="false" value=[key];
            }
            button type="submit" { "Find" }
        }
        @if let Some(answer) = answer { (self::answer(answer)) }
    }
}

fn answer(answer: &KeyAnswer) -> Markup {
    html! {
        div.answer role="status" {
            @match answer {
                KeyAnswer::NoSuchGroup { group } => { p { "This node has no group " code { (Short(group, 80)) } "." } }
                KeyAnswer::Found(place) => {
                    p {
                        code { (Short(&place.key, 120)) } " of " strong { (Short(&place.group, 80)) }
                        @match place.owners.first() {
                            None => { " has no owner: the ring has no members." }
                            Some(owner) if place.is_own => { " is owned by this node, " strong { (Short(owner.id(), 120)) } "." }
                            Some(owner) => { " is owned by " strong { (Short(owner.id(), 120)) } "." }
                        }
                    }
                    dl {
                        @if let Some(stand_in) = place.owners.get(1) {
                            div { dt { "If that is down" } dd { (Short(stand_in.id(), 120)) } }
                        }
                        @match (&place.cached, place.keys_are_hidden) {
                            (_, true) => { div { dt { "Cached here" } dd { "not told: this node hides its keys" } } }
                            (None, _) => { div { dt { "Cached here" } dd { "no" } } }
                            (Some(cached), _) => { (self::cached(cached)) }
                        }
                    }
                }
            }
        }
    }
}

fn cached(cached: &CachedHere) -> Markup {
    html! {
        div {
            dt { "Cached here" }
            dd {
                @match cached.source {
                    "main" => { "yes" }
                    "hot" => { "yes, as a mirror" }
                    source => { "yes, " (source) }
                }
            }
        }
        div { dt { "Value" } dd { (Bytes(cached.value_bytes as u64)) } }
        @if let Some(age) = cached.age {
            div { dt { "Age" } dd { "about " (Span(age)) } }
        }
        @match (cached.fresh_for, cached.kept_for) {
            (None, _) => { div { dt { "Expires" } dd { "never" } } }
            (Some(left), Some(kept)) if left.is_zero() => {
                div { dt { "Expires" } dd { "has expired; may be served stale for " (Span(kept)) } }
            }
            (Some(left), _) => { div { dt { "Expires" } dd { "in " (Span(left)) } } }
        }
    }
}
