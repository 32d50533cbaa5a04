use crate::{Candidate, Promoter};

/// Mirrors a key that this node fetches often enough.
///
/// The rate is the node's [own](Candidate::local_minute_qps), so that a node fetches a key a few times
/// before the key can qualify. A fixed rate has to fit the load: if it is too low, mirrors push each
/// other out; if it is too high, their room stays empty. [`OwnerMeasured`](crate::OwnerMeasured) finds
/// the rate itself.
#[derive(Clone, Copy, Debug)]
pub struct ByRate {
    per_minute: f64,
}

impl ByRate {
    /// Mirrors keys that this node fetches at least this often a minute.
    pub const fn per_minute(fetches: f64) -> Self {
        Self {
            per_minute: fetches,
        }
    }
}

impl Promoter for ByRate {
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        candidate.local_minute_qps() >= self.per_minute
    }

    fn name(&self) -> Option<&'static str> {
        Some("by-rate")
    }
}
