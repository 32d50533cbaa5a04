use peers::Distribution;

/// How long gets took on this node, in nanoseconds, by how they ended.
///
/// Gets that waited for anything are all measured, from the call's first poll to its end, and a get of several keys once
/// for each of them.
///
/// Of the hits one in 1,024 is measured, because reading the clock takes as long as a hit does; [`Stats`](crate::Stats)
/// has the count of all. What is measured is a second look-up of the key right after the hit, so that the others pay
/// nothing. The time has two readings of the clock in it, and no wait for memory that the hit has just read: it tells
/// whether hits wait for one another or for changes, and not how long a hit takes to the nanosecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GetTimes {
    /// Hits on values that this node owns; a sample.
    pub main: Distribution,
    /// Hits on mirrors; a sample.
    pub hot: Distribution,
    /// Hits on values past their freshness; a sample.
    pub stale: Distribution,
    /// Gets that another node answered.
    pub peer: Distribution,
    /// Gets that this node's getter answered.
    pub origin: Distribution,
    /// Gets for which there is no value.
    pub not_found: Distribution,
    /// Gets that ended in another error, or that their caller gave up.
    pub failed: Distribution,
}

impl GetTimes {
    /// The distributions with their names: those of [`Source`](crate::Source), `not_found` and `failed`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Distribution)> {
        [
            ("main", &self.main),
            ("hot", &self.hot),
            ("stale", &self.stale),
            ("peer", &self.peer),
            ("origin", &self.origin),
            ("not_found", &self.not_found),
            ("failed", &self.failed),
        ]
        .into_iter()
    }
}
