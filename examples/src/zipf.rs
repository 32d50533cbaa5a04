/// Zipf's law over `n` ranks: rank r comes up in proportion to 1 / (r + 1)^s.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    /// For each rank the weight of it and all before it.
    cumulated: Vec<f64>,
}

impl Zipf {
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
        let cumulated = weights.map(|weight| {
            sum += weight;
            sum
        });
        Self {
            cumulated: cumulated.collect(),
        }
    }

    /// A rank, by inversion of a uniform number in [0, 1).
    pub(crate) fn rank(&self, uniform: f64) -> usize {
        let last = self.cumulated.len() - 1;
        let point = uniform * self.cumulated[last];
        self.cumulated
            .partition_point(|&sum| sum <= point)
            .min(last)
    }
}

/// Reads the exponent from a flag.
pub(crate) fn exponent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(exponent) if (0.0..=10.0).contains(&exponent) => Ok(exponent),
        _ => Err("not a number from 0 to 10".into()),
    }
}

/// SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, OOPSLA '14):
/// the same seed gives the same load.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rank_comes_up_as_often_as_the_law_says() {
        let (zipf, mut random) = (Zipf::new(100, 1.0), Random::new(7));
        let harmonic: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum();
        let firsts = (0..100_000)
            .filter(|_| zipf.rank(random.uniform()) == 0)
            .count();
        let share = firsts as f64 / 100_000.0;
        assert!((share - 1.0 / harmonic).abs() < 0.01, "{share}");
    }

    #[test]
    fn all_ranks_come_up_and_none_beyond() {
        let (zipf, mut random) = (Zipf::new(10, 0.0), Random::new(7));
        let mut seen = [false; 10];
        for _ in 0..10_000 {
            seen[zipf.rank(random.uniform())] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(zipf.rank(0.0), 0);
        assert_eq!(zipf.rank(1.0), 9);
    }
}
