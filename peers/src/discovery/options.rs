use std::time::Duration;

use crate::Error;
use crate::limits::{check_order, check_time};

/// How soon a node follows its source of members, and what it does while the source fails.
///
/// With the defaults all nodes agree on the owners at most a second after each has heard the source's word. After a
/// failure of the source, members that have gone meanwhile go four seconds after its return.
///
/// ```
/// use std::time::Duration;
/// use peers::DiscoveryOptions;
///
/// let options = DiscoveryOptions::default().removal_grace(Duration::from_secs(5));
/// assert!(options.validate().is_err(), "a sudden loss has a shorter grace");
/// let options = options.sudden_loss_grace(Duration::from_secs(30));
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct DiscoveryOptions {
    pub(super) debounce: Duration,
    pub(super) max_debounce: Duration,
    pub(super) removal_grace: Duration,
    pub(super) sudden_loss_grace: Duration,
    pub(super) back_off: Duration,
    pub(super) max_back_off: Duration,
    recovery_grace: Option<Duration>,
    pub(super) join_timeout: Duration,
    pub(super) leave_timeout: Duration,
    pub(super) linger: Duration,
    pub(super) first_list_timeout: Duration,
}

impl Default for DiscoveryOptions {
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(100),
            max_debounce: Duration::from_millis(500),
            removal_grace: Duration::from_millis(500),
            sudden_loss_grace: Duration::from_secs(1),
            back_off: Duration::from_millis(250),
            max_back_off: Duration::from_secs(1),
            recovery_grace: None,
            join_timeout: Duration::from_secs(2),
            leave_timeout: Duration::from_secs(2),
            linger: Duration::from_secs(1),
            first_list_timeout: Duration::from_secs(3),
        }
    }
}

/// # Changes
impl DiscoveryOptions {
    /// How long the source must have said nothing new before a list counts, so that several changes in a row become
    /// one. The first list of all counts at once. Zero: no wait. Default: 100 ms.
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.debounce = debounce;
        self
    }

    /// The longest time from the first change to the moment at which the latest list counts, however often the source
    /// speaks meanwhile. Not less than [`debounce`](Self::debounce). Default: 500 ms.
    pub fn max_debounce(mut self, max_debounce: Duration) -> Self {
        self.max_debounce = max_debounce;
        self
    }

    /// How long a member must be missing in each list before it is dropped, so that a source that leaves a member out
    /// for a moment costs nothing. It runs beside [`debounce`](Self::debounce). It does not hold up new members, new
    /// addresses of members, and members whose address has become another one's. Zero: none. Default: 500 ms.
    pub fn removal_grace(mut self, removal_grace: Duration) -> Self {
        self.removal_grace = removal_grace;
        self
    }

    /// The same while more than half of the members are missing, which is more often the source's trouble than the
    /// members'. Not less than [`removal_grace`](Self::removal_grace). Default: 1 s.
    pub fn sudden_loss_grace(mut self, sudden_loss_grace: Duration) -> Self {
        self.sudden_loss_grace = sudden_loss_grace;
        self
    }
}

/// # Trouble
impl DiscoveryOptions {
    /// The time after an error, or after a list that cannot be used, until the source is asked again. It doubles with
    /// each further one, and chance takes up to half of it off. Not zero. Default: 250 ms.
    pub fn back_off(mut self, back_off: Duration) -> Self {
        self.back_off = back_off;
        self
    }

    /// The longest such time. Not less than [`back_off`](Self::back_off). Default: 1 s.
    pub fn max_back_off(mut self, max_back_off: Duration) -> Self {
        self.max_back_off = max_back_off;
        self
    }

    /// How long a member stays that the first list after a failure lacks, and all further ones, so that all members have
    /// the time to announce themselves again where the source has lost their announcements. Up to four failures in a row
    /// put it off. Zero: as long as at other times. Default: [`join_timeout`](Self::join_timeout) and twice [`max_back_off`](Self::max_back_off), 4 s in all.
    pub fn recovery_grace(mut self, recovery_grace: Duration) -> Self {
        self.recovery_grace = Some(recovery_grace);
        self
    }
}

/// # Start and end
impl DiscoveryOptions {
    /// The longest time that an announcement of this node may take, before it is given up and tried again. Default: 2 s.
    pub fn join_timeout(mut self, join_timeout: Duration) -> Self {
        self.join_timeout = join_timeout;
        self
    }

    /// The longest time that taking the announcement back may take. Default: 2 s.
    pub fn leave_timeout(mut self, leave_timeout: Duration) -> Self {
        self.leave_timeout = leave_timeout;
        self
    }

    /// How long a node that has left its source still answers, so that its peers hear of it before its server stops.
    /// Zero: not at all. Default: 1 s.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// How long a node waits at its start for the first list, before it begins with the members that it was given.
    /// Zero: not at all. Default: 3 s.
    pub fn first_list_timeout(mut self, first_list_timeout: Duration) -> Self {
        self.first_list_timeout = first_list_timeout;
        self
    }

    /// An announcement may have begun just before the source is back, and the next one begins after a pause.
    pub(super) fn time_to_recover(&self) -> Duration {
        let grace = || self.join_timeout + 2 * self.max_back_off;
        self.recovery_grace.unwrap_or_else(grace)
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits: times are up to a year.
    pub fn validate(&self) -> Result<(), Error> {
        for (name, time, least) in [
            ("debounce", self.debounce, 0),
            ("max_debounce", self.max_debounce, 0),
            ("removal_grace", self.removal_grace, 0),
            ("sudden_loss_grace", self.sudden_loss_grace, 0),
            ("back_off", self.back_off, 1),
            ("max_back_off", self.max_back_off, 1),
            ("recovery_grace", self.recovery_grace.unwrap_or_default(), 0),
            ("join_timeout", self.join_timeout, 1),
            ("leave_timeout", self.leave_timeout, 1),
            ("linger", self.linger, 0),
            ("first_list_timeout", self.first_list_timeout, 0),
        ] {
            check_time(name, time, least)?;
        }
        for (name, less, other, more) in [
            ("debounce", self.debounce, "max_debounce", self.max_debounce),
            (
                "removal_grace",
                self.removal_grace,
                "sudden_loss_grace",
                self.sudden_loss_grace,
            ),
            ("back_off", self.back_off, "max_back_off", self.max_back_off),
        ] {
            check_order(name, less, other, more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = DiscoveryOptions::default;
        options().validate().unwrap();
        for (name, options) in [
            ("debounce", options().debounce(Duration::from_secs(1))),
            ("max_debounce", options().max_debounce(Duration::MAX)),
            (
                "removal_grace",
                options().removal_grace(Duration::from_secs(2)),
            ),
            (
                "sudden_loss_grace",
                options().sudden_loss_grace(Duration::MAX),
            ),
            ("back_off", options().back_off(Duration::ZERO)),
            (
                "max_back_off of 1s",
                options().back_off(Duration::from_secs(2)),
            ),
            ("recovery_grace", options().recovery_grace(Duration::MAX)),
            ("join_timeout", options().join_timeout(Duration::ZERO)),
            ("leave_timeout", options().leave_timeout(Duration::ZERO)),
            ("linger", options().linger(Duration::MAX)),
            (
                "first_list_timeout",
                options().first_list_timeout(Duration::MAX),
            ),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
