//! All operations at once, on several threads. `STRESS_SECONDS` sets how long the test lasts.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use lru::{Cache, Class, Clock, ManualClock, Meta, Policy};

const THREADS: u64 = 4;
const KEYS: usize = 20_000;
const MIB: usize = 1 << 20;

type Store = Cache<usize, Arc<usize>, lru::DefaultHashBuilder, ManualClock>;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// A size, with all magnitudes equally likely.
    fn size(&mut self) -> usize {
        let magnitude = self.below(19);
        self.below(1 << magnitude)
    }
}

fn act(cache: &Store, clock: &ManualClock, random: &mut Random) {
    let key = random.below(KEYS);
    match random.below(1000) {
        0..450 => {
            if let Some(hit) = cache.lookup(&key) {
                assert_eq!(*hit.value, key);
                // The clock only moves on.
                assert!(
                    hit.expires
                        .is_none_or(|at| at > clock.now() - Duration::from_secs(60))
                );
            }
        }
        450..900 => {
            let ttl = Duration::from_millis(random.below(5_000) as u64);
            let expires = (random.below(2) == 0).then(|| clock.now() + ttl);
            let class = [Class::Main, Class::Hot][random.below(2)];
            let meta = Meta::new(random.size()).class(class).expires(expires);
            let declined = random.below(50) == 0;
            if let Ok(evicted) = cache.insert_if(key, Arc::new(key), meta, || !declined) {
                assert!(evicted.iter().all(|gone| *gone.value == gone.key));
            }
        }
        900..980 => assert!(cache.remove(&key).is_none_or(|value| *value == key)),
        980..995 => clock.advance(Duration::from_millis(random.below(20) as u64)),
        995 => cache.set_budget((1 + random.below(16)) * MIB),
        996 => {
            let seen = cache.inspect(&key);
            assert!(seen.is_none_or(|seen| seen.key == key && *seen.value == key));
            let entries = cache.entries().take(random.below(1000));
            entries.for_each(|entry| assert_eq!(entry.key, *entry.value));
        }
        997 => drop(cache.snapshot(100)),
        998 if random.below(100) == 0 => cache.clear(),
        _ if random.below(20) == 0 => cache.retain(|other, value, _| {
            assert_eq!(*other, **value);
            other % 7 != key % 7
        }),
        _ => {}
    }
}

#[test]
fn the_books_are_exact_after_everything_at_once() {
    let seconds = env::var("STRESS_SECONDS").ok();
    let seconds = seconds.map_or(1, |seconds| seconds.parse().expect("a number of seconds"));
    for policy in [Policy::default(), Policy::Lru] {
        let clock = ManualClock::new();
        let cache: Store = Cache::<(), ()>::builder(8 * MIB)
            .shards(8)
            .policy(policy)
            .clock(clock.clone())
            .build();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for seed in 1..=THREADS {
                let (cache, clock, over) = (&cache, &clock, &over);
                scope.spawn(move || {
                    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    while !over.load(Relaxed) {
                        act(cache, clock, &mut random);
                    }
                });
            }
            let end = Instant::now() + Duration::from_secs(seconds) / 2;
            let mut random = Random(99);
            while Instant::now() < end {
                act(&cache, &clock, &mut random);
            }
            over.store(true, Relaxed);
        });

        let (mut bytes, mut entries) = (0, 0);
        cache.retain(|key, value, meta| {
            assert_eq!(*key, **value);
            bytes += meta.charge;
            entries += 1;
            true
        });
        assert_eq!((cache.bytes(), cache.len()), (bytes, entries));
        assert!(bytes <= cache.budget());
        let classes = [Class::Main, Class::Hot].map(|class| cache.usage(class));
        assert_eq!(classes[0].bytes + classes[1].bytes, bytes);
        let stats = cache.stats();
        let left = stats.evictions + stats.expired + stats.removals;
        assert_eq!(stats.inserts - left, entries as u64);
        assert!(stats.evictions > 0 && stats.expired > 0 && stats.hits > 0);
        cache.clear();
        assert_eq!((cache.bytes(), cache.len()), (0, 0));
    }
}
