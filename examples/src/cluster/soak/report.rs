use comfy_table::{CellAlignment, Table, presets};
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Map, Value, json};

use super::course::{Course, QUANTITIES};
use crate::cluster::chart::chart;
use crate::cluster::crowd::Load;

/// What came of a soak, for people and for scripts.
pub(super) struct Report {
    pub(super) urls: Vec<String>,
    /// What each node held.
    pub(super) courses: Vec<Course>,
    pub(super) load: Load,
}

impl Report {
    pub(super) fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([
            "node",
            "",
            "first half",
            "second half",
            "from 0 to the most",
        ]);
        for (url, course) in self.urls.iter().zip(&self.courses) {
            for (number, quantity) in QUANTITIES.iter().enumerate() {
                let text = |n: u64| match number {
                    0 => HumanBytes(n).to_string(),
                    _ => HumanCount(n).to_string(),
                };
                let [first, second] = course.halves(number).map(text);
                let name = quantity.name.replace('_', " ");
                let chart = chart(&course.of(number));
                table.add_row([url.clone(), name, first, second, chart]);
            }
        }
        for column in table.column_iter_mut().skip(2).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let tally = &self.load.tally;
        format!(
            "{table}\n{} requests in {} s, {} failed, p99 {:.1} ms. {}",
            HumanCount(tally.requests()),
            self.load.took.as_secs(),
            HumanCount(tally.errors),
            f64::from(tally.percentile(0.99)) / 1e3,
            match self.check() {
                Ok(()) => "Nothing has grown.".into(),
                Err(reason) => reason,
            }
        )
    }

    pub(super) fn to_json(&self) -> Value {
        let nodes = self.urls.iter().zip(&self.courses);
        let nodes = nodes.map(|(url, course)| {
            let quantities = QUANTITIES.iter().enumerate().map(|(number, quantity)| {
                let course = json!({
                    "samples": course.of(number),
                    "halves": course.halves(number),
                    "has_grown": course.has_grown(number),
                });
                (quantity.name.to_owned(), course)
            });
            let mut node: Map<String, Value> = quantities.collect();
            node.insert("url".into(), url.clone().into());
            node
        });
        let tally = &self.load.tally;
        json!({
            "seconds": self.load.took.as_secs(),
            "requests": tally.requests(),
            "errors": tally.errors,
            "reasons": tally.reasons,
            "p50_us": tally.percentile(0.5),
            "p99_us": tally.percentile(0.99),
            "nodes": nodes.collect::<Vec<_>>(),
        })
    }

    /// Whether all requests were answered, and no node holds more and more.
    pub(super) fn check(&self) -> Result<(), String> {
        let tally = &self.load.tally;
        if tally.errors > 0 {
            let reasons = tally.reasons.join("; ");
            return Err(format!("{} requests failed: {reasons}", tally.errors));
        }
        for (url, course) in self.urls.iter().zip(&self.courses) {
            if !course.has_halves() {
                return Err(format!(
                    "{url} was up too seldom to tell whether it has grown"
                ));
            }
            for (number, quantity) in QUANTITIES.iter().enumerate() {
                if course.has_grown(number) {
                    let [first, second] = course.halves(number);
                    let name = quantity.name.replace('_', " ");
                    return Err(format!("{url}: {name} have grown from {first} to {second}"));
                }
            }
        }
        Ok(())
    }
}
