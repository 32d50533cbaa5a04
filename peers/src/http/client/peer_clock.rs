use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderValue};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{ClockSkew, WallClock};

/// Measures a peer's wall clock by the header `Date` of its answers.
///
/// The peer has written the header at some time between question and answer, and its clock has shown the second that the
/// header says. That bounds the difference from both sides. Each answer draws the bounds closer. If it contradicts them, one
/// of the clocks has been set, or they have drifted apart, and the answer's own bounds hold.
#[derive(Debug, Default)]
pub(super) struct PeerClock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last header that was read. The same one again says nothing new that is worth its reading.
    date: Option<HeaderValue>,
    /// Between how many milliseconds the peer's clock is ahead.
    bounds: Option<(i64, i64)>,
    has_warned: bool,
}

impl PeerClock {
    /// What is known so far.
    pub(super) fn skew(&self) -> Option<ClockSkew> {
        let (low, high) = self.0.lock().bounds?;
        Some(ClockSkew::between(low, high))
    }

    /// Takes an answer that has just come into account. Logs the first time that the clocks are too far apart, and the
    /// first time that they no longer are.
    pub(super) fn note(&self, headers: &HeaderMap, asked: Instant, clock: &WallClock, peer: &str) {
        let Some(date) = headers.get(DATE) else {
            return;
        };
        // Another answer is read just now: that one will do.
        let Some(mut state) = self.0.try_lock() else {
            return;
        };
        if state.date.as_ref() == Some(date) {
            return;
        }
        state.date = Some(date.clone());
        let Some(said) = date.to_str().ok().and_then(read) else {
            return;
        };
        let now = clock.now();
        let took = asked.elapsed();
        let skew = state.see(said, now, took);
        if skew.is_large() == state.has_warned {
            return;
        }
        state.has_warned = skew.is_large();
        drop(state);
        let ClockSkew {
            ahead_ms,
            uncertainty_ms,
        } = skew;
        if skew.is_large() {
            tracing::warn!(
                peer,
                ahead_ms,
                uncertainty_ms,
                "a peer has another time: values that expire do so too early or too late"
            );
        } else {
            tracing::info!(
                peer,
                ahead_ms,
                uncertainty_ms,
                "a peer has the same time again"
            );
        }
    }
}

impl State {
    /// The peer's clock showed the second `said` within the time `took` until `now`.
    fn see(&mut self, said: SystemTime, now: SystemTime, took: Duration) -> ClockSkew {
        let (said, now) = (unix_ms(said), unix_ms(now));
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let asked = now.saturating_sub(took).saturating_sub(1);
        let own = (
            said.saturating_sub(now).saturating_sub(1),
            said.saturating_add(1000).saturating_sub(asked),
        );
        let common = self
            .bounds
            .map(|(low, high)| (low.max(own.0), high.min(own.1)));
        let (low, high) = common.filter(|(low, high)| low <= high).unwrap_or(own);
        self.bounds = Some((low, high));
        ClockSkew::between(low, high)
    }
}

fn read(date: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(date).ok()
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn headers(date: SystemTime) -> HeaderMap {
        let date = HeaderValue::from_str(&httpdate::fmt_http_date(date)).unwrap();
        [(DATE, date)].into_iter().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_a_date_that_can_be_read_says_nothing() {
        let (measured, clock) = (PeerClock::default(), WallClock::default());
        measured.note(&HeaderMap::new(), Instant::now(), &clock, "peer");
        let unreadable = [(DATE, HeaderValue::from_static("noon"))];
        let unreadable = unreadable.into_iter().collect();
        measured.note(&unreadable, Instant::now(), &clock, "peer");
        assert_eq!(measured.skew(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_measured_anew() {
        let clock = WallClock::of(|| at(1_000_000_500));
        let measured = PeerClock::default();
        let see = |date| {
            measured.note(&headers(at(date)), Instant::now(), &clock, "peer");
            measured.skew().unwrap()
        };
        let same = see(1_000_000_000);
        assert!(
            same.ahead_ms.abs() <= 1 && same.uncertainty_ms <= 502,
            "{same:?}"
        );
        assert!(!same.is_large());
        let ahead = see(1_000_300_000);
        assert!(
            (ahead.ahead_ms - 300_000).abs() <= 1 && ahead.is_large(),
            "{ahead:?}"
        );
        let behind = see(999_700_000);
        assert!(
            (behind.ahead_ms + 300_000).abs() <= 1 && behind.is_large(),
            "{behind:?}"
        );
    }

    proptest! {
        #[test]
        fn the_true_difference_lies_within_the_uncertainty(
            ahead in -1_000_000_i64..1_000_000,
            exchanges in prop::collection::vec((0_u64..5000, 0_u64..400, 0_u64..400), 1..50),
        ) {
            let mut state = State::default();
            let (mut now, mut last) = (1_000_000_000_u64, None);
            for (pause, there, back) in exchanges {
                now += pause + there;
                let shown = now.saturating_add_signed(ahead);
                now += back;
                let said = at(shown / 1000 * 1000);
                let skew = state.see(said, at(now), Duration::from_millis(there + back));
                prop_assert!(skew.ahead_ms.abs_diff(ahead) <= skew.uncertainty_ms, "{:?}", skew);
                prop_assert!(last.is_none_or(|last| skew.uncertainty_ms <= last));
                last = Some(skew.uncertainty_ms);
            }
        }
    }
}
