use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Stats;
use crate::Source;

/// Something that is counted. The discriminant is the place in a stripe.
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

const EVENTS: usize = Event::GetterCall as usize + 1;

/// A power of two. More threads than this share stripes and stay correct.
const STRIPES: usize = 16;

/// Event counters, striped so that threads that count at the same time write to different cache
/// lines. Reading adds the stripes up.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    stripes: [Stripe; STRIPES],
}

/// 128 bytes: adjacent lines are fetched in pairs on current x86 processors.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; EVENTS]);

impl Counters {
    /// Counts one event, and says how many of its kind this stripe had counted before.
    pub(crate) fn add(&self, event: Event) -> u64 {
        self.stripes[stripe()].0[event as usize].fetch_add(1, Ordering::Relaxed)
    }

    fn sum(&self, event: Event) -> u64 {
        self.stripes
            .iter()
            .map(|stripe| stripe.0[event as usize].load(Ordering::Relaxed))
            .sum()
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

/// The stripe of this thread: threads take them in turn as they first count something.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static STRIPE: Cell<usize> = const { Cell::new(usize::MAX) });
    STRIPE.with(|stripe| {
        if stripe.get() == usize::MAX {
            stripe.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        stripe.get() % STRIPES
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn counts_of_all_threads_add_up() {
        let counters = Counters::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
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
            (4000, 4000, 8000)
        );
    }
}
