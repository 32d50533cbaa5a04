use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::Key;

/// What a visitor wants to see, from the query of the address.
///
/// | parameter | |
/// |---|---|
/// | `group` | this group alone |
/// | `key` | where this key is |
/// | `in` | the key's group, if it is not that of `group` |
/// | `members` | members whose id or URL contains this text |
/// | `from` | the first row of the table of members |
///
/// Others are left alone, and what does not decode counts as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) group: Option<String>,
    pub(super) key: Option<Key>,
    pub(super) key_group: Option<String>,
    pub(super) members: Option<String>,
    pub(super) from: usize,
}

/// The longest query that is looked at.
const MAX_BYTES: usize = 64 << 10;

/// What a form escapes in a value, beside `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        if query.len() > MAX_BYTES {
            return parsed;
        }
        for pair in query.split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let bytes = decoded(value);
            if bytes.is_empty() {
                continue;
            }
            let text = || String::from_utf8(bytes.clone()).ok();
            match name {
                "group" => parsed.group = text(),
                "key" => parsed.key = Some(Key::from(bytes)),
                "in" => parsed.key_group = text(),
                "members" => parsed.members = text(),
                "from" => parsed.from = text().and_then(|text| text.parse().ok()).unwrap_or(0),
                _ => {}
            }
        }
        parsed
    }

    /// The group of the key.
    pub(super) fn group_of_key(&self) -> Option<&String> {
        self.key_group.as_ref().or(self.group.as_ref())
    }

    /// The part of an address that begins with `?`; empty for what is shown without any.
    pub(super) fn to_suffix(&self) -> String {
        let from = self.from.to_string();
        let pairs = [
            ("group", self.group.as_ref().map(escape)),
            ("in", self.key_group.as_ref().map(escape)),
            ("key", self.key.as_ref().map(escape)),
            ("members", self.members.as_ref().map(escape)),
            ("from", (self.from > 0).then_some(from)),
        ];
        let mut suffix = String::new();
        for (name, value) in pairs {
            let Some(value) = value else { continue };
            suffix.push(if suffix.is_empty() { '?' } else { '&' });
            suffix.push_str(name);
            suffix.push('=');
            suffix.push_str(&value);
        }
        suffix
    }
}

fn escape(bytes: impl AsRef<[u8]>) -> String {
    percent_encode(bytes.as_ref(), ESCAPED).to_string()
}

/// As forms encode: `+` is a space.
fn decoded(value: &str) -> Vec<u8> {
    let spaced: Vec<u8> = value
        .bytes()
        .map(|byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_a_form_is_understood() {
        let query = Query::parse("group=a+b&in=c&key=%3Cscript%3E%FF&members=&from=50&other=1&odd");
        let expected = Query {
            group: Some("a b".to_owned()),
            key: Some(Key::from(&b"<script>\xff"[..])),
            key_group: Some("c".to_owned()),
            members: None,
            from: 50,
        };
        assert_eq!(query, expected);
    }

    #[test]
    fn an_address_leads_back_to_what_it_was_made_of() {
        let query = Query {
            group: Some("ä&b=c".to_owned()),
            key: Some(Key::from(&b"\x00 +%\xff"[..])),
            key_group: Some("?".to_owned()),
            members: Some("10.0.0.1:8080".to_owned()),
            from: 100,
        };
        assert_eq!(Query::parse(&query.to_suffix()[1..]), query);
        assert_eq!(Query::default().to_suffix(), "");
    }

    #[test]
    fn what_makes_no_sense_counts_as_missing() {
        assert_eq!(Query::parse("group=%ff&from=-1&key="), Query::default());
        let long = format!("group={}", "x".repeat(MAX_BYTES));
        assert_eq!(Query::parse(&long), Query::default());
    }
}
