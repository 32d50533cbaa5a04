use std::fmt;
use std::sync::Arc;

use crate::Error;

/// A place in a trace, in the words of the W3C's [Trace Context](https://www.w3.org/TR/trace-context/): the trace, the
/// span in it that asks, and whether the trace is recorded.
///
/// A request to a peer brings the one of its [`Context`](crate::Context) along, in every protocol: as the headers
/// `traceparent` and `tracestate`, or as a field of the stream's messages. Clones share the state.
///
/// ```
/// use peers::TraceContext;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = TraceContext::parse(text, "vendor=value")?;
/// assert!(trace.is_sampled());
/// assert_eq!(trace.parent_id(), 0x00f0_67aa_0ba9_02b7);
/// assert_eq!((&*trace.traceparent(), trace.tracestate()), (text, "vendor=value"));
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    /// `None` instead of an empty one.
    state: Option<Arc<str>>,
}

/// The trace is recorded.
const SAMPLED: u8 = 1;

/// The flags that have a meaning: that the trace is recorded, and that its id is random. The others are not passed on.
const KNOWN_FLAGS: u8 = 3;

/// The length of a `traceparent` of version 00.
const TRACEPARENT: usize = 55;

/// The most list members that a `tracestate` may have.
const MAX_STATES: usize = 32;

impl TraceContext {
    /// The longest `tracestate` in bytes. A longer one is left out, and the trace goes on without it.
    pub const MAX_STATE_BYTES: usize = 512;

    /// A place in a trace. The lowest bit of the `flags` says that the trace is recorded, the next one that the trace's
    /// id is random; the others are left out. So is a `state` that is none, or is too long.
    ///
    /// # Errors
    ///
    /// If one of the ids is zero.
    pub fn new(trace_id: u128, parent_id: u64, flags: u8, state: &str) -> Result<Self, Error> {
        if trace_id == 0 || parent_id == 0 {
            return Err(Error::malformed("a trace context with an id of zero"));
        }
        Ok(Self {
            trace_id,
            parent_id,
            flags: flags & KNOWN_FLAGS,
            state: is_state(state).then(|| state.into()),
        })
    }

    /// Reads the headers `traceparent` and `tracestate`; the latter may be empty. One that is malformed or too long is
    /// left out, as the specification asks.
    ///
    /// # Errors
    ///
    /// If the `traceparent` is none. Of a later version than 00 the known fields are read.
    pub fn parse(traceparent: &str, tracestate: &str) -> Result<Self, Error> {
        let malformed = || Error::malformed("a malformed traceparent");
        let (trace_id, parent_id, flags) = fields(traceparent).ok_or_else(malformed)?;
        Self::new(trace_id, parent_id, flags, tracestate)
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span that asks.
    pub fn parent_id(&self) -> u64 {
        self.parent_id
    }

    /// The flags of the specification that are known.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the trace is recorded by whoever asks.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The header `traceparent`, of version 00.
    pub fn traceparent(&self) -> String {
        let Self {
            trace_id,
            parent_id,
            flags,
            ..
        } = self;
        format!("00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")
    }

    /// The header `tracestate`; empty if there is none.
    pub fn tracestate(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("traceparent", &self.traceparent())
            .field("tracestate", &self.tracestate())
            .finish()
    }
}

/// The trace, the parent and the flags of a `traceparent`.
fn fields(text: &str) -> Option<(u128, u64, u8)> {
    let (known, later) = text.split_at_checked(TRACEPARENT)?;
    let mut parts = known.split('-');
    let mut next = |length| parts.next().filter(|part| is_hex(part, length));
    let (version, trace_id) = (next(2)?, next(32)?);
    let (parent_id, flags) = (next(16)?, next(2)?);
    let is_known = match version {
        "ff" => false,
        "00" => later.is_empty(),
        _ => later.is_empty() || later.starts_with('-'),
    };
    if !is_known {
        return None;
    }
    Some((
        u128::from_str_radix(trace_id, 16).ok()?,
        u64::from_str_radix(parent_id, 16).ok()?,
        u8::from_str_radix(flags, 16).ok()?,
    ))
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.bytes().all(is_digit)
}

/// Whether a text is a `tracestate` that is not empty.
fn is_state(text: &str) -> bool {
    let mut members = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    text.len() <= TraceContext::MAX_STATE_BYTES
        && members.clone().count() <= MAX_STATES
        && members.clone().any(|member| !member.is_empty())
        && members.all(|member| member.is_empty() || is_member(member))
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    let in_key =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let in_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.len() <= 256
        && key.bytes().all(in_key)
        && (1..=256).contains(&value.len())
        && value.bytes().all(in_value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn parsed(traceparent: &str) -> Option<TraceContext> {
        TraceContext::parse(traceparent, "").ok()
    }

    #[test]
    fn a_traceparent_is_read_as_the_specification_has_it() {
        let known = format!("00-{TRACE}-{PARENT}-01");
        let trace = parsed(&known).unwrap();
        assert_eq!(trace.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(trace.parent_id(), 0x00f0_67aa_0ba9_02b7);
        assert!(trace.is_sampled());
        // A later version may have more fields, and is passed on as what is known of it.
        for later in [
            format!("cc-{TRACE}-{PARENT}-01"),
            format!("cc-{TRACE}-{PARENT}-01-what-comes"),
            format!("fe-{TRACE}-{PARENT}-fd-"),
        ] {
            assert_eq!(parsed(&later).unwrap(), trace, "{later}");
        }
        let unsampled = parsed(&format!("00-{TRACE}-{PARENT}-fe")).unwrap();
        assert_eq!((unsampled.is_sampled(), unsampled.flags()), (false, 2));
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".into(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("cc-{TRACE}-{PARENT}-01more"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-0x"),
            format!("0-0{TRACE}-{PARENT}-01"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-+{}-{PARENT}-01", &TRACE[1..]),
            format!("00_{TRACE}_{PARENT}_01"),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-0\u{e9}"),
        ] {
            let error = TraceContext::parse(&text, "").unwrap_err();
            assert!(error.is_malformed(), "{text}");
        }
    }

    #[test]
    fn a_tracestate_is_kept_if_it_is_one() {
        let kept = |state: &str| {
            let traceparent = format!("00-{TRACE}-{PARENT}-01");
            let trace = TraceContext::parse(&traceparent, state).unwrap();
            assert!([state, ""].contains(&trace.tracestate()));
            !trace.tracestate().is_empty()
        };
        let of_length =
            |length: usize| format!("k={},l={}", "v".repeat(256), "v".repeat(length - 261));
        let of_members = |count: usize| vec!["k=v"; count].join(",");
        assert!(kept("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert!(kept("1@vendor/_-*=a b ,\t, x= y"));
        assert!(kept(&of_length(512)) && !kept(&of_length(513)));
        assert!(kept(&of_members(32)) && !kept(&of_members(33)));
        for none in [
            "", " ", ",", "key", "=v", "k=", "K=v", "_k=v", "k=v=w", "k=\u{e9}", "k=v\n", "k =v",
        ] {
            assert!(!kept(none), "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn a_trace_context_reads_back(
            trace_id in 1_u128..,
            parent_id in 1_u64..,
            flags: u8,
            state in "([a-z][a-z0-9_@-]{0,9}=[!-+.-<>-~]{1,20},){0,5}",
        ) {
            let sent = TraceContext::new(trace_id, parent_id, flags, &state).unwrap();
            let (traceparent, tracestate) = (sent.traceparent(), sent.tracestate());
            prop_assert_eq!(tracestate, &state);
            prop_assert_eq!(traceparent.len(), TRACEPARENT);
            prop_assert_eq!(TraceContext::parse(&traceparent, tracestate).unwrap(), sent);
        }

        #[test]
        fn no_text_panics_and_none_grows(traceparent: String, tracestate: String) {
            if let Ok(trace) = TraceContext::parse(&traceparent, &tracestate) {
                prop_assert!(trace.tracestate().len() <= TraceContext::MAX_STATE_BYTES);
            }
        }

        #[test]
        fn what_is_almost_a_traceparent_panics_as_little(
            text in "[0f]{2}-[0-9a-fA-F]{31,33}-[0-9a-f\u{e9}]{15,17}-[0-9]{1,3}-?.?",
        ) {
            if let Ok(trace) = TraceContext::parse(&text, "") {
                prop_assert!(trace.trace_id() != 0 && trace.parent_id() != 0);
            }
        }
    }
}
