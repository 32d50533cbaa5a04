use std::iter::Sum;
use std::ops::AddAssign;

/// How recorded values are distributed, as a snapshot of a [`Histogram`](crate::Histogram). Which unit the values have
/// stands where the distribution comes from.
///
/// Distributions of several groups, peers or nodes add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// The number of values.
    pub count: u64,
    /// The sum of all values.
    pub sum: u64,
    /// The greatest value; zero if there is none.
    pub max: u64,
    /// The last value that falls into a bucket and the number of values in it, in ascending order. Empty buckets are
    /// left out.
    buckets: Vec<(u64, u64)>,
}

impl Distribution {
    pub(super) fn new(sum: u64, max: u64, buckets: Vec<(u64, u64)>) -> Self {
        Self {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum,
            max,
            buckets,
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A value that this share of the values does not exceed, from 0 to 1; at most an eighth too high. Zero if there
    /// are no values.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for &(end, count) in &self.buckets {
            seen += count;
            if seen >= wanted {
                // The last bucket has values beyond its end too.
                return if seen == self.count {
                    self.max
                } else {
                    end.min(self.max)
                };
            }
        }
        self.max
    }

    /// The median.
    pub fn p50(&self) -> u64 {
        self.quantile(0.5)
    }

    /// The value that nine of ten values do not exceed.
    pub fn p90(&self) -> u64 {
        self.quantile(0.9)
    }

    /// The value that 99 of 100 values do not exceed.
    pub fn p99(&self) -> u64 {
        self.quantile(0.99)
    }

    /// How many values do not exceed a bound, as a cumulative histogram has them. Values in the bucket that the bound
    /// cuts do not count: exact for a power of two less one, otherwise too few by at most that bucket.
    pub fn at_most(&self, bound: u64) -> u64 {
        let within = self.buckets.iter().take_while(|(end, _)| *end <= bound);
        within.map(|(_, count)| count).sum()
    }
}

impl AddAssign<&Distribution> for Distribution {
    fn add_assign(&mut self, other: &Distribution) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        self.max = self.max.max(other.max);
        for &(end, count) in &other.buckets {
            match self.buckets.binary_search_by_key(&end, |(end, _)| *end) {
                Ok(place) => self.buckets[place].1 += count,
                Err(place) => self.buckets.insert(place, (end, count)),
            }
        }
    }
}

impl<'a> Sum<&'a Distribution> for Distribution {
    fn sum<I: Iterator<Item = &'a Distribution>>(distributions: I) -> Self {
        distributions.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// A map of `count`, `sum`, `max`, `p50`, `p90` and `p99`.
#[cfg(feature = "serde")]
impl serde::Serialize for Distribution {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut map = serializer.serialize_struct("Distribution", 6)?;
        map.serialize_field("count", &self.count)?;
        map.serialize_field("sum", &self.sum)?;
        map.serialize_field("max", &self.max)?;
        map.serialize_field("p50", &self.p50())?;
        map.serialize_field("p90", &self.p90())?;
        map.serialize_field("p99", &self.p99())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram.distribution()
    }

    #[test]
    fn distributions_add_up_as_if_all_values_had_been_recorded_in_one() {
        let (low, high) = (of(0..500), of(400..5000));
        let all: Distribution = [&low, &high].into_iter().sum();
        assert_eq!(all, of((0..500).chain(400..5000)));
        let nothing: Distribution = [].iter().sum();
        assert_eq!((nothing.p50(), nothing.count), (0, 0));
    }

    #[test]
    fn a_bound_below_a_power_of_two_counts_exactly() {
        let values = of(0..10_000);
        for bound in [0, 1, 15, 255, 4095, 8191] {
            assert_eq!(values.at_most(bound), bound + 1);
        }
        assert_eq!(values.at_most(u64::MAX), 10_000);
        assert!(values.at_most(5000) <= 5001 && values.at_most(5000) > 4300);
    }
}
