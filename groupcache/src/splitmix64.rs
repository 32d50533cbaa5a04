use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that look random, from a counter, for decisions that only have to be spread out: SplitMix64
/// (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, OOPSLA '14).
#[derive(Debug, Default)]
pub(crate) struct SplitMix64(AtomicU64);

impl SplitMix64 {
    /// The next number, from the whole range.
    pub(crate) fn next(&self) -> u64 {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let mut z = count.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number from 0 to just below 1.
    pub(crate) fn next_fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_spread_over_the_unit_interval() {
        let random = SplitMix64::default();
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            tenths[(random.next_fraction() * 10.0) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|count| (800..1200).contains(count)),
            "{tenths:?}"
        );
    }
}
