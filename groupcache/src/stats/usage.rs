//! Sums of usages, and their serialized form.

use std::iter::Sum;
use std::ops::Add;

use crate::store::Usage;

/// The sum of two groups. Its [`victim_age`](Usage::victim_age) is the shorter one: that of the group
/// with the tighter budget.
impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            budget: self.budget.saturating_add(other.budget),
            bytes: self.bytes.saturating_add(other.bytes),
            hot_bytes: self.hot_bytes.saturating_add(other.hot_bytes),
            reserved: self.reserved.saturating_add(other.reserved),
            pinned: self.pinned.saturating_add(other.pinned),
            entries: self.entries.saturating_add(other.entries),
            hot_entries: self.hot_entries.saturating_add(other.hot_entries),
            victim_age: match (self.victim_age, other.victim_age) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
        }
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Usage> for Usage {
    fn sum<I: Iterator<Item = &'a Usage>>(usages: I) -> Self {
        usages.copied().sum()
    }
}

/// A map of the fields; the age is in seconds.
#[cfg(feature = "serde")]
impl serde::Serialize for Usage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let victim_age = self.victim_age.map(|age| age.as_secs_f64());
        let mut map = serializer.serialize_struct("Usage", 8)?;
        map.serialize_field("budget", &self.budget)?;
        map.serialize_field("bytes", &self.bytes)?;
        map.serialize_field("hot_bytes", &self.hot_bytes)?;
        map.serialize_field("reserved", &self.reserved)?;
        map.serialize_field("pinned", &self.pinned)?;
        map.serialize_field("entries", &self.entries)?;
        map.serialize_field("hot_entries", &self.hot_entries)?;
        map.serialize_field("victim_age", &victim_age)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn usages_add_up_and_the_shortest_age_stands_for_all() {
        let usage = |budget, age: Option<u64>| Usage {
            budget,
            victim_age: age.map(Duration::from_secs),
            ..Usage::default()
        };
        let sum: Usage = [usage(1, None), usage(2, Some(9)), usage(3, Some(5))]
            .iter()
            .sum();
        assert_eq!(sum, usage(6, Some(5)));
        assert_eq!(
            usage(usize::MAX, None) + usage(1, None),
            usage(usize::MAX, None)
        );
    }

    #[cfg(feature = "serde")]
    #[test]
    fn counters_and_usages_serialize_as_maps_of_their_fields() {
        let usage = Usage {
            entries: 3,
            victim_age: Some(Duration::from_millis(1500)),
            ..Usage::default()
        };
        let json = serde_json::to_value(usage).unwrap();
        assert_eq!(
            (&json["entries"], &json["victim_age"]),
            (&3.into(), &1.5.into())
        );
        let stats = crate::Stats {
            gets: 7,
            ..crate::Stats::default()
        };
        let json = serde_json::to_value(stats).unwrap();
        assert_eq!((&json["gets"], &json["failed"]), (&7.into(), &0.into()));
        assert_eq!(json.as_object().unwrap().len(), 29);
    }
}
