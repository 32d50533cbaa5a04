use comfy_table::{CellAlignment, Table, presets};
use indicatif::{HumanBytes, HumanCount};

use super::checks::checks;
use super::cluster_kind::ClusterKind;
use super::outcome::{Outcome, Phase};
use crate::cluster::chart::chart;

/// The outcomes of one scenario with different clusters, for people.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let name = outcomes.first().map(|first| first.scenario.name());
    table.set_header([
        &*name.unwrap_or_default(),
        "requests",
        "failed",
        "moved",
        "database loads",
        "of all keys",
        "p50",
        "p99",
        "longest",
    ]);
    for outcome in outcomes {
        for phase in &outcome.phases {
            table.add_row(row(outcome, phase));
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let notes: String = outcomes.iter().map(notes).collect();
    format!("{table}\n{notes}")
}

fn row(outcome: &Outcome, Phase { name, load, reads }: &Phase) -> [String; 9] {
    let count = |n| HumanCount(n).to_string();
    let millis = |us: u32| format!("{:.1} ms", f64::from(us) / 1e3);
    let tally = &load.tally;
    [
        match outcome.kind {
            ClusterKind::Ours => (*name).to_owned(),
            ClusterKind::Golang => format!("{}, {name}", outcome.kind.name()),
        },
        count(tally.requests()),
        count(tally.errors),
        count(tally.moved),
        count(*reads),
        format!("{:.2} %", *reads as f64 / outcome.keys as f64 * 100.0),
        millis(tally.percentile(0.5)),
        millis(tally.percentile(0.99)),
        millis(tally.percentile(1.0)),
    ]
}

/// What the table has no room for, and what has to hold.
fn notes(outcome: &Outcome) -> String {
    let mut lines = vec![format!("{}:", outcome.kind.name())];
    if let Some(capacity) = outcome.capacity {
        let count = |rate: f64| HumanCount(rate as u64);
        lines.push(format!(
            "  {} of {} requests a second that the cluster can answer",
            count(capacity / 2.0),
            count(capacity)
        ));
        let seconds = |phase: &Phase| phase.load.tally.percentile_by_second(0.99);
        let p99: Vec<u64> = outcome
            .phases
            .iter()
            .flat_map(seconds)
            .map(u64::from)
            .collect();
        let highest = p99.iter().copied().max().unwrap_or(0);
        let highest = highest as f64 / 1e3;
        lines.push(format!(
            "  p99 by second  {}  up to {highest:.1} ms",
            chart(&p99)
        ));
    }
    if let Some(flooded) = outcome.flooded {
        let [before, most, after] = flooded.memory.map(HumanBytes);
        lines.push(format!(
            "  {} connections tried at a time, {} open at a time, {} opened in all; the node's memory: {before} before, \
             {most} at most, {after} after",
            HumanCount(flooded.count.tried),
            HumanCount(flooded.count.most_open),
            HumanCount(flooded.count.opened),
        ));
    }
    for check in checks(outcome) {
        let verdict = if check.is_met { "met   " } else { "MISSED" };
        lines.push(format!("  {verdict}  {}", check.what));
    }
    lines.join("\n") + "\n"
}
