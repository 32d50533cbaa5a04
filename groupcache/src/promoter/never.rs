use crate::{Candidate, Promoter};

/// Mirrors nothing: every get of another node's key goes over the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

impl Promoter for Never {
    fn promote(&self, _: &Candidate<'_>) -> bool {
        false
    }

    fn name(&self) -> Option<&'static str> {
        Some("never")
    }
}
