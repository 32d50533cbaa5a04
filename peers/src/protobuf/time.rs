//! Moments as the messages carry them: nanoseconds since 1970, 0 for never.

use std::time::{Duration, SystemTime};

/// Times that do not fit (before 1677 or after 2262) become the nearest that does; the one
/// nanosecond that stands for "never" becomes the next.
#[cfg(any(test, feature = "groupcache-go", feature = "mailgun"))]
pub(crate) fn nanos_since_1970(time: SystemTime) -> i64 {
    let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    if nanos == 0 { 1 } else { nanos }
}

/// The time in a message; `None` for never.
pub(crate) fn time_from_nanos(nanos: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    match nanos {
        0 => None,
        // `None` if the platform's clock cannot tell a time so far away: before 1970 there is at
        // least one that it can.
        1.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => Some(
            SystemTime::UNIX_EPOCH
                .checked_sub(distance)
                .unwrap_or(SystemTime::UNIX_EPOCH),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_reads_back(nanos: i64) {
            if let Some(time) = time_from_nanos(nanos) {
                prop_assert_eq!(nanos_since_1970(time), nanos);
            }
        }
    }
}
