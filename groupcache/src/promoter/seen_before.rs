use crate::{Candidate, Promoter};

/// Mirrors a key at its second fetch, as long as the first is
/// [remembered](crate::GroupBuilder::candidates). Keys that are fetched only once, which in many loads
/// are most of the keys, take no room from those that are fetched again.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeenBefore;

impl Promoter for SeenBefore {
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        candidate.seen_before()
    }

    fn name(&self) -> Option<&'static str> {
        Some("seen-before")
    }
}
