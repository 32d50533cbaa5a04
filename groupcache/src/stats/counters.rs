use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::stats::Stats;
use super::stripe::{self, STRIPES};
use crate::Source;

/// An event that is counted. The discriminant is its place in a stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    MainHit,
    HotHit,
    StaleHit,
    Fetched,
    Loaded,
    NotFound,
    Failed,
    PeerGet,
    PeerError,
    GetterCall,
    Refresh,
    Hedge,
    TakenOver,
    Undecodable,
}

impl Event {
    /// A get that was answered from there.
    pub(crate) fn of(source: Source) -> Self {
        match source {
            Source::Main => Self::MainHit,
            Source::Hot => Self::HotHit,
            Source::Stale => Self::StaleHit,
            Source::Peer => Self::Fetched,
            Source::Origin => Self::Loaded,
        }
    }
}

pub(super) const EVENTS: usize = Event::Undecodable as usize + 1;

/// Event counters, in stripes. Each of the first threads that come has a stripe for itself, and so counts
/// without atomic additions, which would hold up the instructions after them. Reading adds the stripes up.
#[derive(Debug)]
pub(crate) struct Counters {
    /// By the number of the thread's stripe.
    stripes: Box<[Stripe]>,
    /// Shared by the threads without a stripe of their own.
    common: Stripe,
}

/// 128 bytes: adjacent lines are fetched in pairs on current x86 processors.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; EVENTS]);

impl Counters {
    /// Counts one event, and says how many of its kind this stripe had counted before.
    #[inline]
    pub(crate) fn add(&self, event: Event) -> u64 {
        let Some(own) = self.stripes.get(stripe::own()) else {
            return self.add_in_common(event);
        };
        let count = &own.0[event as usize];
        let before = count.load(Relaxed);
        count.store(before + 1, Relaxed);
        before
    }

    #[cold]
    fn add_in_common(&self, event: Event) -> u64 {
        stripe::claim();
        self.common.0[event as usize].fetch_add(1, Relaxed)
    }

    fn sum(&self, event: Event) -> u64 {
        let stripes = self.stripes.iter().chain([&self.common]);
        let counts = stripes.map(|stripe| stripe.0[event as usize].load(Relaxed));
        counts.sum()
    }

    /// The counts so far; what the store knows is left at zero.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats {
            main_hits: self.sum(Event::MainHit),
            hot_hits: self.sum(Event::HotHit),
            stale_hits: self.sum(Event::StaleHit),
            fetched: self.sum(Event::Fetched),
            loaded: self.sum(Event::Loaded),
            not_found: self.sum(Event::NotFound),
            failed: self.sum(Event::Failed),
            peer_gets: self.sum(Event::PeerGet),
            peer_errors: self.sum(Event::PeerError),
            getter_calls: self.sum(Event::GetterCall),
            refreshes: self.sum(Event::Refresh),
            hedges: self.sum(Event::Hedge),
            taken_over: self.sum(Event::TakenOver),
            undecodable: self.sum(Event::Undecodable),
            ..Stats::default()
        };
        stats.gets = stats.main_hits
            + stats.hot_hits
            + stats.stale_hits
            + stats.fetched
            + stats.loaded
            + stats.not_found
            + stats.failed;
        stats
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            common: Stripe::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn counts_of_all_threads_add_up() {
        let counters = Counters::default();
        // More at once than have a stripe for themselves.
        let together = Barrier::new(80);
        thread::scope(|scope| {
            for _ in 0..80 {
                scope.spawn(|| {
                    counters.add(Event::PeerGet);
                    together.wait();
                    for _ in 0..1000 {
                        counters.add(Event::MainHit);
                        counters.add(Event::Failed);
                    }
                });
            }
        });
        let stats = counters.stats();
        assert_eq!(
            (stats.main_hits, stats.failed, stats.gets),
            (80_000, 80_000, 160_000)
        );
    }
}
