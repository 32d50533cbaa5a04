use http::{HeaderName, HeaderValue};

use crate::Wave;

/// Our extension: how a removal, set or clear goes round: `first-N` or `last-N`, with the number in
/// hexadecimal digits.
pub(crate) const WAVE: HeaderName = HeaderName::from_static("x-groupcache-wave");

/// The header's value; `None` for none.
pub(crate) fn write(wave: Wave) -> Option<HeaderValue> {
    let text = match wave {
        Wave::Only => return None,
        Wave::First(number) => format!("first-{number:x}"),
        Wave::Last(number) => format!("last-{number:x}"),
    };
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
}

/// What the header says. One that cannot be read says nothing: a change without a number is heeded
/// whenever it turns up.
pub(crate) fn read(header: Option<&HeaderValue>) -> Wave {
    let parts = header
        .and_then(|header| header.to_str().ok())
        .and_then(|text| text.split_once('-'))
        .and_then(|(name, number)| Some((name, u64::from_str_radix(number, 16).ok()?)));
    match parts {
        Some(("first", number)) => Wave::First(number),
        Some(("last", number)) => Wave::Last(number),
        _ => Wave::Only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_reads_back() {
        for number in [0, 1, 0xabc, u64::MAX] {
            for wave in [Wave::Only, Wave::First(number), Wave::Last(number)] {
                assert_eq!(read(write(wave).as_ref()), wave);
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
            assert_eq!(read(Some(&header)), Wave::Only, "{text}");
        }
    }
}
