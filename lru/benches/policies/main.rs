//! Which policy keeps the most: candidates, published crates and the optimum over recorded and synthetic traces.
//!
//! ```text
//! cargo bench -p groupcache-lru --bench policies -- --traces DIR
//! ```
//!
//! `DIR` (or `TRACE_DIR`) holds the recorded traces; [`trace`] says which. Those that are not found are named, and the
//! synthetic rows run without them. `--quick` leaves out the other workloads, shards and variants. The figures go to
//! `target/versus/policies.json` too.

mod policies;
mod synthetic;
mod table;
mod trace;
mod zipf;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use policies::{
    Car, FoyerLfu, GhostClock, Lru, Moka, Policy, QuickCache, S3Fifo, Sharded, Sieve, Tuning,
    WTinyLfu,
};
use table::{Row, Table};
use trace::Trace;

/// What a policy may know before it starts.
#[derive(Clone, Copy)]
struct Setup {
    budget: u64,
    /// How many distinct objects the trace has.
    objects: usize,
    /// How many of them the budget holds on average.
    entries: u64,
    unit: bool,
}

type Make = fn(Setup) -> Box<dyn Policy>;

/// A name, and a policy to run under it.
type Subject = (&'static str, Make);

const RIVALS: [Subject; 6] = [
    ("LRU", |s| Box::new(Lru::new(s.budget, s.objects))),
    ("SIEVE", |s| Box::new(Sieve::new(s.budget, s.objects))),
    ("S3-FIFO", |s| Box::new(S3Fifo::new(s.budget, s.objects))),
    ("moka", |s| Box::new(Moka::new(s.budget, s.unit))),
    ("foyer LFU", |s| Box::new(FoyerLfu::new(s.budget))),
    ("quick_cache", |s| {
        Box::new(QuickCache::new(s.budget, s.entries))
    }),
];

/// Candidates that were not chosen.
const CANDIDATES: [Subject; 2] = [
    ("CAR", |s| Box::new(Car::new(s.budget, s.objects))),
    ("W-TinyLFU", |s| {
        Box::new(WTinyLfu::new(s.budget, s.objects, s.entries))
    }),
];

const OURS: Subject = ("ghost clock", |s| ghost_clock(s, Tuning::DEFAULT));

/// Ours with one idea taken out, or one constant changed.
const VARIANTS: [Subject; 12] = [
    ("fixed window", |s| {
        ghost_clock(
            s,
            Tuning {
                adaptive: false,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("window 20%", |s| {
        ghost_clock(
            s,
            Tuning {
                adaptive: false,
                window: (20, 20, 20),
                ..Tuning::DEFAULT
            },
        )
    }),
    ("no contest", |s| {
        ghost_clock(
            s,
            Tuning {
                margin: 0,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("eager", |s| {
        ghost_clock(
            s,
            Tuning {
                eager: true,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("window first", |s| {
        ghost_clock(
            s,
            Tuning {
                fill_main: false,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("1-bit mark", |s| {
        ghost_clock(
            s,
            Tuning {
                mark_max: 1,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("mark to 3", |s| {
        ghost_clock(
            s,
            Tuning {
                mark_max: 3,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("ghosts x1", |s| {
        ghost_clock(
            s,
            Tuning {
                ghosts: 1,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("ghosts x2", |s| {
        ghost_clock(
            s,
            Tuning {
                ghosts: 2,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("near 3%", |s| {
        ghost_clock(
            s,
            Tuning {
                near: 3.0,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("half-life 20", |s| {
        ghost_clock(
            s,
            Tuning {
                half_life: 20,
                ..Tuning::DEFAULT
            },
        )
    }),
    ("8 steps", |s| {
        ghost_clock(
            s,
            Tuning {
                steps: 8,
                ..Tuning::DEFAULT
            },
        )
    }),
];

const SHARDED: [Subject; 4] = [
    ("4 shards", |s| sharded(s, 4)),
    ("8 shards", |s| sharded(s, 8)),
    ("16 shards", |s| sharded(s, 16)),
    ("64 shards", |s| sharded(s, 64)),
];

fn ghost_clock(setup: Setup, tuning: Tuning) -> Box<dyn Policy> {
    Box::new(GhostClock::new(setup.budget, setup.objects, tuning))
}

fn sharded(setup: Setup, shards: u64) -> Box<dyn Policy> {
    let new = |budget, objects| GhostClock::new(budget, objects, Tuning::DEFAULT);
    Box::new(Sharded::new(setup.budget, setup.objects, shards, new))
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let (recorded, sized) = args.read_traces();
    let published: Vec<Trace> = recorded.into_iter().chain(synthetic::published()).collect();

    let mut everyone = RIVALS.to_vec();
    everyone.extend(CANDIDATES);
    everyone.push(OURS);

    let mut tables = Vec::new();
    let mut show = |table: Table| {
        table.print();
        tables.push(table);
    };
    show(unit_table(
        "Hit ratio, %, by percent of the footprint",
        &published,
        &everyone,
        true,
    ));
    let sized: Vec<Trace> = sized.into_iter().chain([synthetic::sized()]).collect();
    for table in sized_tables(&sized, &everyone) {
        show(table);
    }
    if !args.quick {
        show(unit_table(
            "Hit ratio, %, other workloads",
            &synthetic::others(),
            &everyone,
            true,
        ));
        show(unit_table(
            "Hit ratio, %, workloads written after the policy was fixed",
            &synthetic::held_out(),
            &everyone,
            true,
        ));
        let mut shards = vec![OURS];
        shards.extend(SHARDED);
        show(unit_table(
            "Hit ratio, %, split over shards",
            &published,
            &shards,
            false,
        ));
        let mut variants = vec![OURS];
        variants.extend(VARIANTS);
        show(unit_table(
            "Hit ratio, %, variants",
            &published,
            &variants,
            false,
        ));
        show(unit_table(
            "Hit ratio, %, variants, other workloads",
            &synthetic::others(),
            &variants,
            false,
        ));
    }
    write(&tables)
}

/// Runs every subject over every trace at three sizes of the cache.
fn unit_table(title: &'static str, traces: &[Trace], subjects: &[Subject], versus: bool) -> Table {
    let mut rows = Vec::new();
    for trace in traces {
        for percent in [1, 5, 10] {
            let capacity = (trace.footprint() as u64 * percent / 100).max(1);
            let setup = Setup {
                budget: capacity,
                objects: trace.footprint(),
                entries: capacity,
                unit: true,
            };
            let mut values: Vec<f64> = subjects
                .iter()
                .map(|&(_, make)| run(trace, make(setup)).objects)
                .collect();
            if versus {
                values.push(
                    policies::belady(trace, capacity) as f64 * 100.0 / trace.accesses.len() as f64,
                );
            }
            rows.push(Row {
                case: format!("{} {percent}%", trace.name),
                values,
            });
        }
    }
    let mut names: Vec<&str> = subjects.iter().map(|&(name, _)| name).collect();
    if versus {
        names.push("Belady");
    }
    Table {
        title,
        metric: "hit_ratio",
        subjects: names,
        rivals: if versus { RIVALS.len() } else { 1 },
        rows,
    }
}

/// The same in bytes: one table for the share of requests, and one for the share of bytes that were hits.
fn sized_tables(traces: &[Trace], subjects: &[Subject]) -> [Table; 2] {
    let mut rows = [Vec::new(), Vec::new()];
    for trace in traces {
        for per_mille in [5, 10, 20, 50, 100, 200] {
            let share = |of: u64| (of * per_mille / 1000).max(1);
            let setup = Setup {
                budget: share(trace.footprint_bytes()),
                objects: trace.footprint(),
                entries: share(trace.footprint() as u64),
                unit: false,
            };
            let ratios: Vec<Ratios> = subjects
                .iter()
                .map(|&(_, make)| run(trace, make(setup)))
                .collect();
            let case = format!("{} {:.1}%", trace.name, per_mille as f64 / 10.0);
            rows[0].push(Row {
                case: case.clone(),
                values: ratios.iter().map(|r| r.objects).collect(),
            });
            rows[1].push(Row {
                case,
                values: ratios.iter().map(|r| r.bytes).collect(),
            });
        }
    }
    let titles = [
        ("Objects with sizes: hit ratio, %", "hit_ratio"),
        ("Objects with sizes: byte hit ratio, %", "byte_hit_ratio"),
    ];
    let mut rows = rows.into_iter();
    titles.map(|(title, metric)| Table {
        title,
        metric,
        subjects: subjects.iter().map(|&(name, _)| name).collect(),
        rivals: RIVALS.len(),
        rows: rows.next().unwrap_or_default(),
    })
}

/// Percent of the accesses, and of the bytes asked for, that were hits.
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

struct Args {
    traces: Option<PathBuf>,
    quick: bool,
}

impl Args {
    /// Cargo adds arguments of its own, so unknown ones are left alone.
    fn parse() -> Self {
        let mut args = env::args_os().skip(1);
        let mut parsed = Self {
            traces: env::var_os("TRACE_DIR").map(PathBuf::from),
            quick: false,
        };
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--traces") => parsed.traces = args.next().map(PathBuf::from),
                Some("--quick") => parsed.quick = true,
                _ => {}
            }
        }
        parsed
    }

    /// The recorded traces, those of unit weight and the one with sizes. Says which are missing.
    fn read_traces(&self) -> (Vec<Trace>, Option<Trace>) {
        let Some(dir) = &self.traces else {
            println!("no folder of traces given (--traces DIR or TRACE_DIR): synthetic rows only");
            return (Vec::new(), None);
        };
        let read = |name: &str, file: &str| match trace::read(dir, name, file) {
            Ok(trace) => Some(trace),
            Err(error) => {
                println!("trace left out: {}: {error}", dir.join(file).display());
                None
            }
        };
        let unit = trace::RECORDED
            .iter()
            .filter_map(|(name, file)| read(name, file))
            .collect();
        (unit, read(trace::SIZED.0, trace::SIZED.1))
    }
}

fn write(tables: &[Table]) -> io::Result<()> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    let path = target.join("versus").join("policies.json");
    fs::create_dir_all(target.join("versus"))?;
    let figures: Vec<_> = tables.iter().flat_map(Table::json).collect();
    fs::write(&path, serde_json::to_vec_pretty(&figures)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}
