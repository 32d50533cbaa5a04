use comfy_table::{CellAlignment, Table, presets};
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::phase::Phase;

/// What came of all simulations, for people and for scripts.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    nodes: u32,
    has_mirrors: bool,
    name: &'static str,
    phase: Phase,
}

const HEADER: [&str; 11] = [
    "nodes",
    "mirrors",
    "phase",
    "connections / node",
    "in total",
    "keys, max / mean",
    "load, max / mean",
    "busiest owner, of all gets",
    "fetches / get",
    "loads / 1,000 gets",
    "of them repeated",
];

impl Report {
    pub(super) fn add(&mut self, nodes: u32, has_mirrors: bool, name: &'static str, phase: Phase) {
        self.rows.push(Row {
            nodes,
            has_mirrors,
            name,
            phase,
        });
    }

    /// For people, in Markdown.
    pub(super) fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(HEADER);
        for row in &self.rows {
            let phase = &row.phase;
            table.add_row([
                HumanCount(row.nodes.into()).to_string(),
                if row.has_mirrors { "yes" } else { "no" }.into(),
                row.name.into(),
                format!("{:.1}", phase.connections_per_node()),
                HumanCount(phase.connections).to_string(),
                format!("{:.2}", phase.key_balance),
                format!("{:.2}", phase.load_balance()),
                format!("{:.3} %", phase.busiest_share() * 100.0),
                format!("{:.3}", phase.fetches_per_get()),
                format!("{:.1}", phase.loads_per_get() * 1e3),
                format!("{:.1}", phase.repeated_loads_per_get() * 1e3),
            ]);
        }
        for (number, column) in table.column_iter_mut().enumerate() {
            if !(1..=2).contains(&number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string()
    }

    /// For scripts.
    pub(super) fn to_json(&self) -> Value {
        let row = |row: &Row| {
            let phase = &row.phase;
            json!({
                "nodes": row.nodes,
                "mirrors": row.has_mirrors,
                "phase": row.name,
                "gets": phase.gets,
                "fetches": phase.fetches,
                "db_loads": phase.loads,
                "repeated_db_loads": phase.repeated_loads,
                "connections": phase.connections,
                "connections_per_node": phase.connections_per_node(),
                "keys_max_to_mean": phase.key_balance,
                "load_max_to_mean": phase.load_balance(),
                "busiest_share": phase.busiest_share(),
                "fetches_per_get": phase.fetches_per_get(),
            })
        };
        json!({ "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}
