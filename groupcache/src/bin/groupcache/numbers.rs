//! Numbers as people read them.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

pub(super) fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

/// A share as a percentage; a dash for the share of nothing.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// The share of a part in a whole.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A rate with as many decimals as it deserves.
pub(super) fn rate(number: f64) -> String {
    if number.is_finite() && number < 10.0 {
        format!("{number:.1}")
    } else {
        count(number as u64)
    }
}

/// A number of seconds of a report, in its two largest units.
pub(super) fn age(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = parts
        .iter()
        .position(|(number, _)| *number > 0)
        .unwrap_or(3);
    let shown = parts.iter().skip(first).take(2);
    let shown = shown.map(|(number, unit)| format!("{number}{unit}"));
    shown.collect::<Vec<_>>().join(" ")
}

/// A difference of milliseconds, with its sign.
pub(super) fn signed_ms(ms: f64) -> String {
    if ms.abs() < 10_000.0 {
        // The sum is never minus zero.
        format!("{:+} ms", ms.round() + 0.0)
    } else {
        format!("{:+.1} s", ms / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_whatever_a_peer_says() {
        assert_eq!(signed_ms(-0.3), "+0 ms");
        assert_eq!(age(0.4), "0s");
        assert_eq!(age(61.0), "1m 1s");
        assert_eq!(age(90_000.0), "1d 1h");
        assert_eq!(age(-1.0), "0s");
        assert_eq!(age(f64::INFINITY), "0s");
        assert_eq!((&*rate(0.25), &*rate(1234.5)), ("0.2", "1,234"));
        assert_eq!(rate(f64::NAN), "0");
        assert_eq!((&*percent(Some(0.5)), &*percent(None)), ("50.0 %", "–"));
        assert_eq!(
            (&*signed_ms(-3.2), &*signed_ms(86_400_000.0)),
            ("-3 ms", "+86400.0 s")
        );
    }
}
