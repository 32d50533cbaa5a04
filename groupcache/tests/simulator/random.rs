use std::time::Duration;

/// Numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood, OOPSLA '14).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// The finalizer of SplitMix64: neighbouring numbers become unrelated ones.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// Numbers that follow from all of these.
    pub fn of(parts: &[u64]) -> Self {
        let fold = |seed, part: &u64| mixed(mixed(seed) ^ part);
        Self(parts.iter().fold(0, fold))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mixed(self.0)
    }

    /// From 0 to just below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.next() % 100 < u64::from(percent)
    }

    /// From zero to `longest`, short ones being far more frequent.
    pub fn wait(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction().powi(3))
    }

    /// From zero to `longest`, all times alike.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
