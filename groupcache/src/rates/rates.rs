//! How often keys are asked for.
//!
//! A request adds one to its key's count, and counts fade exponentially with a time constant of one
//! minute. At a steady `r` requests per minute the count settles at `r`, so that it can be read as
//! requests per minute as it stands, with about a minute's memory and without any buckets of time.
//!
//! The memory is a fixed table of small buckets. A key may be in the one bucket that its hash names;
//! when that is full, the coldest of its keys gives way. Unlike with an LRU list, a scan of keys that
//! are asked for once cannot drive out those that are asked for often, a count touches one or two
//! cache lines, and nothing is allocated. Keys are told apart by their hashes alone: two with the same 64
//! bits would share a count, which at worst mirrors a key too many.

use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lru::DefaultHashBuilder;
use parking_lot::Mutex;

use super::hot_list::{Change, HotList};
use crate::Key;

/// A bucket takes up 144 bytes.
const WAYS: usize = 8;

/// 302 MB of buckets.
const MOST_KEYS: usize = 1 << 24;

/// Seconds in which a count fades to 1/e.
const TIME_CONSTANT: f32 = 60.0;

/// The rates of a bounded number of keys.
pub(crate) struct Rates {
    /// Allocated when first needed, which for a node without peers and without a list of hot keys is never.
    buckets: OnceLock<Box<[Mutex<Bucket>]>>,
    keys: usize,
    /// A key that was not asked for this long starts anew.
    idle: Duration,
    /// Slots tell the time in ticks since then.
    epoch: Instant,
    hasher: DefaultHashBuilder,
    hot: HotList,
}

#[derive(Debug, Default)]
struct Bucket {
    slots: [Slot; WAYS],
    /// A bit for each slot: whether its key is on the hot list.
    listed: u8,
}

/// A key's count as it was at `tick`; a count of zero marks a slot that is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    count: f32,
    tick: u32,
}

/// What is known of a key, the request included that has just been counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_minute: f64,
    /// Whether the key was remembered from an earlier request.
    pub(crate) seen_before: bool,
}

impl Rate {
    /// Of a key that is asked for the first time.
    #[cfg(test)]
    pub(crate) const FIRST: Self = Self {
        per_minute: 1.0,
        seen_before: false,
    };
}

impl Rates {
    /// A table for at least `keys` keys, in which a key that was idle for so long starts anew. It lists the `hot_keys`
    /// keys that are asked for most.
    pub(crate) fn new(keys: usize, idle: Duration, hot_keys: usize, now: Instant) -> Self {
        Self {
            buckets: OnceLock::new(),
            keys: keys.min(MOST_KEYS),
            idle,
            epoch: now,
            hasher: DefaultHashBuilder::default(),
            hot: HotList::new(hot_keys),
        }
    }

    /// Whether hot keys are listed.
    pub(crate) fn lists_hot_keys(&self) -> bool {
        self.hot.is_used()
    }

    /// Counts a request, or one that stands for several.
    pub(crate) fn count(&self, key: &[u8], requests: f32, now: Instant) -> Rate {
        let hash = self.hasher.hash_one(key);
        let tick = self.tick(now);
        let mut bucket = self.bucket(hash).lock();
        let Bucket { slots, listed } = &mut *bucket;
        let live = |slot: &Slot| slot.count > 0.0 && slot.idle(tick) < self.idle;
        let place = slots.iter().position(|slot| slot.hash == hash);
        let known = place.filter(|&slot| live(&slots[slot]));
        // A key that starts anew does so in its old slot: no hash has two.
        let slot = match place {
            Some(place) => place,
            None => coldest(
                &slots[..],
                |slot| if live(slot) { slot.faded(tick) } else { 0.0 },
            ),
        };
        let before = known.map_or(0.0, |known| slots[known].faded(tick));
        let count = before + requests;
        slots[slot] = Slot { hash, count, tick };
        if known.is_none() {
            *listed &= !(1 << slot);
        }
        let is_listed = *listed & (1 << slot) != 0;
        drop(bucket);
        if !is_listed && self.hot.takes(count, tick) {
            self.list(hash, key, count, tick);
        }
        Rate {
            per_minute: f64::from(count),
            seen_before: known.is_some(),
        }
    }

    /// The keys that are asked for most, the hottest first, each with its requests per minute.
    pub(crate) fn hottest(&self, now: Instant) -> Vec<(Key, f64)> {
        let tick = self.tick(now);
        let listed = self.hot.list().into_iter();
        let mut hottest: Vec<_> = listed
            .filter_map(|(hash, key)| Some((key, f64::from(self.count_of(hash, tick)?))))
            .collect();
        hottest.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        hottest
    }

    #[cold]
    fn list(&self, hash: u64, key: &[u8], count: f32, tick: u32) {
        let count_of = |hash| self.count_of(hash, tick);
        // A bucket is locked while the list is, and never the other way round.
        let note = |Change { listed, unlisted }| {
            for (hash, is_listed) in [(unlisted, false), (listed, true)] {
                if let Some(hash) = hash {
                    self.mark(hash, is_listed);
                }
            }
        };
        self.hot.offer(hash, key, count, tick, count_of, note);
    }

    /// Notes whether a key is on the hot list, unless the table has forgotten it.
    fn mark(&self, hash: u64, is_listed: bool) {
        let mut bucket = self.bucket(hash).lock();
        if let Some(slot) = bucket.slots.iter().position(|slot| slot.hash == hash) {
            bucket.listed &= !(1 << slot);
            bucket.listed |= u8::from(is_listed) << slot;
        }
    }

    /// The present count of a key.
    fn count_of(&self, hash: u64, tick: u32) -> Option<f32> {
        let bucket = self.bucket(hash).lock();
        let live =
            |slot: &&Slot| slot.hash == hash && slot.count > 0.0 && slot.idle(tick) < self.idle;
        Some(bucket.slots.iter().find(live)?.faded(tick))
    }

    fn bucket(&self, hash: u64) -> &Mutex<Bucket> {
        let buckets = self.buckets.get_or_init(|| {
            let buckets = self.keys.div_ceil(WAYS).next_power_of_two();
            (0..buckets).map(|_| Mutex::default()).collect()
        });
        &buckets[hash as usize & (buckets.len() - 1)]
    }

    /// Milliseconds; they wrap after seven weeks, which makes a key that was idle as long seem recent.
    fn tick(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_millis() as u32
    }
}

impl Slot {
    /// How long nobody has asked for the key. Zero if another thread's clock was ahead of ours.
    fn idle(&self, tick: u32) -> Duration {
        let ahead = tick.wrapping_sub(self.tick) as i32;
        Duration::from_millis(u64::try_from(ahead).unwrap_or(0))
    }

    fn faded(&self, tick: u32) -> f32 {
        self.count * (-self.idle(tick).as_secs_f32() / TIME_CONSTANT).exp()
    }
}

fn coldest(slots: &[Slot], heat: impl Fn(&Slot) -> f32) -> usize {
    let mut coldest = (0, f32::INFINITY);
    for (n, slot) in slots.iter().enumerate() {
        let heat = heat(slot);
        if heat < coldest.1 {
            coldest = (n, heat);
        }
    }
    coldest.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rates(keys: usize) -> (Rates, Instant) {
        let now = Instant::now();
        (Rates::new(keys, 5 * MINUTE, 4, now), now)
    }

    #[test]
    fn a_steady_rate_is_measured_in_requests_per_minute() {
        let (rates, start) = rates(8);
        for per_minute in [6, 60, 6000] {
            let key = [per_minute as u8];
            let apart = MINUTE / per_minute;
            let mut now = start;
            let mut measured = 0.0;
            while now < start + 10 * MINUTE {
                now += apart;
                measured = rates.count(&key, 1.0, now).per_minute;
            }
            let expected = f64::from(per_minute);
            assert!((measured - expected).abs() < 0.1 * expected, "{measured}");
        }
    }

    #[test]
    fn a_count_fades_and_a_key_that_was_idle_starts_anew() {
        let (rates, start) = rates(8);
        rates.count(b"k", 100.0, start);
        let later = rates.count(b"k", 1.0, start + MINUTE);
        assert!(later.seen_before);
        assert!((later.per_minute - 37.8).abs() < 0.1, "{later:?}");

        let anew = rates.count(b"k", 1.0, start + 7 * MINUTE);
        assert_eq!(anew, Rate::FIRST);
    }

    #[test]
    fn a_clock_that_goes_back_harms_nothing() {
        let (rates, start) = rates(8);
        rates.count(b"k", 1.0, start + MINUTE);
        let rate = rates.count(b"k", 1.0, start);
        assert_eq!((rate.per_minute, rate.seen_before), (2.0, true));
    }

    #[test]
    fn a_scan_drives_out_cold_keys_and_leaves_hot_ones() {
        let (rates, now) = rates(1024);
        for n in 0..100_u32 {
            rates.count(&n.to_le_bytes(), 50.0, now);
        }
        for n in 1000..100_000_u32 {
            rates.count(&n.to_le_bytes(), 1.0, now);
        }
        let left = (0..100_u32)
            .filter(|n| rates.count(&n.to_le_bytes(), 1.0, now).seen_before)
            .count();
        assert_eq!(left, 100);
        let remembered = (1000..100_000_u32)
            .filter(|n| {
                rates.buckets.get().into_iter().flatten().any(|bucket| {
                    let hash = rates.hasher.hash_one(n.to_le_bytes().as_slice());
                    let bucket = bucket.lock();
                    bucket.slots.iter().any(|slot| slot.hash == hash)
                })
            })
            .count();
        assert!(remembered <= 1024 - 100, "{remembered}");
    }

    #[test]
    fn the_hottest_keys_are_listed_by_their_present_rates() {
        let (rates, start) = rates(1024);
        for round in 0..100_u32 {
            let now = start + Duration::from_millis(u64::from(round) * 10);
            for (key, requests) in [(b"a", 10.0), (b"b", 30.0), (b"c", 20.0)] {
                rates.count(key, requests, now);
            }
            // A crowd of keys of which each is cold.
            for n in 0..100_u32 {
                rates.count(&(round * 100 + n).to_le_bytes(), 1.0, now);
            }
        }
        let now = start + Duration::from_secs(1);
        let names = |now| -> Vec<Key> {
            let hottest = rates.hottest(now);
            assert!(hottest.len() <= 4);
            hottest.into_iter().take(3).map(|(key, _)| key).collect()
        };
        assert_eq!(names(now), ["b", "c", "a"].map(Key::from));

        // Another key becomes hot, and one is forgotten.
        let later = now + 4 * MINUTE;
        rates.count(b"a", 5000.0, later);
        rates.count(b"d", 9000.0, later + Duration::from_millis(1));
        let names = names(now + 6 * MINUTE);
        assert_eq!(names[..2], ["d", "a"].map(Key::from));
        assert!(!names.contains(&"b".into()));
    }

    #[test]
    fn a_bucket_is_no_larger_than_the_docs_say() {
        assert_eq!(size_of::<Mutex<Bucket>>(), 144);
    }
}
