use std::fmt::Write as _;

use http::HeaderValue;

/// The strong `ETag` of a validator, and different ones of different validators: bytes that no tag may have, and the percent
/// sign, are `%` and two hexadecimal digits.
pub(super) fn entity_tag(validator: &[u8]) -> HeaderValue {
    let mut tag = String::from("\"");
    for byte in validator {
        match byte {
            b'!' | b'#' | b'$' | b'&'..=b'~' => tag.push(char::from(*byte)),
            // Nothing that is written to a string fails.
            _ => _ = write!(tag, "%{byte:02X}"),
        }
    }
    tag.push('"');
    // All of it is visible ASCII.
    HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// How two tags are compared (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A weak tag is equal to none.
    Strong,
    /// A weak tag stands for the strong one.
    Weak,
}

/// Whether a list of tags, of an `If-Match` or `If-None-Match`, has this one or is `*`. What follows upon something malformed
/// does not count.
pub(super) fn lists(list: &HeaderValue, tag: &HeaderValue, comparison: Comparison) -> bool {
    let mut rest = list.as_bytes().trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        rest = rest.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(b",") {
            rest = behind;
            continue;
        }
        let (is_weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let Some((b'"', opaque)) = quoted.split_first() else {
            return false;
        };
        let Some(end) = opaque.iter().position(|byte| *byte == b'"') else {
            return false;
        };
        let (entry, behind) = quoted.split_at(end + 2);
        if entry == tag.as_bytes() && !(is_weak && comparison == Comparison::Strong) {
            return true;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_validator_is_its_tag() {
        assert_eq!(entity_tag(b"v1.2-a,b"), "\"v1.2-a,b\"");
        assert_eq!(entity_tag(b"\"a\" 1%\xff\n"), "\"%22a%22%201%25%FF%0A\"");
    }

    proptest! {
        #[test]
        fn every_validator_has_a_tag_of_its_own(a: Vec<u8>, b: Vec<u8>) {
            let (tag, other) = (entity_tag(&a), entity_tag(&b));
            prop_assert_eq!(tag == other, a == b);
            prop_assert!(tag.to_str().unwrap().parse::<headers::ETag>().is_ok());
            let list = HeaderValue::from_bytes(&[b"\"x\", ", tag.as_bytes(), b","].concat()).unwrap();
            prop_assert!(lists(&list, &tag, Comparison::Strong));
        }
    }
}
