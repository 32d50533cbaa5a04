//! What becomes hot: the decision whether a value that came from its owner is mirrored here.

mod always;
mod bar;
mod by_rate;
mod candidate;
mod never;
mod one_in_ten;
mod owner_measured;
mod seen_before;

pub use always::Always;
pub use by_rate::ByRate;
pub use candidate::Candidate;
pub use never::Never;
pub use one_in_ten::OneInTen;
pub use owner_measured::OwnerMeasured;
pub use seen_before::SeenBefore;

/// Decides whether a value that came from its owner is kept in this node's hot cache.
///
/// A mirrored value saves the network on the next get, at the price of memory and of being as
/// stale as the group allows. Called once per fetch, on the task that fetched; it should be quick.
///
/// Every `Fn(&Candidate<'_>) -> bool` is a promoter:
///
/// ```
/// use groupcache::{Candidate, Promoter};
///
/// fn takes_a_promoter(_: impl Promoter) {}
/// takes_a_promoter(|candidate: &Candidate<'_>| candidate.value().len() < 4096);
/// ```
pub trait Promoter: Send + Sync + 'static {
    /// Whether to mirror the candidate.
    fn promote(&self, candidate: &Candidate<'_>) -> bool;
}

impl<F> Promoter for F
where
    F: Fn(&Candidate<'_>) -> bool + Send + Sync + 'static,
{
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        self(candidate)
    }
}
