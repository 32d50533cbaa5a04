use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pauses that double up to a longest one. Chance takes up to half off each, so that nodes that have failed together do
/// not try again together.
#[derive(Debug)]
pub(super) struct BackOff {
    first: Duration,
    longest: Duration,
    next: Duration,
    random: RandomState,
    pauses: u64,
}

impl BackOff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
            random: RandomState::new(),
            pauses: 0,
        }
    }

    /// The pause after one more failure.
    pub(super) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.longest.min(whole.saturating_mul(2));
        self.pauses += 1;
        let chance = self.random.hash_one(self.pauses) as f64 / u64::MAX as f64;
        whole.mul_f64(1.0 - chance / 2.0)
    }

    /// The next pause is the first one again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_each_is_left_to_chance() {
        let ms = Duration::from_millis;
        let mut back_off = BackOff::new(ms(100), ms(350));
        for whole in [100, 200, 350, 350] {
            let pause = back_off.pause();
            assert!((ms(whole) / 2..=ms(whole)).contains(&pause), "{pause:?}");
        }
        back_off.reset();
        assert!(back_off.pause() <= ms(100));
    }
}
