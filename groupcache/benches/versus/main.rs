//! A group beside what users could pick instead, in one run: the time of a hit in memory, memory, and a get of a value that
//! another process holds.
//!
//! ```text
//! cargo bench -p groupcache-rs --bench versus
//! ```
//!
//! | flag | |
//! |---|---|
//! | `--quick` | ends within 90 seconds: fewer rounds and sizes, a smaller budget |
//! | `--only PARTS` | of `hits,memory,disk,remote` |
//! | `--test` | with `--only remote`: a few requests to each subject, to see that it works |
//! | `--save-plots` | copies the plots to `groupcache/plots/`, which the README shows |
//!
//! Prints one table and, of the part `remote`, which of the project's aims hold. Writes `target/versus/groupcache.json` and
//! the plots beside it. The members of the family that
//! are written in Go are built from their published modules, where there is a Go toolchain. memcached and redis are started
//! if their programs are installed. What is missing on a machine is named.

mod disk;
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
mod memcached;
mod memory;
mod process;
mod remote;
mod rival;
mod shapes;
mod store;
#[allow(dead_code, reason = "the simulator draws more")]
#[path = "../../../lru/benches/policies/zipf.rs"]
mod zipf;

use harness::{Args, Plot, Report};

fn main() -> anyhow::Result<()> {
    if let Some(task) = harness::task() {
        return match task.split_first() {
            Some((part, task)) if part == remote::TASK => remote::task(task),
            Some((part, task)) if part == shapes::TASK => Ok(shapes::task(task)?),
            _ => memory::task(&task),
        };
    }
    let args = Args::parse();
    let mut report = Report::new("groupcache");
    // First, while this process and the machine's memory are still empty.
    if args.includes("memory") {
        memory::run(&mut report, args.quick)?;
        shapes::run(&mut report, args.quick)?;
    }
    if args.includes("hits") {
        hits::run(&mut report, args.quick)?;
    }
    if args.includes("disk") {
        disk::run(&mut report, args.quick)?;
    }
    let remote = args
        .includes("remote")
        .then(|| remote::run(&mut report, &args));
    report.print();
    if let Some(remote) = remote {
        remote.print();
    }
    harness::write(&report, &plots(&report, args.quick), args.save_plots)?;
    Ok(())
}

fn plots(report: &Report, quick: bool) -> [Plot; 5] {
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
        Plot::bars(
            report,
            "remote",
            format!("A get from another process: requests per second (higher is better){run}"),
            &[("rps", "")],
            0,
        ),
        Plot::bars(
            report,
            "remote-p99",
            format!(
                "A get from another process: 99th percentile in microseconds (lower is better){run}"
            ),
            &[("p99_us", "")],
            0,
        ),
        Plot::bars(
            report,
            "remote-cpu",
            format!(
                "A get from another process: processor time of both sides in microseconds (lower is better){run}"
            ),
            &[("cpu_us", "")],
            1,
        ),
    ]
}
