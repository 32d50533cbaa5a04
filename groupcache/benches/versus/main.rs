//! A group beside what users could pick instead, in one run: the time of a hit in memory, and memory.
//!
//! ```text
//! cargo bench -p groupcache-rs --bench versus
//! ```
//!
//! | flag | |
//! |---|---|
//! | `--quick` | ends within 90 seconds: fewer rounds, a smaller budget |
//! | `--only PARTS` | of `hits,memory` |
//! | `--save-plots` | copies the plots to `groupcache/plots/`, which the README shows |
//!
//! Prints one table, and writes `target/versus/groupcache.json` and the plots beside it. The members of the family that
//! are written in Go are built from their published modules, where there is a Go toolchain.

mod go;
mod group;
#[allow(
    dead_code,
    unused_imports,
    reason = "the bench of the store compares more"
)]
#[path = "../../../lru/benches/versus/harness/mod.rs"]
mod harness;
mod hits;
mod memory;
mod rival;
mod store;
#[allow(dead_code, reason = "the simulator draws more")]
#[path = "../../../lru/benches/policies/zipf.rs"]
mod zipf;

use std::io;

use harness::{Args, Plot, Report};

fn main() -> io::Result<()> {
    if let Some(task) = harness::task() {
        return memory::task(&task);
    }
    let args = Args::parse();
    let mut report = Report::new("groupcache");
    // First, while this process and the machine's memory are still empty.
    if args.includes("memory") {
        memory::run(&mut report, args.quick)?;
    }
    if args.includes("hits") {
        hits::run(&mut report, args.quick)?;
    }
    report.print();
    harness::write(&report, &plots(&report, args.quick), args.save_plots)
}

fn plots(report: &Report, quick: bool) -> [Plot; 2] {
    let run = if quick { ", quick run" } else { "" };
    [
        Plot::bars(
            report,
            "hit",
            format!("A hit in memory: nanoseconds per get and thread (lower is better){run}"),
            &[("ns", "")],
            0,
        ),
        Plot::bars(
            report,
            "memory",
            format!("A group: resident memory / budget (1 is right){run}"),
            &[
                ("rss_ratio", ", filled"),
                ("rss_ratio_churned", ", churned"),
            ],
            2,
        ),
    ]
}
