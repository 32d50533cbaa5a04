use http::{HeaderName, HeaderValue};

use crate::Phase;

/// Our extension: how a removal, set or clear goes round: `first-N` or `last-N`, with the number in
/// hexadecimal digits.
pub(crate) const PHASE: HeaderName = HeaderName::from_static("x-groupcache-phase");

/// The header's value; `None` for none.
pub(crate) fn write(phase: Phase) -> Option<HeaderValue> {
    let text = match phase {
        Phase::Only => return None,
        Phase::First(number) => format!("first-{number:x}"),
        Phase::Last(number) => format!("last-{number:x}"),
    };
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
}

/// What the header says. One that cannot be read says nothing: a change without a number is heeded
/// whenever it turns up.
pub(crate) fn read(header: Option<&HeaderValue>) -> Phase {
    let parts = header
        .and_then(|header| header.to_str().ok())
        .and_then(|text| text.split_once('-'))
        .and_then(|(name, number)| Some((name, u64::from_str_radix(number, 16).ok()?)));
    match parts {
        Some(("first", number)) => Phase::First(number),
        Some(("last", number)) => Phase::Last(number),
        _ => Phase::Only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_reads_back() {
        for number in [0, 1, 0xabc, u64::MAX] {
            for phase in [Phase::Only, Phase::First(number), Phase::Last(number)] {
                assert_eq!(read(write(phase).as_ref()), phase);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_only_one() {
        for text in [
            "",
            "first",
            "first-",
            "second-1",
            "last-x",
            "last-11112222333344445",
        ] {
            let header = HeaderValue::from_static(text);
            assert_eq!(read(Some(&header)), Phase::Only, "{text}");
        }
    }
}
