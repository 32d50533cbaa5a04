/// Seconds in which a count fades to 1/e, as in the product.
const TIME_CONSTANT: f32 = 60.0;

/// How often a key is asked for: a count that fades, which a steady rate of requests keeps at the requests of
/// a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    count: f32,
    /// In seconds.
    at: f32,
}

impl Rate {
    /// Counts a request, and returns the requests per minute.
    pub(super) fn count(&mut self, now: f32) -> f64 {
        self.count = 1.0 + self.faded(now);
        self.at = now;
        self.count.into()
    }

    fn faded(&self, now: f32) -> f32 {
        self.count * ((self.at - now) / TIME_CONSTANT).exp()
    }
}

/// The rates that one node has measured itself: a small table, in which a key that is asked for takes the place
/// of one that no longer is.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    slots: Box<[(u32, Rate)]>,
}

const SLOTS: usize = 256;

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![(u32::MAX, Rate::default()); SLOTS].into(),
        }
    }

    /// Counts a request for a key; its requests per minute, and whether it is remembered.
    pub(super) fn count(&mut self, key: u32, now: f32) -> (f64, bool) {
        let (holder, rate) = &mut self.slots[key as usize % SLOTS];
        if *holder == key {
            return (rate.count(now), true);
        }
        if rate.faded(now) < 1.5 {
            *holder = key;
            *rate = Rate::default();
            return (rate.count(now), false);
        }
        (1.0, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_measured_in_requests_per_minute() {
        let (mut rate, mut measured) = (Rate::default(), 0.0);
        for second in 0..600 {
            measured = rate.count(second as f32);
        }
        assert!((measured - 60.0).abs() < 1.0, "{measured}");
    }

    #[test]
    fn a_hot_key_keeps_its_slot_and_a_cold_one_gives_way() {
        let mut rates = Rates::new();
        for _ in 0..3 {
            rates.count(7, 0.0);
        }
        assert_eq!(rates.count(7 + SLOTS as u32, 0.0), (1.0, false));
        assert!(rates.count(7, 0.0).1);
        assert_eq!(rates.count(7 + SLOTS as u32, 600.0), (1.0, false));
        assert!(rates.count(7 + SLOTS as u32, 600.0).1);
    }
}
