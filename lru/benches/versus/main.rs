//! What a hit takes, and a mix of reads and inserts, beside what users could pick instead, in one run.
//!
//! ```text
//! cargo bench -p groupcache-lru --bench versus
//! ```
//!
//! `--quick` runs fewer and shorter rounds. The figures and a plot go to `target/versus/`. Which policy keeps the most
//! is what the bench `policies` compares.

mod report;
mod speed;
mod subjects;
#[allow(dead_code, reason = "shared with the simulator")]
#[path = "../policies/zipf.rs"]
mod zipf;

use std::{env, io};

use report::Report;

fn main() -> io::Result<()> {
    let quick = env::args().any(|arg| arg == "--quick");
    let mut report = Report::default();
    speed::run(&mut report, quick);
    report.print();
    report.write()
}
