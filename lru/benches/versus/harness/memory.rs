//! Measures what a filled store adds to the resident memory of its process.
//!
//! Each store is filled in a process of its own, because an allocator reuses the memory of one store for the next. A
//! store has values of one size, and keys of 16 to 32 bytes.

use std::ops::Range;
use std::{fs, io};

use super::report::Report;
use super::{child, requests::MEAN_KEY};

/// The sizes of values, in bytes, and their names.
pub(crate) const SIZES: [(usize, &str); 3] =
    [(64, "64 B"), (1 << 10, "1 KiB"), (16 << 10, "16 KiB")];

/// The budget that is filled, in bytes.
fn budget(quick: bool) -> usize {
    if quick { 16 << 20 } else { 512 << 20 }
}

/// How many times the budget is turned over.
const CHURN: u64 = 10;

/// What a child is to fill.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) value: usize,
    pub(crate) budget: usize,
    /// Whether the budget is turned over as well.
    pub(crate) churn: bool,
}

impl Plan {
    /// The average bytes of an entry's key and value.
    pub(crate) fn payload(&self) -> usize {
        self.value + MEAN_KEY
    }

    /// The task of a child that carries out this plan with a subject.
    fn task(&self, subject: &str) -> Vec<String> {
        vec![
            subject.to_owned(),
            self.value.to_string(),
            self.budget.to_string(),
            self.churn.to_string(),
        ]
    }

    /// The subject and the plan of a task.
    pub(crate) fn parse(task: &[String]) -> Option<(&str, Self)> {
        let [subject, value, budget, churn] = task else {
            return None;
        };
        let plan = Self {
            value: value.parse().ok()?,
            budget: budget.parse().ok()?,
            churn: churn.parse().ok()?,
        };
        Some((subject, plan))
    }

    /// In the child: stores entries of `weight` bytes, numbered from 0, until the budget is full, then ten times as many
    /// others. Prints the number of entries and the growth of the resident memory. `before` is the resident memory before
    /// the store was made.
    pub(crate) fn measure(
        &self,
        before: Option<u64>,
        weight: usize,
        mut store: impl FnMut(Range<u64>),
        entries: impl Fn() -> usize,
    ) {
        let growth = || match (before, resident()) {
            (Some(before), Some(now)) => now.saturating_sub(before) as f64,
            _ => f64::NAN,
        };
        let full = self.budget.div_ceil(weight) as u64;
        store(0..full);
        let entries = entries();
        let filled = growth();
        let churned = if self.churn {
            store(full..(1 + CHURN) * full);
            growth()
        } else {
            f64::NAN
        };
        println!("{entries} {filled} {churned}");
    }
}

/// In the parent: runs plans in children and reports what they measure.
pub(crate) struct Memory<'a> {
    report: &'a mut Report,
    budget: usize,
}

impl<'a> Memory<'a> {
    /// Begins the section. `charge` describes the charge of an entry. If the resident memory cannot be read, prints the
    /// reason and returns `None`.
    pub(crate) fn new(report: &'a mut Report, quick: bool, charge: &str) -> Option<Self> {
        let budget = budget(quick);
        report.section(format!(
            "Memory: growth of the resident set, for each entry and as a share of the budget, once filled and after {CHURN} \
             times as many other entries.\n\
             Each in a process of its own. Budget {} MiB, {charge}",
            budget >> 20
        ));
        if resident().is_none() {
            println!("memory left out: there is no /proc/self/status to read it from");
            return None;
        }
        Some(Self { report, budget })
    }

    /// Measures one subject with values of one size.
    pub(crate) fn add(
        &mut self,
        subject: &'static str,
        (value, name): (usize, &str),
        churn: bool,
    ) -> io::Result<()> {
        let plan = Plan {
            value,
            budget: self.budget,
            churn,
        };
        let numbers = child::run(&plan.task(subject))?;
        let &[entries, filled, churned] = numbers.as_slice() else {
            return Err(io::Error::other(format!("{subject} said {numbers:?}")));
        };
        let case = format!("{} MiB of {name} values", plan.budget >> 20);
        let share = |growth: f64| growth / plan.budget as f64;
        eprintln!("{case}, {subject}: {:.2} of the budget", share(filled));
        for (metric, value) in [
            ("bytes_per_entry", filled / entries),
            ("overhead_bytes", filled / entries - plan.payload() as f64),
            ("rss_ratio", share(filled)),
            ("rss_ratio_churned", share(churned)),
        ] {
            if value.is_finite() {
                self.report.add(&case, subject, metric, value);
            }
        }
        Ok(())
    }
}

/// The resident bytes of this process; `None` where there is no `/proc`.
pub(crate) fn resident() -> Option<u64> {
    resident_of("self")
}

/// The resident bytes of the process with this id; `None` where there is no `/proc`.
pub(crate) fn resident_of(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
