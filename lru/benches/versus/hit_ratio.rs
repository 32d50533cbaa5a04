//! The hit ratio of each store over every trace.

use std::path::Path;

use crate::compare::{RIVALS, Subject, ghost_clock, sized_tables, unit_table};
use crate::harness::Report;
use crate::policies::{Store, Tuning};
use crate::synthetic;
use crate::table::Table;
use crate::trace::{self, Trace};

/// The store with its default shards, the store in one shard, and the simulated policy, by which the policy was chosen.
const OURS: [Subject; 3] = [
    ("ours", |s| Box::new(Store::new(s.budget, s.unit, None))),
    ("ours, 1 shard", |s| {
        Box::new(Store::new(s.budget, s.unit, Some(1)))
    }),
    ("simulated", |s| ghost_clock(s, Tuning::DEFAULT)),
];

/// Replays the recorded traces of a folder, and all synthetic traces or a few of them.
pub(crate) fn run(report: &mut Report, dir: Option<&Path>, quick: bool) {
    let (recorded, sized) = trace::read_all(dir);
    let mut traces = recorded;
    let synthetic = synthetic::published();
    if quick {
        println!(
            "--quick: of the synthetic traces only {}",
            QUICK.join(" and ")
        );
    }
    let wanted = |trace: &Trace| !quick || QUICK.contains(&trace.name.as_str());
    traces.extend(synthetic.into_iter().filter(wanted));
    let mut subjects = RIVALS.to_vec();
    subjects.extend(OURS);

    report.section(
        "Hit ratio, %, with room for 1, 5 and 10 % of a trace's objects.\n\
         Regret: the best rival of a row minus this, in points. Ours is the store itself with as many shards as it has \
         by default for so many values of 1 KiB.\n\
         Rivals are unsharded and exact. LRU, SIEVE, S3-FIFO and Belady's optimum are simulated, and so is the model of \
         ours that the policy was chosen by.\n\
         OLTP is from Megiddo and Modha, \"ARC: A Self-Tuning, Low Overhead Replacement Cache\", FAST '03.",
    );
    let rows = format!("{} rows", 3 * traces.len());
    add(report, &unit_table(&rows, &traces, &subjects, true));
    if let Some(sized) = sized {
        report.section(
            "Hit ratio and byte hit ratio, %, of a trace whose objects have sizes, with room for so much of the bytes of \
             all objects.",
        );
        for table in sized_tables(&[sized], &subjects) {
            add(report, &table);
        }
    }
}

/// The synthetic traces of a quick run.
const QUICK: [&str; 2] = ["Zipf 0.99", "half Zipf, half loop"];

/// Adds the figures of our store first, which makes it the first column.
fn add(report: &mut Report, table: &Table) {
    let (ours, others): (Vec<_>, Vec<_>) = table
        .figures()
        .into_iter()
        .partition(|(_, subject, ..)| *subject == OURS[0].0);
    for (case, subject, metric, value) in ours.into_iter().chain(others) {
        report.add(case, subject, metric, value);
    }
}
