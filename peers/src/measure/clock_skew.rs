/// How far a peer's wall clock is from this node's, as far as the dates of its answers tell.
///
/// It is known of peers whose protocol carries moments. A date says whole seconds, and so the first answer leaves half a
/// second of doubt; further ones leave less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ClockSkew {
    /// The milliseconds by which the peer's clock is ahead; below zero it is behind.
    pub ahead_ms: i64,
    /// By how many milliseconds that may be wrong, either way.
    pub uncertainty_ms: u64,
}

impl ClockSkew {
    /// How far the clocks are apart at least before a node warns of it.
    pub const MAX_MS: u64 = 2000;

    /// The difference that lies between these.
    pub(crate) fn between(low: i64, high: i64) -> Self {
        let ahead_ms = low.midpoint(high);
        Self {
            ahead_ms,
            uncertainty_ms: high.abs_diff(ahead_ms).max(low.abs_diff(ahead_ms)),
        }
    }

    /// Whether the clocks are certainly more than [`MAX_MS`](Self::MAX_MS) apart.
    pub fn is_large(self) -> bool {
        let apart = self.ahead_ms.unsigned_abs();
        apart.saturating_sub(self.uncertainty_ms) > Self::MAX_MS
    }
}
