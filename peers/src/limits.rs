//! Checks of options.

use std::time::Duration;

use crate::Error;

/// The longest time of an option: a year.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Refuses a time of less than `least` milliseconds, or of more than a year.
pub(crate) fn check_time(name: &'static str, time: Duration, least: u64) -> Result<(), Error> {
    if (Duration::from_millis(least)..=LONGEST).contains(&time) {
        return Ok(());
    }
    let reason = format!("{time:?} is not from {least} ms to a year");
    Err(Error::invalid_option(name, reason))
}

/// Refuses a `less` that is more than the `more` of the option `other`.
pub(crate) fn check_order(
    name: &'static str,
    less: Duration,
    other: &str,
    more: Duration,
) -> Result<(), Error> {
    if less <= more {
        return Ok(());
    }
    let reason = format!("{less:?} is more than the {other} of {more:?}");
    Err(Error::invalid_option(name, reason))
}
