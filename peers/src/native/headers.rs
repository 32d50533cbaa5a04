//! The headers of native requests.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::wire::MAX_KNOWN;
use crate::{ChangeId, Error, GetMode, KnownChange, Stamp};

/// How far a get may go. Absent: all the way.
const MODE: HeaderName = HeaderName::from_static("x-groupcache-mode");
const PEEK: HeaderValue = HeaderValue::from_static("peek");
const WARM_UP: HeaderValue = HeaderValue::from_static("warm-up");

/// The stamp of a change: `ORIGIN-NUMBER-SEEN-MEMBERS`, each in hexadecimal digits. Absent: it has none.
const CHANGE: HeaderName = HeaderName::from_static("x-groupcache-change");

/// The changes of the key that the sender knows: `ORIGIN-NUMBER` each, in hexadecimal digits, and with `-all` if it is of all
/// keys of the group. Commas part them.
const KNOWN: HeaderName = HeaderName::from_static("x-groupcache-known");

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

/// Writes the stamp of a change.
pub(super) fn set_stamp(headers: &mut HeaderMap, stamp: Option<Stamp>) {
    if let Some(Stamp { id, members }) = stamp {
        let ChangeId { origin, number } = id;
        set(
            headers,
            CHANGE,
            format!("{origin:x}-{number:x}-{members:x}"),
        );
    }
}

/// Reads the stamp of a change. A change is refused if its stamp cannot be read: nobody else would hear of it.
pub(super) fn stamp(headers: &HeaderMap) -> Result<Option<Stamp>, Error> {
    let mut values = headers.get_all(CHANGE).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let stamp = value.to_str().ok().and_then(parse_stamp);
    match (stamp, values.next()) {
        (Some(stamp), None) => Ok(Some(stamp)),
        _ => Err(unreadable(&CHANGE)),
    }
}

fn parse_stamp(text: &str) -> Option<Stamp> {
    let mut numbers = text.split('-').map(number);
    let mut next = || numbers.next()?;
    let id = ChangeId {
        origin: next()?,
        number: next()?,
    };
    let members = next()?;
    numbers.next().is_none().then_some(Stamp { id, members })
}

/// Writes the changes of the key that the sender knows.
pub(super) fn set_known(headers: &mut HeaderMap, known: &[KnownChange]) {
    if known.is_empty() {
        return;
    }
    let texts = known.iter().map(|KnownChange { id, all }| {
        let all = if *all { "-all" } else { "" };
        format!("{:x}-{:x}{all}", id.origin, id.number)
    });
    set(headers, KNOWN, texts.collect::<Vec<_>>().join(","));
}

/// Reads the changes of the key that the sender knows. A request is refused if they cannot be read: without them, its answer
/// could be older than what the sender knows.
pub(super) fn known(headers: &HeaderMap) -> Result<Vec<KnownChange>, Error> {
    let mut known = Vec::new();
    for value in headers.get_all(KNOWN) {
        let text = value.to_str().map_err(|_| unreadable(&KNOWN))?;
        for change in text.split(',') {
            let change = parse_known(change.trim());
            let change = change.filter(|_| known.len() < MAX_KNOWN);
            known.push(change.ok_or_else(|| unreadable(&KNOWN))?);
        }
    }
    Ok(known)
}

fn parse_known(text: &str) -> Option<KnownChange> {
    let (text, all) = match text.strip_suffix("-all") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (origin, of_origin) = text.split_once('-')?;
    let id = ChangeId {
        origin: number(origin)?,
        number: number(of_origin)?,
    };
    Some(KnownChange { id, all })
}

/// The number of hexadecimal digits alone, without a sign.
fn number(digits: &str) -> Option<u64> {
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_digits.then(|| u64::from_str_radix(digits, 16).ok())?
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        headers.insert(name, value);
    }
}

fn unreadable(name: &HeaderName) -> Error {
    Error::status(400, format!("bad request: the header {name} is unreadable"))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn with(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_static(value));
        values.map(|value| (name.clone(), value)).collect()
    }

    #[test]
    fn a_mode_reads_back() {
        for sent in [GetMode::Load, GetMode::Peek, GetMode::WarmUp] {
            let mut headers = HeaderMap::new();
            set_mode(&mut headers, sent);
            assert_eq!(mode(&headers), sent);
        }
    }

    proptest! {
        #[test]
        fn a_stamp_reads_back(numbers: Option<(u64, u64, u64)>) {
            let sent = numbers.map(|(origin, number, members)| {
                let id = ChangeId { origin, number };
                Stamp { id, members }
            });
            let mut headers = HeaderMap::new();
            set_stamp(&mut headers, sent);
            prop_assert_eq!(stamp(&headers).unwrap(), sent);
        }

        #[test]
        fn known_changes_read_back(changes in vec(any::<(u64, u64, bool)>(), 0..=MAX_KNOWN)) {
            let changes = changes.into_iter().map(|(origin, number, all)| KnownChange {
                id: ChangeId { origin, number },
                all,
            });
            let sent: Vec<_> = changes.collect();
            let mut headers = HeaderMap::new();
            set_known(&mut headers, &sent);
            prop_assert_eq!(headers.len(), usize::from(!sent.is_empty()));
            prop_assert_eq!(known(&headers).unwrap(), sent);
        }
    }

    #[test]
    fn the_texts_are_the_documented_ones() {
        let (origin, number) = (0xabc, 16);
        let id = ChangeId { origin, number };
        let members = u64::MAX;
        let mut headers = HeaderMap::new();
        set_stamp(&mut headers, Some(Stamp { id, members }));
        assert_eq!(headers[CHANGE], "abc-10-ffffffffffffffff");
        let changes = [false, true].map(|all| KnownChange { id, all });
        set_known(&mut headers, &changes);
        assert_eq!(headers[KNOWN], "abc-10,abc-10-all");
    }

    #[test]
    fn changes_in_several_headers_and_with_spaces_are_all_read() {
        let headers = with(&KNOWN, &["1-2-all, 3-4", "5-6"]);
        let numbers: Vec<_> = known(&headers).unwrap().iter().map(|it| it.id).collect();
        let of = |(origin, number)| ChangeId { origin, number };
        assert_eq!(numbers, [(1, 2), (3, 4), (5, 6)].map(of));
    }

    #[test]
    fn an_unreadable_stamp_is_an_error() {
        for values in [
            &[""][..],
            &["1"],
            &["1-2"],
            &["1-2-3-4"],
            &["1-2-x"],
            &["1--3"],
            &["1-2-11112222333344445"],
            &["1-2-+4"],
            &["1-2-3", "1-2-3"],
        ] {
            let error = stamp(&with(&CHANGE, values)).unwrap_err();
            assert_eq!(error.http_status(), Some(400), "{values:?}");
        }
    }

    #[test]
    fn an_unreadable_known_change_is_an_error() {
        for values in [
            &[""][..],
            &["1"],
            &["1-"],
            &["1-2,"],
            &["1-2-3"],
            &["1-2-al"],
            &["1-2", "-"],
        ] {
            let error = known(&with(&KNOWN, values)).unwrap_err();
            assert_eq!(error.http_status(), Some(400), "{values:?}");
        }
        let more = with(&KNOWN, &["1-2"; MAX_KNOWN + 1]);
        assert_eq!(known(&more).unwrap_err().http_status(), Some(400));
    }
}
