//! Keys in URLs: any bytes, percent-encoded.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A key for a path or a query.
pub(crate) fn escape(key: &[u8]) -> String {
    percent_encode(key, RESERVED).to_string()
}

/// The key in the rest of a path.
pub(crate) fn unescape_path(text: &str) -> Result<Vec<u8>, Malformed> {
    check(text)?;
    Ok(percent_decode_str(text).collect())
}

/// The first value of `name` in a query, as forms encode it: `+` is a space.
pub(crate) fn query_value(query: &str, name: &str) -> Option<Result<Vec<u8>, Malformed>> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then(|| unescape_path(&value.replace('+', " ")))
    })
}

/// A `%` without two hexadecimal digits after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key has a % that is not followed by two hexadecimal digits")
    }
}

fn check(text: &str) -> Result<(), Malformed> {
    let whole = |escape: &str| {
        escape
            .as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if text.split('%').skip(1).all(whole) {
        Ok(())
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_the_way_through_a_path_and_a_query() {
        let all: Vec<u8> = (0..=255).collect();
        for key in [&all[..], b"", b"a b+c%2F/d?e&f=g", "schlüssel".as_bytes()] {
            let escaped = escape(key);
            assert_eq!(unescape_path(&escaped), Ok(key.to_vec()));
            assert_eq!(
                query_value(&format!("a=1&key={escaped}&b"), "key"),
                Some(Ok(key.to_vec()))
            );
        }
    }

    #[test]
    fn a_plus_is_a_space_in_a_query_and_a_plus_in_a_path() {
        assert_eq!(query_value("key=a+b", "key"), Some(Ok(b"a b".to_vec())));
        assert_eq!(unescape_path("a+b"), Ok(b"a+b".to_vec()));
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for text in ["%", "a%2", "%zz", "%2", "ok%20%"] {
            assert_eq!(unescape_path(text), Err(Malformed), "{text}");
        }
        assert_eq!(query_value("other=1", "key"), None);
    }
}
