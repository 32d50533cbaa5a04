//! The conditions of a request, in the order that RFC 9110 (13.2.2) gives them.

use std::time::SystemTime;

use headers::{HeaderMapExt, IfModifiedSince, IfUnmodifiedSince};
use http::{HeaderMap, HeaderValue, header};

use super::entity_tag::{Comparison, lists};

/// What an answer says of the object's version.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    pub(super) tag: HeaderValue,
    pub(super) modified: Option<SystemTime>,
}

/// Whether a request that asks for an object gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// The client has it.
    NotModified,
    /// The client wants another version.
    PreconditionFailed,
}

impl Validators {
    /// What the conditions come to. Dates that are malformed do not count, and neither do dates beside tags. Tags that are
    /// malformed are those of no version.
    pub(super) fn verdict(&self, request: &HeaderMap) -> Verdict {
        let modified = self.modified;
        let names = |header, comparison| {
            let mut lines = request.get_all(header).iter();
            lines.any(|list| lists(list, &self.tag, comparison))
        };
        let fails = if request.contains_key(header::IF_MATCH) {
            !names(header::IF_MATCH, Comparison::Strong)
        } else {
            let unmodified = request.typed_get::<IfUnmodifiedSince>().zip(modified);
            unmodified.is_some_and(|(since, modified)| !since.precondition_passes(modified))
        };
        if fails {
            return Verdict::PreconditionFailed;
        }
        let is_known = if request.contains_key(header::IF_NONE_MATCH) {
            names(header::IF_NONE_MATCH, Comparison::Weak)
        } else {
            let modified = request.typed_get::<IfModifiedSince>().zip(modified);
            modified.is_some_and(|(since, modified)| !since.is_modified(modified))
        };
        match is_known {
            true => Verdict::NotModified,
            false => Verdict::Send,
        }
    }

    /// Whether a range is a range of this version: there is no `If-Range`, or it has the tag of this version. A weak tag
    /// names no version, and neither does a date, since a second may have seen two.
    pub(super) fn allow_ranges(&self, request: &HeaderMap) -> bool {
        let version = request.get(header::IF_RANGE);
        version.is_none_or(|version| *version == self.tag)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn validators() -> Validators {
        Validators {
            tag: HeaderValue::from_static("\"a\""),
            modified: Some(UNIX_EPOCH + Duration::from_secs(784_111_777)),
        }
    }

    fn request(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let headers = headers.iter();
        headers
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn conditions_count_in_the_order_of_the_standard() {
        use Verdict::{NotModified, PreconditionFailed, Send};

        for (headers, verdict) in [
            (&[][..], Send),
            (&[("if-none-match", "\"a\"")], NotModified),
            (&[("if-none-match", "W/\"a\"")], NotModified),
            (&[("if-none-match", "\"b\", \"a\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"b\"")], Send),
            (&[("if-none-match", "a")], Send),
            (&[("if-none-match", "\"a b\"")], Send),
            (&[("if-match", "\"a b\"")], PreconditionFailed),
            (&[("if-match", "a")], PreconditionFailed),
            (&[("if-match", "\"a\"")], Send),
            (&[("if-match", "*")], Send),
            (&[("if-match", "W/\"a\"")], PreconditionFailed),
            (&[("if-match", "\"b\"")], PreconditionFailed),
            (&[("if-modified-since", BEFORE)], Send),
            (&[("if-modified-since", MODIFIED)], NotModified),
            (&[("if-modified-since", AFTER)], NotModified),
            (&[("if-modified-since", "yesterday")], Send),
            (&[("if-unmodified-since", BEFORE)], PreconditionFailed),
            (&[("if-unmodified-since", MODIFIED)], Send),
            // The tag counts, and not the date.
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", AFTER)],
                Send,
            ),
            (
                &[("if-none-match", "b"), ("if-modified-since", AFTER)],
                Send,
            ),
            (
                &[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)],
                Send,
            ),
            (
                &[("if-match", "\"b\""), ("if-none-match", "\"a\"")],
                PreconditionFailed,
            ),
            (
                &[("if-match", "\"a\""), ("if-none-match", "\"a\"")],
                NotModified,
            ),
        ] {
            assert_eq!(
                validators().verdict(&request(headers)),
                verdict,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn dates_do_not_count_for_an_object_without_one() {
        let undated = Validators {
            modified: None,
            ..validators()
        };
        for header in ["if-modified-since", "if-unmodified-since"] {
            assert_eq!(
                undated.verdict(&request(&[(header, BEFORE)])),
                Verdict::Send
            );
        }
        assert!(!undated.allow_ranges(&request(&[("if-range", MODIFIED)])));
    }

    #[test]
    fn a_range_is_of_the_version_that_if_range_names() {
        for (version, is_allowed) in [
            ("\"a\"", true),
            ("W/\"a\"", false),
            ("\"b\"", false),
            ("a", false),
            (BEFORE, false),
            (MODIFIED, false),
            (AFTER, false),
            ("", false),
        ] {
            let request = request(&[("if-range", version)]);
            assert_eq!(validators().allow_ranges(&request), is_allowed, "{version}");
        }
        assert!(validators().allow_ranges(&HeaderMap::new()));
    }
}
