//! Every subject over every trace.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::policies::{
    FoyerLfu, FoyerS3Fifo, GhostClock, Lru, Moka, Policy, QuickCache, S3Fifo, Sieve, Tuning, belady,
};
use crate::shifts::{ROUNDS, Shift};
use crate::table::{Row, Table};
use crate::trace::Trace;

/// What a policy may know before it starts.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) budget: u64,
    /// How many distinct objects the trace has.
    pub(crate) objects: usize,
    /// How many of them the budget holds on average.
    pub(crate) entries: u64,
    pub(crate) unit: bool,
}

pub(crate) type Make = fn(Setup) -> Box<dyn Policy>;

/// A name, and a policy to run under it.
pub(crate) type Subject = (&'static str, Make);

/// The crates that users could pick instead, each at exact capacity and in one shard, which is best for its hit ratio.
pub(crate) const RIVALS: [Subject; 7] = [
    ("LRU", |s| Box::new(Lru::new(s.budget, s.objects))),
    ("SIEVE", |s| Box::new(Sieve::new(s.budget, s.objects))),
    ("S3-FIFO", |s| Box::new(S3Fifo::new(s.budget, s.objects))),
    ("moka", |s| Box::new(Moka::new(s.budget, s.unit))),
    ("foyer LFU", |s| Box::new(FoyerLfu::new(s.budget))),
    ("foyer S3-FIFO", |s| Box::new(FoyerS3Fifo::new(s.budget))),
    ("quick_cache", |s| {
        Box::new(QuickCache::new(s.budget, s.entries))
    }),
];

/// Our policy in the simulator.
pub(crate) fn ghost_clock(setup: Setup, tuning: Tuning) -> Box<dyn Policy> {
    Box::new(GhostClock::new(setup.budget, setup.objects, tuning))
}

/// Runs every subject over every trace at three sizes of the cache. In a comparison with rivals, the rivals come first,
/// and the optimum runs too.
pub(crate) fn unit_table(
    title: &str,
    traces: &[Trace],
    subjects: &[Subject],
    versus: bool,
) -> Table {
    let cases: Vec<_> = traces
        .iter()
        .flat_map(|trace| {
            [1, 5, 10].map(|percent| {
                let capacity = (trace.footprint() as u64 * percent / 100).max(1);
                (trace, format!("{percent}%"), capacity)
            })
        })
        .collect();
    table_of(title, &cases, subjects, versus)
}

/// The same with room for a few entries only.
pub(crate) fn tiny_table(title: &str, traces: &[Trace], subjects: &[Subject]) -> Table {
    let cases: Vec<_> = traces
        .iter()
        .flat_map(|trace| {
            [10, 30, 100].map(|capacity| (trace, format!("{capacity} entries"), capacity))
        })
        .collect();
    table_of(title, &cases, subjects, true)
}

/// Runs every subject over traces with room for so many entries.
fn table_of(
    title: &str,
    cases: &[(&Trace, String, u64)],
    subjects: &[Subject],
    versus: bool,
) -> Table {
    const OPTIMUM: &str = "Belady";
    let mut names: Vec<&str> = subjects.iter().map(|&(name, _)| name).collect();
    if versus {
        names.push(OPTIMUM);
    }
    let mut values = in_parallel(cases.len() * names.len(), |n| {
        let &(trace, _, capacity) = &cases[n / names.len()];
        let setup = Setup {
            budget: capacity,
            objects: trace.footprint(),
            entries: capacity,
            unit: true,
        };
        match subjects.get(n % names.len()) {
            Some((_, make)) => run(trace, make(setup)).objects,
            None => belady(trace, capacity) as f64 * 100.0 / trace.accesses.len() as f64,
        }
    })
    .into_iter();
    let rows = cases
        .iter()
        .map(|(trace, room, _)| Row {
            case: format!("{} {room}", trace.name),
            values: values.by_ref().take(names.len()).collect(),
        })
        .collect();
    Table {
        title: title.to_owned(),
        metric: "hit_ratio",
        subjects: names,
        rivals: if versus { RIVALS.len() } else { 1 },
        rows,
    }
}

/// The same for budgets in bytes. One table has the share of requests that were hits, another the share of bytes.
pub(crate) fn sized_tables(traces: &[Trace], subjects: &[Subject]) -> [Table; 2] {
    let cases: Vec<(&Trace, u64)> = traces
        .iter()
        .flat_map(|trace| [5, 10, 20, 50, 100, 200].map(|per_mille| (trace, per_mille)))
        .collect();
    let ratios = in_parallel(cases.len() * subjects.len(), |n| {
        let (trace, per_mille) = cases[n / subjects.len()];
        let share = |of: u64| (of * per_mille / 1000).max(1);
        let setup = Setup {
            budget: share(trace.footprint_bytes()),
            objects: trace.footprint(),
            entries: share(trace.footprint() as u64),
            unit: false,
        };
        let (_, make) = subjects[n % subjects.len()];
        run(trace, make(setup))
    });
    let table = |title: &str, metric, value: fn(&Ratios) -> f64| Table {
        title: title.to_owned(),
        metric,
        subjects: subjects.iter().map(|&(name, _)| name).collect(),
        rivals: RIVALS.len(),
        rows: cases
            .iter()
            .zip(ratios.chunks(subjects.len().max(1)))
            .map(|((trace, per_mille), ratios)| Row {
                case: format!("{} {:.1}%", trace.name, *per_mille as f64 / 10.0),
                values: ratios.iter().map(value).collect(),
            })
            .collect(),
    };
    [
        table("Objects with sizes: hit ratio, %", "hit_ratio", |r| {
            r.objects
        }),
        table(
            "Objects with sizes: byte hit ratio, %",
            "byte_hit_ratio",
            |r| r.bytes,
        ),
    ]
}

/// Every subject over every shift: the hit ratio in the second and third round of the new sets.
pub(crate) fn shift_table(shifts: &[Shift], subjects: &[Subject]) -> Table {
    let results = in_parallel(shifts.len() * subjects.len(), |n| {
        let shift = &shifts[n / subjects.len()];
        let (_, make) = subjects[n % subjects.len()];
        rounds(shift, make)
    });
    let rows = shifts
        .iter()
        .zip(results.chunks(subjects.len().max(1)))
        .flat_map(|(shift, results)| {
            [1, 2].map(|round| Row {
                case: format!("{}, round {}", shift.trace.name, round + 1),
                values: results.iter().map(|rounds| rounds[round]).collect(),
            })
        })
        .collect();
    Table {
        title: "Hit ratio, %, after another working set has taken over".to_owned(),
        metric: "hit_ratio",
        subjects: subjects.iter().map(|&(name, _)| name).collect(),
        rivals: RIVALS.len(),
        rows,
    }
}

/// The percentage of hits in each round, over all sets of a shift.
fn rounds(shift: &Shift, make: Make) -> [f64; ROUNDS] {
    let trace = &shift.trace;
    let mut policy = make(Setup {
        budget: shift.budget,
        objects: trace.footprint(),
        entries: shift.budget * trace.footprint() as u64 / trace.footprint_bytes().max(1),
        unit: false,
    });
    let hit: Vec<bool> = trace
        .accesses
        .iter()
        .map(|&id| policy.access(id, trace.weight(id)))
        .collect();
    std::array::from_fn(|round| {
        let ranges = shift.rounds.iter().skip(round).step_by(ROUNDS);
        let all: Vec<bool> = ranges
            .flat_map(|range| hit[range.clone()].to_vec())
            .collect();
        all.iter().filter(|&&hit| hit).count() as f64 * 100.0 / all.len().max(1) as f64
    })
}

/// The percentage of the accesses, and of the bytes asked for, that were hits.
struct Ratios {
    objects: f64,
    bytes: f64,
}

fn run(trace: &Trace, mut policy: Box<dyn Policy>) -> Ratios {
    let (mut hits, mut hit_bytes, mut bytes) = (0_u64, 0, 0);
    for &id in &trace.accesses {
        let weight = trace.weight(id);
        bytes += weight;
        if policy.access(id, weight) {
            hits += 1;
            hit_bytes += weight;
        }
    }
    Ratios {
        objects: hits as f64 * 100.0 / trace.accesses.len() as f64,
        bytes: hit_bytes as f64 * 100.0 / bytes as f64,
    }
}

/// The results of `0..jobs` in order, computed by as many threads as there are processors.
fn in_parallel<T: Send>(jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= jobs {
                return done;
            }
            done.push((n, job(n)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a policy panicked"))
            .collect()
    });
    done.sort_by_key(|&(n, _)| n);
    done.into_iter().map(|(_, result)| result).collect()
}
