//! What becomes hot: the decision whether a value that came from its owner is mirrored here.

mod always;
mod never;
mod one_in_ten;

use byteview::ByteView;

pub use always::Always;
pub use never::Never;
pub use one_in_ten::OneInTen;

use crate::Key;

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

/// A value that has just come from its owner.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub(crate) key: &'a Key,
    pub(crate) value: &'a ByteView,
    pub(crate) owner_minute_qps: Option<f64>,
}

impl<'a> Candidate<'a> {
    /// Its key.
    pub fn key(&self) -> &'a Key {
        self.key
    }

    /// Its bytes.
    pub fn value(&self) -> &'a ByteView {
        self.value
    }

    /// The key's requests per minute that its owner counted over all nodes, if it said so.
    pub fn owner_minute_qps(&self) -> Option<f64> {
        self.owner_minute_qps
    }
}
