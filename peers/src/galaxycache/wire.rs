//! Headers. Values are the whole body, as they are.
//!
//! | header | |
//! |---|---|
//! | `X-Galaxycache-Galaxy-Status` | `Found` or `Not Found`, of the galaxy |
//! | `Expires` | absent for never; HTTP's date with nine digits after the second's decimal point |

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, header::EXPIRES};

use crate::Error;

/// The content type of a value.
pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

const STATUS: HeaderName = HeaderName::from_static("x-galaxycache-galaxy-status");
const FOUND: &str = "Found";
const NOT_FOUND: &str = "Not Found";

/// Says whether there is such a galaxy.
pub(super) fn set_found(headers: &mut HeaderMap, found: bool) {
    let status = if found { FOUND } else { NOT_FOUND };
    headers.insert(STATUS, HeaderValue::from_static(status));
}

/// Whether the peer says that it has the galaxy.
pub(super) fn is_found(headers: &HeaderMap) -> bool {
    headers.get(STATUS).is_some_and(|status| status == FOUND)
}

/// The first moment after the year 9999, which HTTP cannot say.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// Says when a value stops being fresh. What is before 1970 becomes 1970, and what is after 9999
/// never.
pub(super) fn set_expiry(headers: &mut HeaderMap, moment: SystemTime) {
    let since_1970 = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    if since_1970 >= YEAR_10000 {
        return;
    }
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_1970);
    let date = date.strip_suffix(" GMT").unwrap_or(&date);
    let date = format!("{date}.{:09} GMT", since_1970.subsec_nanos());
    if let Ok(date) = HeaderValue::try_from(date) {
        headers.insert(EXPIRES, date);
    }
}

/// When a value stops being fresh. Reads HTTP's three forms of dates, each with or without a fraction
/// of a second.
pub(super) fn expiry(headers: &HeaderMap) -> Result<Option<SystemTime>, Error> {
    let Some(date) = headers.get(EXPIRES) else {
        return Ok(None);
    };
    let malformed = || Error::malformed("the header Expires of a peer's answer");
    let date = date.to_str().map_err(|_| malformed())?;
    read_date(date).map(Some).ok_or_else(malformed)
}

fn read_date(date: &str) -> Option<SystemTime> {
    let Some((before, rest)) = date.split_once('.') else {
        return httpdate::parse_http_date(date).ok();
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, after) = rest.split_at_checked(digits)?;
    if !(1..=9).contains(&digits) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let whole = httpdate::parse_http_date(&format!("{before}{after}")).ok()?;
    whole.checked_add(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(moment: SystemTime) -> (Option<String>, Option<SystemTime>) {
        let mut headers = HeaderMap::new();
        set_expiry(&mut headers, moment);
        let text = headers
            .get(EXPIRES)
            .map(|date| date.to_str().unwrap().to_owned());
        (text, expiry(&headers).unwrap())
    }

    #[test]
    fn dates_are_those_of_the_go_programs() {
        let moment = SystemTime::UNIX_EPOCH + Duration::new(1_900_000_000, 123_456_789);
        let (text, read) = there_and_back(moment);
        assert_eq!(text.unwrap(), "Sun, 17 Mar 2030 17:46:40.123456789 GMT");
        assert_eq!(read, Some(moment));
        let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        assert_eq!(
            there_and_back(whole).0.unwrap(),
            "Sun, 17 Mar 2030 17:46:40.000000000 GMT"
        );
        for text in [
            "Sun, 17 Mar 2030 17:46:40 GMT",
            "Sunday, 17-Mar-30 17:46:40 GMT",
            "Sun Mar 17 17:46:40 2030",
            "Sun, 17 Mar 2030 17:46:40.0 GMT",
        ] {
            assert_eq!(read_date(text), Some(whole), "{text}");
        }
    }

    #[test]
    fn times_that_http_cannot_say_become_others() {
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(there_and_back(early).1, Some(SystemTime::UNIX_EPOCH));
        let late = SystemTime::UNIX_EPOCH + YEAR_10000;
        assert_eq!(there_and_back(late), (None, None));
        let last = late - Duration::from_nanos(1);
        assert_eq!(there_and_back(last).1, Some(last));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "0",
            "whenever",
            "1.5",
            "Sun, 17 Mar 2030 17:46:40. GMT",
            "é.1",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = read_date(&text);
        }

        #[test]
        fn every_moment_reads_back(seconds in 0..YEAR_10000.as_secs(), nanos in 0..1_000_000_000_u32) {
            let moment = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(there_and_back(moment).1, Some(moment));
        }
    }
}
