use peers::Distribution;

use super::scrape::Scrape;

/// Metrics of one name, which differ in the values of their labels.
pub(super) struct Family {
    /// Without the prefix `groupcache_`, the unit and the suffix of the kind.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    /// Hands out each metric with its labels.
    pub(super) read: fn(&Scrape, &mut Out<'_>),
}

/// Takes the labels of a metric and its value.
pub(super) type Out<'a> = dyn FnMut(Labels<'_>, Value<'_>) + 'a;

pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows. Its name ends in the unit and `_total`.
    Counter(Unit),
    /// A level, in this unit.
    Gauge(Unit),
    /// Its name ends in the unit.
    Histogram(Unit),
    /// Says something in its labels. Its name ends in `_info`.
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A number of something, which the name says.
    Things,
    Bytes,
    Seconds,
    Ratio,
}

pub(super) enum Value<'a> {
    Count(u64),
    Level(f64),
    /// Of nanoseconds where the unit is [`Unit::Seconds`], else of the unit.
    Distribution(&'a Distribution),
    Info,
}

impl Family {
    pub(super) fn unit(&self) -> Unit {
        match self.kind {
            Kind::Counter(unit) | Kind::Gauge(unit) | Kind::Histogram(unit) => unit,
            Kind::Info => Unit::Things,
        }
    }
}

impl Unit {
    /// How many recorded units make one of a metric's.
    pub(super) fn scale(self) -> f64 {
        if self == Self::Seconds { 1e9 } else { 1.0 }
    }

    /// The greatest value of each bucket of a histogram but the last, in recorded units. Four times the one before, and
    /// one less than a power of two, for which a [`Distribution`] counts exactly.
    pub(super) fn bounds(self) -> impl Iterator<Item = u64> {
        // From a microsecond to 17 seconds, and from 63 bytes to 64 MiB.
        let (first, last) = if self == Self::Seconds {
            (10, 34)
        } else {
            (6, 26)
        };
        (first..=last).step_by(2).map(|power| (1 << power) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_at_most_fifteen_buckets() {
        for unit in [Unit::Seconds, Unit::Bytes] {
            assert!(unit.bounds().count() < 15);
        }
        assert_eq!(Unit::Bytes.bounds().next(), Some(63));
        assert_eq!(Unit::Bytes.bounds().last(), Some((64 << 20) - 1));
        assert_eq!(Unit::Seconds.bounds().next(), Some(1023));
    }
}
