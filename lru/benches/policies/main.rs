//! Compares hit ratios: candidates, published crates and the optimum over recorded and synthetic traces.
//!
//! ```text
//! cargo bench -p groupcache-lru --bench policies -- --traces DIR
//! ```
//!
//! `DIR` (or `TRACE_DIR`) holds the recorded traces; [`trace`] lists them. The bench names the traces that it does not
//! find, and runs the synthetic rows without them. `--quick` leaves out the other workloads, shards and variants. The
//! bench also writes the figures to `target/versus/policies.json`.

mod compare;
mod policies;
mod shifts;
mod synthetic;
mod table;
mod trace;
mod zipf;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use compare::{
    RIVALS, Setup, Subject, ghost_clock, shift_table, sized_tables, tiny_table, unit_table,
};
use policies::{Car, GhostClock, Policy, Rule, Sharded, Store, TendedMoka, Tuning, WTinyLfu};
use table::Table;
use trace::Trace;

/// Candidates that were not chosen.
const CANDIDATES: [Subject; 2] = [
    ("CAR", |s| Box::new(Car::new(s.budget, s.objects))),
    ("W-TinyLFU", |s| {
        Box::new(WTinyLfu::new(s.budget, s.objects, s.entries))
    }),
];

const OURS: Subject = ("ghost clock", |s| ghost_clock(s, Tuning::DEFAULT));

/// Our policy without what lets a new working set take over.
const NEVER_YIELDS: Subject = ("never yields", |s| {
    ghost_clock(
        s,
        Tuning {
            rule: Rule {
                yields: false,
                ..Rule::DEFAULT
            },
            ..Tuning::DEFAULT
        },
    )
});

/// Our policy with three ghosts to an entry also where that makes a few only.
const FEW_GHOSTS: Subject = ("few ghosts", |s| {
    ghost_clock(
        s,
        Tuning {
            least_ghosts: 0,
            ..Tuning::DEFAULT
        },
    )
});

/// A rival in tiny caches.
const TENDED_MOKA: Subject = ("moka, tended", |s| Box::new(TendedMoka::new(s.budget)));

/// Variants of our policy with one idea taken out, or one constant changed.
const VARIANTS: [Subject; 13] = [
    NEVER_YIELDS,
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

/// The simulated policy split over shards, and the store itself.
const SHARDED: [Subject; 6] = [
    ("4 shards", |s| sharded(s, 4)),
    ("8 shards", |s| sharded(s, 8)),
    ("16 shards", |s| sharded(s, 16)),
    ("64 shards", |s| sharded(s, 64)),
    ("store", |s| Box::new(Store::new(s.budget, s.unit, None))),
    ("store, 1", |s| {
        Box::new(Store::new(s.budget, s.unit, Some(1)))
    }),
];

fn sharded(setup: Setup, shards: u64) -> Box<dyn Policy> {
    let new = |budget, objects| GhostClock::new(budget, objects, Tuning::DEFAULT);
    Box::new(Sharded::new(setup.budget, setup.objects, shards, new))
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let (recorded, sized) = trace::read_all(args.traces.as_deref());
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
    let mut shifted = RIVALS.to_vec();
    shifted.extend([NEVER_YIELDS, SHARDED[4], SHARDED[5], OURS]);
    show(shift_table(&shifts::all(), &shifted));
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
        let mut tiny = RIVALS.to_vec();
        tiny.extend([TENDED_MOKA, FEW_GHOSTS, OURS]);
        show(tiny_table("Hit ratio, %, tiny caches", &published, &tiny));
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

struct Args {
    traces: Option<PathBuf>,
    quick: bool,
}

impl Args {
    /// Cargo adds arguments of its own, so unknown arguments are ignored.
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
