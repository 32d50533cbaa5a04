//! The headers of native requests.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{GetMode, Phase};

/// How far a get may go. Absent: all the way.
const MODE: HeaderName = HeaderName::from_static("x-groupcache-mode");
const PEEK: HeaderValue = HeaderValue::from_static("peek");
const WARM_UP: HeaderValue = HeaderValue::from_static("warm-up");

/// The phase of a change: `first-N` or `last-N`, with the change's id in hexadecimal digits.
const PHASE: HeaderName = HeaderName::from_static("x-groupcache-phase");

/// Writes how far a get may go.
pub(super) fn set_mode(headers: &mut HeaderMap, mode: GetMode) {
    match mode {
        GetMode::Load => {}
        GetMode::Peek => _ = headers.insert(MODE, PEEK),
        GetMode::WarmUp => _ = headers.insert(MODE, WARM_UP),
    }
}

/// Reads how far a get may go.
pub(super) fn mode(headers: &HeaderMap) -> GetMode {
    match headers.get(MODE) {
        Some(mode) if mode == PEEK => GetMode::Peek,
        Some(mode) if mode == WARM_UP => GetMode::WarmUp,
        _ => GetMode::Load,
    }
}

/// Writes the phase of a change.
pub(super) fn set_phase(headers: &mut HeaderMap, phase: Phase) {
    let text = match phase {
        Phase::Only => return,
        Phase::First(id) => format!("first-{id:x}"),
        Phase::Last(id) => format!("last-{id:x}"),
    };
    if let Ok(phase) = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)) {
        headers.insert(PHASE, phase);
    }
}

/// Reads the phase of a change. An unreadable header counts as absent: a change without an id is never
/// skipped.
pub(super) fn phase(headers: &HeaderMap) -> Phase {
    let parts = headers
        .get(PHASE)
        .and_then(|header| header.to_str().ok())
        .and_then(|text| text.split_once('-'))
        .and_then(|(name, id)| Some((name, u64::from_str_radix(id, 16).ok()?)));
    match parts {
        Some(("first", id)) => Phase::First(id),
        Some(("last", id)) => Phase::Last(id),
        _ => Phase::Only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_reads_back() {
        for sent in [GetMode::Load, GetMode::Peek, GetMode::WarmUp] {
            let mut headers = HeaderMap::new();
            set_mode(&mut headers, sent);
            assert_eq!(mode(&headers), sent);
        }
    }

    #[test]
    fn a_phase_reads_back() {
        for id in [0, 1, 0xabc, u64::MAX] {
            for sent in [Phase::Only, Phase::First(id), Phase::Last(id)] {
                let mut headers = HeaderMap::new();
                set_phase(&mut headers, sent);
                assert_eq!(phase(&headers), sent);
            }
        }
    }

    #[test]
    fn an_unreadable_phase_counts_as_none() {
        for text in [
            "",
            "first",
            "first-",
            "second-1",
            "last-x",
            "last-11112222333344445",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(PHASE, HeaderValue::from_static(text));
            assert_eq!(phase(&headers), Phase::Only, "{text}");
        }
    }
}
