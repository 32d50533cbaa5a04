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
        }
    }
}
