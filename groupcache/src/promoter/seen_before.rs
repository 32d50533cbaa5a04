use crate::{Candidate, Promoter};

/// Mirrors a key at its second fetch, as long as the first is
/// [remembered](crate::GroupBuilder::candidates). What is asked for only once, which in many loads
/// is most of the keys, does not take room from what is asked for again.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeenBefore;

impl Promoter for SeenBefore {
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        candidate.seen_before()
    }
}
