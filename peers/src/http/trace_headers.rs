//! The headers of the W3C's Trace Context.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::TraceContext;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes the place in a trace of a request.
pub(crate) fn write(headers: &mut HeaderMap, trace: &TraceContext) {
    let mut put = |name, text: String| {
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
            headers.insert(name, value);
        }
    };
    put(TRACEPARENT, trace.traceparent());
    if !trace.tracestate().is_empty() {
        put(TRACESTATE, trace.tracestate().into());
    }
}

/// Reads the place in a trace of a request. `None` if it has none, or several, or one that cannot be read.
pub(crate) fn read(headers: &HeaderMap) -> Option<TraceContext> {
    let mut places = headers.get_all(TRACEPARENT).iter();
    let place = places.next()?.to_str().ok()?;
    if places.next().is_some() {
        return None;
    }
    TraceContext::parse(place, &state(headers).unwrap_or_default()).ok()
}

/// The header `tracestate`, which may come in parts; `None` if it cannot be read or is too long.
fn state(headers: &HeaderMap) -> Option<String> {
    let mut state = String::new();
    for part in headers.get_all(TRACESTATE) {
        if !state.is_empty() {
            state.push(',');
        }
        if state.len() + part.len() > TraceContext::MAX_STATE_BYTES {
            return None;
        }
        state.push_str(part.to_str().ok()?);
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_headers_are_the_documented_ones() {
        let trace = TraceContext::parse(PLACE, "a=1,b=2").unwrap();
        let mut written = HeaderMap::new();
        write(&mut written, &trace);
        assert_eq!(
            written,
            headers(&[("traceparent", PLACE), ("tracestate", "a=1,b=2")])
        );
        assert_eq!(read(&written), Some(trace));

        let bare = TraceContext::parse(PLACE, "").unwrap();
        let mut written = HeaderMap::new();
        write(&mut written, &bare);
        assert_eq!(written, headers(&[("traceparent", PLACE)]));
    }

    #[test]
    fn a_state_in_parts_is_one_state_and_two_places_are_none() {
        let parts = [
            ("tracestate", "a=1"),
            ("traceparent", PLACE),
            ("tracestate", "b=2"),
        ];
        assert_eq!(read(&headers(&parts)).unwrap().tracestate(), "a=1,b=2");
        assert_eq!(
            read(&headers(&[("traceparent", PLACE), ("traceparent", PLACE)])),
            None
        );
        assert_eq!(read(&headers(&[("tracestate", "a=1")])), None);
    }

    #[test]
    fn a_state_that_is_too_long_is_left_out() {
        let mut headers = headers(&[("traceparent", PLACE)]);
        for _ in 0..2 {
            let part = format!("k={}", "v".repeat(255));
            headers.append(TRACESTATE, HeaderValue::from_str(&part).unwrap());
        }
        assert_eq!(read(&headers).unwrap().tracestate(), "");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(place: Vec<u8>, states: Vec<Vec<u8>>) {
            let mut headers = HeaderMap::new();
            for (name, bytes) in std::iter::once((TRACEPARENT, place)).chain(states.into_iter().map(|state| (TRACESTATE, state))) {
                if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                    headers.append(name, value);
                }
            }
            _ = read(&headers);
        }
    }
}
