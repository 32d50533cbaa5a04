//! The spans, all of the target `groupcache::trace` and of the level `debug`. Gets that memory answers have none.
//!
//! A key may be a secret: spans have it at the level `trace` alone, and hidden if the node hides keys.

use peers::{Context, GetMode, Member};
use tracing::field::{Empty, debug};
use tracing::{Level, Span, debug_span, enabled};

use super::bridge;
use crate::report::KeyMask;
use crate::{Key, Mode};

/// A group, and how it shows keys.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) group: &'a str,
    pub(crate) key_mask: &'a KeyMask,
}

/// A local caller's get, which memory does not answer.
pub(crate) fn get(of: Of<'_>, key: &Key, mode: &'static str) -> Span {
    let group = of.group;
    let span = debug_span!(
        target: "groupcache::trace",
        "groupcache.get",
        group,
        mode,
        key = Empty,
        shared = Empty,
        source = Empty,
        outcome = Empty,
        bytes = Empty,
        otel.status_code = Empty,
    );
    with_key(span, of, key)
}

/// The work on the keys of a get of several that memory does not answer.
pub(crate) fn get_many(group: &str, keys: usize, mode: Mode) -> Span {
    let mode = match mode {
        Mode::Normal => "load",
        Mode::Peek => "peek",
        Mode::NoPeerLoad => "no peer load",
    };
    debug_span!(target: "groupcache::trace", "groupcache.get_many", group, keys = number(keys), mode)
}

/// The work that replaces a stale value. No caller waits for it, so that it is a trace of its own, and follows from the
/// caller's span: below that one it would keep it open.
pub(crate) fn refresh(of: Of<'_>, key: &Key) -> Span {
    let group = of.group;
    let span = debug_span!(
        target: "groupcache::trace",
        parent: None,
        "groupcache.refresh",
        group,
        key = Empty,
    );
    span.follows_from(Span::current());
    with_key(span, of, key)
}

/// A get from a peer, and how many peers were asked for the key before.
pub(crate) fn fetch(
    of: Of<'_>,
    key: &Key,
    peer: &Member,
    attempt: usize,
    mode: &'static str,
) -> Span {
    let span = request(of.group, peer, mode);
    span.record("attempt", number(attempt));
    with_key(span, of, key)
}

/// A get of several keys from a peer.
pub(crate) fn fetch_many(group: &str, keys: usize, peer: &Member, mode: GetMode) -> Span {
    let span = request(group, peer, word(mode));
    span.record("keys", number(keys));
    span
}

fn request(group: &str, peer: &Member, mode: &'static str) -> Span {
    debug_span!(
        target: "groupcache::trace",
        "groupcache.fetch",
        group,
        key = Empty,
        keys = Empty,
        %peer,
        attempt = Empty,
        mode,
        outcome = Empty,
        bytes = Empty,
        otel.kind = "client",
        otel.status_code = Empty,
    )
}

/// A getter call.
pub(crate) fn load(of: Of<'_>, key: &Key) -> Span {
    with_key(getter_call(of.group), of, key)
}

/// A getter call for several keys.
pub(crate) fn load_many(group: &str, keys: usize) -> Span {
    let span = getter_call(group);
    span.record("keys", number(keys));
    span
}

fn getter_call(group: &str) -> Span {
    debug_span!(
        target: "groupcache::trace",
        "groupcache.load",
        group,
        key = Empty,
        keys = Empty,
        outcome = Empty,
        bytes = Empty,
        otel.status_code = Empty,
    )
}

/// A change that begins on this node, of so many keys if that is known.
pub(crate) fn change(operation: &'static str, group: &str, keys: Option<usize>) -> Span {
    debug_span!(
        target: "groupcache::trace",
        "groupcache.change",
        operation,
        group,
        keys = keys.map(number),
        outcome = Empty,
        otel.status_code = Empty,
    )
}

/// A change on its way to a peer.
pub(crate) fn tell(operation: &'static str, group: &str, peer: &Member) -> Span {
    debug_span!(
        target: "groupcache::trace",
        "groupcache.tell",
        operation,
        group,
        %peer,
        outcome = Empty,
        otel.kind = "client",
        otel.status_code = Empty,
    )
}

/// The work on a peer's request, below the span that asks.
pub(crate) fn serve(operation: &'static str, group: &str, keys: usize) -> Span {
    let span = debug_span!(
        target: "groupcache::trace",
        "groupcache.serve",
        operation,
        group,
        keys = number(keys),
        outcome = Empty,
        bytes = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
    );
    if let Some(place) = Context::current_trace() {
        bridge::continue_at(&span, &place);
    }
    span
}

/// A span that takes one word where it is off: the size of a flight is a matter of the group's memory.
pub(crate) fn boxed(span: Span) -> Option<Box<Span>> {
    (!span.is_disabled()).then(|| Box::new(span))
}

/// The current span if it is one of these, and not one of the user's.
pub(crate) fn current() -> Span {
    let current = Span::current();
    let metadata = current.metadata();
    match metadata.is_some_and(|metadata| metadata.target() == "groupcache::trace") {
        true => current,
        false => Span::none(),
    }
}

/// Says in the current get's span that the work is another caller's, and so in another trace.
pub(crate) fn note_shared() {
    current().record("shared", true);
}

fn with_key(span: Span, of: Of<'_>, key: &Key) -> Span {
    if !span.is_disabled() && enabled!(target: "groupcache::trace", Level::TRACE) {
        // Escaped, as it may hold anything.
        let shown = of.key_mask.show(key);
        span.record("key", debug(String::from_utf8_lossy(&shown)));
    }
    span
}

/// As OpenTelemetry has numbers.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How far a peer may go to answer.
pub(crate) fn word(mode: GetMode) -> &'static str {
    match mode {
        GetMode::Load => "load",
        GetMode::Peek => "peek",
        GetMode::WarmUp => "warm-up",
        _ => "other",
    }
}
