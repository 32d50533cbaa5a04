//! Who a request is meant for.
//!
//! An address may have become another one's since the caller learned of it: a pod of the same cluster, or a node of
//! another cluster with a group of the same name. So a native request names its addressee in two
//! headers:
//!
//! - `x-groupcache-member`: the id of the member. All bytes but `A-Z a-z 0-9 - . _ ~ : / [ ]` are percent-encoded.
//! - `x-groupcache-cluster`: the label of the cluster, if the caller has one.
//!
//! A node that is not meant answers 421 before it reads or changes anything. Callers that send no header are taken for
//! right, and so are those of any cluster by a node without a label.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::Error;

const MEMBER: HeaderName = HeaderName::from_static("x-groupcache-member");
const CLUSTER: HeaderName = HeaderName::from_static("x-groupcache-cluster");

/// What an id keeps of itself in the header.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'[')
    .remove(b']');

/// The longest id that is sent, as it is encoded. The head of a request has no room for much more.
const MAX_MEMBER_BYTES: usize = 4 << 10;
/// The longest label of a cluster.
const MAX_LABEL_BYTES: usize = 128;

/// The member of a cluster that is meant, or that a node is.
#[derive(Debug)]
pub(crate) struct Addressee {
    id: Box<str>,
    cluster: Option<Box<str>>,
    /// The id as the header has it; `None` if it is too long.
    member_header: Option<HeaderValue>,
    cluster_header: Option<HeaderValue>,
}

impl Addressee {
    /// The member with this id of the cluster with this label, which is a [valid](check_label) one.
    pub(crate) fn new(id: &str, cluster: Option<&str>) -> Self {
        let encoded = utf8_percent_encode(id, ENCODED).to_string();
        let member = (encoded.len() <= MAX_MEMBER_BYTES).then_some(encoded);
        Self {
            id: id.into(),
            cluster: cluster.map(Into::into),
            member_header: member.and_then(|encoded| encoded.parse().ok()),
            cluster_header: cluster.and_then(|label| label.parse().ok()),
        }
    }

    /// Says in a request who is meant.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            (MEMBER, &self.member_header),
            (CLUSTER, &self.cluster_header),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
    }

    /// Refuses a request in which somebody else is meant.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        if let (Some(meant), Some(own)) = (headers.get(CLUSTER), &self.cluster)
            && meant != &**own
        {
            let meant = String::from_utf8_lossy(meant.as_bytes());
            return Err(misdirected("cluster", &meant, own));
        }
        if let Some(meant) = headers.get(MEMBER)
            && self.member_header.as_ref() != Some(meant)
        {
            // Others may encode more or fewer bytes.
            let meant = decoded(meant);
            if meant != *self.id {
                return Err(misdirected("member", &meant, &self.id));
            }
        }
        Ok(())
    }
}

fn decoded(member: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(member.as_bytes()) {
        Ok(text) => percent_decode_str(text).decode_utf8_lossy(),
        Err(_) => String::from_utf8_lossy(member.as_bytes()),
    }
}

fn misdirected(what: &str, meant: &str, own: &str) -> Error {
    Error::misdirected(format!(
        "the {what} {meant:?} is meant, and this is {own:?}"
    ))
}

/// Refuses a label of a cluster that cannot be sent.
pub(super) fn check_label(label: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(1..=MAX_LABEL_BYTES).contains(&label.len()) || !label.bytes().all(allowed) {
        let reason =
            format!("{label:?} is not made of 1 to {MAX_LABEL_BYTES} of A-Z a-z 0-9 - . _ ~");
        return Err(Error::invalid_option("cluster", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(meant: &Addressee, own: &Addressee) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        meant.write(&mut headers);
        own.check(&headers).map_err(|error| error.to_string())
    }

    #[test]
    fn the_one_who_is_meant_answers() {
        for id in ["pod-1", "http://[::1]:80", "a b%\n", "Ångström", ""] {
            let pod = |cluster| Addressee::new(id, cluster);
            for (meant, own) in [
                (Some("a"), Some("a")),
                (None, Some("a")),
                (Some("a"), None),
                (None, None),
            ] {
                assert_eq!(check(&pod(meant), &pod(own)), Ok(()), "{id:?}");
            }
        }
        let nobody = HeaderMap::new();
        Addressee::new("pod-1", Some("a")).check(&nobody).unwrap();
    }

    #[test]
    fn everybody_else_refuses_and_names_both() {
        let own = Addressee::new("pod-1", Some("a"));
        let error = check(&Addressee::new("pod-2", Some("a")), &own).unwrap_err();
        assert!(
            error.contains("\"pod-2\"") && error.contains("\"pod-1\""),
            "{error}"
        );
        let error = check(&Addressee::new("pod-1", Some("b")), &own).unwrap_err();
        assert!(
            error.contains("\"b\"") && error.contains("\"a\""),
            "{error}"
        );
        let mut headers = HeaderMap::new();
        headers.insert(MEMBER, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(own.check(&headers).unwrap_err().is_misdirected());
    }

    #[test]
    fn an_id_that_is_encoded_in_another_way_is_the_same() {
        let mut headers = HeaderMap::new();
        headers.insert(MEMBER, HeaderValue::from_static("%70od-%31"));
        Addressee::new("pod-1", None).check(&headers).unwrap();
    }

    #[test]
    fn an_id_that_is_too_long_is_not_sent() {
        let long = Addressee::new(&"x".repeat(MAX_MEMBER_BYTES + 1), None);
        assert_eq!(check(&long, &Addressee::new("other", None)), Ok(()));
    }

    #[test]
    fn a_label_is_short_and_plain() {
        check_label("prod-eu.1").unwrap();
        for label in ["", "a b", "ä", &"x".repeat(129)] {
            let error = check_label(label).unwrap_err();
            assert!(
                error.is_configuration() && error.to_string().contains("cluster"),
                "{error}"
            );
        }
    }
}
