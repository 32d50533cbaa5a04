//! How long a hit takes, and a mix of reads and inserts with eviction.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::report::{Report, median};
use crate::subjects::{Capacity, Floor, Foyer, Key, LruCrate, Moka, Ours, QuickCache, Subject};
use crate::zipf::{Rng, Zipf};

/// A key to ask for, in place: 16 to 32 bytes. Requests bring their keys along, so they come from a buffer that is read
/// in order, and not from the memory of the keys that are stored.
#[derive(Clone, Copy)]
struct Request {
    bytes: [u8; 32],
    len: u8,
}

impl Request {
    fn new(n: u64) -> Self {
        let mut bytes = *b"/object/0000000000000000/content";
        bytes[8..16].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        Self {
            bytes,
            len: 16 + (n % 17) as u8,
        }
    }

    fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[derive(Clone, Copy)]
enum Draw {
    Zipf,
    Uniform,
}

impl Draw {
    fn requests(self, keys: u32, count: usize, seed: u64) -> Vec<Request> {
        let mut rng = Rng::new(seed);
        let zipf = Zipf::new(keys, 0.99);
        (0..count)
            .map(|_| {
                Request::new(match self {
                    Draw::Zipf => zipf.sample(&mut rng),
                    Draw::Uniform => rng.below(u64::from(keys)),
                })
            })
            .collect()
    }
}

/// One subject, filled: runs one round on so many threads and returns nanoseconds per operation.
type Round = Box<dyn Fn(&[Vec<Request>]) -> f64>;

const VALUE: usize = 1024;

pub(crate) fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 5 } else { 9 };
    let count = if quick { 1 << 18 } else { 1 << 20 };
    for (keys, name) in [(10_000, "10k"), (1_000_000, "1M")] {
        let values: Vec<Bytes> = (0..keys).map(|n| vec![n as u8; VALUE].into()).collect();
        let capacity = Capacity {
            weight: 2 * keys as usize,
            entries: 2 * keys as usize,
            unit: true,
        };
        let subjects: Vec<(&str, Round)> = vec![
            hits::<Ours<false>>(capacity, &values),
            hits::<Ours<true>>(capacity, &values),
            hits::<QuickCache>(capacity, &values),
            hits::<Moka>(capacity, &values),
            hits::<Foyer>(capacity, &values),
            hits::<LruCrate>(capacity, &values),
            sealed(capacity, &values),
        ];
        for (draw, draw_name) in [(Draw::Zipf, "Zipf 0.99"), (Draw::Uniform, "uniform")] {
            let requests: Vec<_> = (0..2)
                .map(|seed| draw.requests(keys, count, 7 + seed))
                .collect();
            for threads in [1, 2] {
                let case = format!("hit, {name} keys, {draw_name}, {threads} thread(s)");
                compare(report, &case, &subjects, &requests[..threads], rounds);
            }
        }
    }
    let keys = 100_000;
    let capacity = Capacity {
        weight: 10_000,
        entries: 10_000,
        unit: true,
    };
    let subjects: Vec<(&str, Round)> = vec![
        mixed::<Ours<false>>(capacity),
        mixed::<Ours<true>>(capacity),
        mixed::<QuickCache>(capacity),
        mixed::<Moka>(capacity),
        mixed::<Foyer>(capacity),
        mixed::<LruCrate>(capacity),
    ];
    let requests: Vec<_> = (0..2)
        .map(|seed| Draw::Zipf.requests(keys, count, 17 + seed))
        .collect();
    for threads in [1, 2] {
        let case = format!("90 reads to 10 inserts, {threads} thread(s)");
        compare(report, &case, &subjects, &requests[..threads], rounds);
    }
}

/// All subjects in turn, over and over: what disturbs one round disturbs all alike.
fn compare(
    report: &mut Report,
    case: &str,
    subjects: &[(&'static str, Round)],
    requests: &[Vec<Request>],
    rounds: usize,
) {
    let mut times = vec![Vec::new(); subjects.len()];
    for round in 0..=rounds {
        for ((_, run), times) in subjects.iter().zip(&mut times) {
            let time = run(requests);
            // The first only warms up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    eprintln!("{case}");
    for ((name, _), times) in subjects.iter().zip(times) {
        let time = median(times);
        eprintln!("    {name}: {time:.0} ns");
        report.add(case, name, "ns", time);
    }
}

fn fill<S: Subject>(store: &S, values: &[Bytes]) {
    for (n, value) in (0..).zip(values) {
        store.insert(Request::new(n).key().into(), value.clone());
    }
}

fn hits<S: Subject>(capacity: Capacity, values: &[Bytes]) -> (&'static str, Round) {
    let store = S::new(capacity);
    fill(&store, values);
    reads(store, values.len())
}

fn sealed(capacity: Capacity, values: &[Bytes]) -> (&'static str, Round) {
    let mut store = Floor::new(capacity);
    fill(&store, values);
    store.seal();
    reads(store, values.len())
}

fn reads<S: Subject>(store: S, keys: usize) -> (&'static str, Round) {
    assert!(store.len() * 100 >= keys * 99, "{} lost entries", S::NAME);
    let round: Round = Box::new(move |requests| {
        time(requests, |requests| {
            for request in requests {
                black_box(store.get(black_box(request.key())));
            }
        })
    });
    (S::NAME, round)
}

fn mixed<S: Subject>(capacity: Capacity) -> (&'static str, Round) {
    let store = S::new(capacity);
    let value = Bytes::from(vec![0; VALUE]);
    let round: Round = Box::new(move |requests| {
        time(requests, |requests| {
            for (n, request) in requests.iter().enumerate() {
                if n % 10 == 0 {
                    store.insert(Key::from(request.key()), value.clone());
                } else {
                    black_box(store.get(black_box(request.key())));
                }
            }
        })
    });
    (S::NAME, round)
}

/// Nanoseconds per request, each thread with requests of its own, all at once.
fn time(requests: &[Vec<Request>], run: impl Fn(&[Request]) + Sync) -> f64 {
    let start = Arc::new(Barrier::new(requests.len()));
    let times: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|requests| {
                let (start, run) = (Arc::clone(&start), &run);
                scope.spawn(move || {
                    start.wait();
                    let begin = Instant::now();
                    run(requests);
                    begin.elapsed()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a subject panicked"))
            .collect()
    });
    let total: Duration = times.iter().sum();
    total.as_nanos() as f64 / requests.iter().map(Vec::len).sum::<usize>() as f64
}
