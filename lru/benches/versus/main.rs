//! The store beside the stores that users could pick instead, in one run: the time of a hit, the time of a mix of reads
//! and inserts, the hit ratio over every trace, and memory.
//!
//! ```text
//! cargo bench -p groupcache-lru --bench versus -- --traces DIR
//! ```
//!
//! | flag | |
//! |---|---|
//! | `--traces DIR` | the folder of the recorded traces, or else `TRACE_DIR`; names missing traces and leaves out their rows |
//! | `--quick` | ends within 90 seconds: fewer rounds and rows, a smaller budget |
//! | `--only PARTS` | runs some of `hits,mixed,hit-ratio,memory` only |
//! | `--save-plots` | copies the plots to `lru/plots/`, which the READMEs show |
//!
//! Prints one table, and writes `target/versus/lru.json` and the plots beside it. The bench `policies` has the
//! candidates and variants that the policy was chosen from.

#[allow(dead_code, reason = "the simulator compares more")]
#[path = "../policies/compare.rs"]
mod compare;
mod harness;
mod hit_ratio;
mod memory;
#[allow(dead_code, unused_imports, reason = "the simulator has more policies")]
#[path = "../policies/policies/mod.rs"]
mod policies;
#[allow(dead_code, reason = "the simulator runs these")]
#[path = "../policies/shifts.rs"]
mod shifts;
mod speed;
mod subjects;
#[allow(dead_code, reason = "the simulator compares more")]
#[path = "../policies/synthetic.rs"]
mod synthetic;
#[allow(dead_code, reason = "the simulator prints its tables itself")]
#[path = "../policies/table.rs"]
mod table;
#[path = "../policies/trace.rs"]
mod trace;
#[allow(dead_code, reason = "the simulator draws more")]
#[path = "../policies/zipf.rs"]
mod zipf;

use std::io;

use harness::{Args, Plot, Report};

fn main() -> io::Result<()> {
    if let Some(task) = harness::task() {
        return memory::task(&task);
    }
    let args = Args::parse();
    let mut report = Report::new("lru");
    // Memory comes first, while this process and the memory of the machine are still empty.
    if args.includes("memory") {
        memory::run(&mut report, args.quick)?;
    }
    if args.includes("hits") {
        speed::hits(&mut report, args.quick);
    }
    if args.includes("mixed") {
        speed::mixed(&mut report, args.quick);
    }
    if args.includes("hit-ratio") {
        hit_ratio::run(&mut report, args.traces.as_deref(), args.quick);
    }
    report.print();
    harness::write(&report, &plots(&report, args.quick), args.save_plots)
}

fn plots(report: &Report, quick: bool) -> [Plot; 3] {
    let run = if quick { ", quick run" } else { "" };
    let kept = [
        "ours",
        "quick_cache",
        "moka",
        "foyer LFU",
        "foyer S3-FIFO",
        "LRU",
        "SIEVE",
        "S3-FIFO",
        "Belady",
    ];
    [
        Plot::bars(
            report,
            "time",
            format!("Nanoseconds per operation and thread (lower is better){run}"),
            &[("ns", "")],
            0,
        ),
        Plot::dots(
            report,
            "hit-ratio",
            format!("Hit ratio with room for so much of the objects (further right is better){run}"),
            &kept,
            "hit_ratio",
        )
        .note(
            "Ours and the published crates are the real ones; LRU, SIEVE, S3-FIFO and Belady's optimum are simulated. \
             Room for request is in bytes. OLTP: Megiddo and Modha, ARC, FAST '03.",
        ),
        Plot::bars(
            report,
            "memory",
            format!("Resident memory / budget in bytes of keys and values (nearer to 1 is better){run}"),
            &[
                ("rss_ratio", ", filled"),
                ("rss_ratio_churned", ", churned"),
            ],
            2,
        ),
    ]
}
