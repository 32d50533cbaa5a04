use std::sync::atomic::{AtomicU64, Ordering};

/// How much the bar rises, in terms of its logarithm, when it is cleared.
const STEP: f64 = 0.05;

/// A threshold that lets a fixed share of what it is shown pass, whatever the scale.
///
/// It follows the quantile of a stream by stochastic approximation (Robbins, Monro: *A Stochastic
/// Approximation Method*, Annals of Mathematical Statistics 22, 1951): what clears the bar raises it
/// a little, what fails lowers it very little, and the two are in proportion such that they cancel
/// out when the wanted share clears it. It moves by factors, so that it gets from three requests a
/// minute to three million in as few steps as back.
#[derive(Debug)]
pub(crate) struct Bar {
    /// The bits of a positive, finite `f64`. Two threads that move it at the same time may lose one
    /// of the moves, which the next make up for.
    height: AtomicU64,
    /// The share that is to pass, between 0 and 1.
    share: f64,
}

impl Bar {
    pub(crate) fn new(share: f64) -> Self {
        Self {
            height: AtomicU64::new(1_f64.to_bits()),
            share,
        }
    }

    /// Whether `value` is in the top share of what the bar has seen lately.
    pub(crate) fn clears(&self, value: f64) -> bool {
        let height = f64::from_bits(self.height.load(Ordering::Relaxed));
        let clears = value >= height;
        let step = if clears {
            STEP * (1.0 - self.share)
        } else {
            -STEP * self.share
        };
        let moved = (height * step.exp()).clamp(f64::MIN_POSITIVE, f64::MAX);
        self.height.store(moved.to_bits(), Ordering::Relaxed);
        clears
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::splitmix64::SplitMix64;

    #[test]
    fn the_wanted_share_passes_at_any_scale_and_it_is_the_top_one() {
        let (bar, random) = (Bar::new(0.1), SplitMix64::default());
        for scale in [1.0, 1e6, 1e-3] {
            let draw = || scale * (1.0 + random.next_fraction());
            // 1e9 lower, at half a percent a step, takes some time.
            for _ in 0..10_000 {
                bar.clears(draw());
            }
            let passed: Vec<f64> = (0..10_000)
                .map(|_| draw())
                .filter(|value| bar.clears(*value))
                .collect();
            assert!((900..1100).contains(&passed.len()), "{}", passed.len());
            let low = passed.iter().filter(|value| **value < scale * 1.7).count();
            assert!(low < 100, "{low} at {scale}");
        }
    }

    #[test]
    fn no_value_breaks_the_bar() {
        let bar = Bar::new(0.5);
        for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            for _ in 0..100_000 {
                bar.clears(value);
            }
        }
        let height = f64::from_bits(bar.height.load(Ordering::Relaxed));
        assert!(height > 0.0 && height.is_finite(), "{height}");
    }
}
