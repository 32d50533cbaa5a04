use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::HumanCount;
use peers::Protocol;
use serde_json::{Map, Value, json};

use super::crowd::Load;
use super::tally::{SOURCES, Tally};

/// What happened, for people and for scripts.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) nodes: u16,
    pub(super) protocol: Protocol,
    /// How long each read of the database takes.
    pub(super) delay: Duration,
    /// Keys that were asked for.
    pub(super) distinct_keys: u64,
    /// Reads that the database server counted.
    pub(super) database_loads: u64,
    /// The counters of each node.
    pub(super) per_node: Vec<Value>,
    pub(super) stampede: Option<Stampede>,
    pub(super) load: Load,
    /// Whether a node was killed and started again.
    pub(super) chaos: bool,
}

/// What came of the stampede.
#[derive(Debug)]
pub(super) struct Stampede {
    pub(super) callers: u32,
    /// Reads of the database.
    pub(super) loads: u64,
    pub(super) took: Duration,
    pub(super) tally: Tally,
}

impl Report {
    /// Stampede and load together.
    fn total(&self) -> Tally {
        let mut total = self.load.tally.clone();
        if let Some(stampede) = &self.stampede {
            total.add(stampede.tally.clone());
        }
        total
    }

    fn per_second(&self) -> f64 {
        self.load.tally.answers() as f64 / self.load.took.as_secs_f64().max(1e-9)
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let total = self.total();
        let count = |n| HumanCount(n).to_string();
        let share = |n: u64| match total.requests() {
            0 => String::new(),
            all => format!("{:.2} %", n as f64 / all as f64 * 100.0),
        };
        let micros = |us| format!("{:.1} ms", f64::from(us) / 1e3);
        let seconds = |loads: u64| {
            let seconds = (self.delay * u32::try_from(loads).unwrap_or(u32::MAX)).as_secs_f64();
            format!("{} s", HumanCount(seconds.round() as u64))
        };

        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.add_row(["requests", &count(total.requests()), ""]);
        table.add_row(["distinct keys", &count(self.distinct_keys), ""]);
        table.add_row(["database loads", &count(self.database_loads), ""]);
        for ((_, meaning), hits) in SOURCES.into_iter().zip(total.hits()) {
            if hits > 0 {
                table.add_row([&format!("from {meaning}"), &count(hits), &share(hits)]);
            }
        }
        let load = &self.load.tally;
        table.add_row([
            "half of the load was answered within",
            &micros(load.percentile(0.5)),
            "p50",
        ]);
        table.add_row(["99 % within", &micros(load.percentile(0.99)), "p99"]);
        table.add_row(["requests per second", &count(self.per_second() as u64), ""]);
        table.add_row([
            "database time",
            &seconds(self.database_loads),
            &format!("instead of {}", seconds(total.requests())),
        ]);
        table.add_row(["errors", &count(total.errors), ""]);
        if total.moved > 0 {
            table.add_row([
                "callers that moved to another node",
                &count(total.moved),
                "",
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }

    /// For scripts.
    pub(super) fn to_json(&self) -> Value {
        let total = self.total();
        let names = SOURCES.into_iter().map(|(name, _)| name.to_owned());
        let hits: Map<String, Value> = names.zip(total.hits().map(Value::from)).collect();
        json!({
            "nodes": self.nodes,
            "protocol": self.protocol.name(),
            "requests": total.requests(),
            "distinct_keys": self.distinct_keys,
            "db_loads": self.database_loads,
            "errors": total.errors,
            "reasons": total.reasons,
            "hits": hits,
            "p50_us": self.load.tally.percentile(0.5),
            "p99_us": self.load.tally.percentile(0.99),
            "requests_per_second": self.per_second(),
            "moved": total.moved,
            "chaos": self.chaos,
            "stampede": self.stampede.as_ref().map(|stampede| json!({
                "callers": stampede.callers,
                "db_loads": stampede.loads,
                "ms": stampede.took.as_millis() as u64,
            })),
            "per_node": self.per_node,
            "verdict": self.verdict(),
        })
    }

    /// In one line.
    pub(super) fn verdict(&self) -> String {
        let total = self.total();
        let count = |n| HumanCount(n).to_string();
        let sums = format!(
            "{} requests served, {} database loads for {} distinct keys",
            count(total.answers()),
            count(self.database_loads),
            count(self.distinct_keys),
        );
        let again = self.database_loads.saturating_sub(self.distinct_keys);
        let verdict = match (total.errors, again, self.chaos) {
            (0, 0, _) => "every value was loaded exactly once".to_owned(),
            (0, _, false) => format!("{} values were loaded again", count(again)),
            (0, _, true) => format!(
                "{} values were loaded again, because a node died",
                count(again)
            ),
            (errors, ..) => format!("{} requests failed", count(errors)),
        };
        format!("{sums}: {verdict}.")
    }

    /// Whether all is as promised.
    pub(super) fn check(&self) -> Result<(), String> {
        let total = self.total();
        if total.errors > 0 {
            return Err(format!(
                "{} requests failed: {}",
                total.errors,
                total.reasons.join("; ")
            ));
        }
        if !self.chaos && self.database_loads != self.distinct_keys {
            return Err(format!(
                "{} database loads for {} distinct keys, although no node was killed",
                self.database_loads, self.distinct_keys,
            ));
        }
        Ok(())
    }
}
