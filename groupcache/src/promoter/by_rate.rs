use crate::{Candidate, Promoter};

/// Mirrors a key that this node fetches often enough.
///
/// The rate is the node's [own](Candidate::local_minute_qps), so that a key is fetched a few times
/// before it can qualify. A fixed rate has to be chosen for the load: with one that is too low the
/// mirrors push each other out, with one that is too high their room stays empty.
/// [`OwnerMeasured`](crate::OwnerMeasured) finds the rate itself.
#[derive(Clone, Copy, Debug)]
pub struct ByRate {
    per_minute: f64,
}

impl ByRate {
    /// Mirrors keys that are fetched at least so many times a minute.
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
}
