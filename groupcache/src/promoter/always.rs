use crate::{Candidate, Promoter};

/// Mirrors every value that is fetched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Always;

impl Promoter for Always {
    fn promote(&self, _: &Candidate<'_>) -> bool {
        true
    }

    fn name(&self) -> Option<&'static str> {
        Some("always")
    }
}
