use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::gather::Gathered;
use super::super::numbers::{bytes, count, percent, rate, share};
use super::super::output::{Output, Row, Tone};
use super::rates::{Rates, Readings};

/// One reading of all nodes.
pub(super) struct Frame<'a> {
    /// Those with the most gets first.
    nodes: Vec<(&'a str, Rates, usize)>,
    silent: Vec<(&'a str, &'static str)>,
    all: Rates,
    gets_per_second: f64,
    calls_per_second: f64,
    failed_per_second: f64,
    hot: Vec<Hot<'a>>,
}

/// A key that is asked for often.
struct Hot<'a> {
    key: &'a str,
    group: &'a str,
    owner: Option<&'a str>,
    /// As the owner counts; otherwise the most that any node does.
    per_minute: f64,
    mirrors: usize,
}

impl<'a> Frame<'a> {
    pub(super) fn new(gathered: &'a Gathered, readings: &mut Readings) -> Self {
        let now = Instant::now();
        let mut frame = Self {
            nodes: Vec::new(),
            silent: Vec::new(),
            all: Rates::default(),
            gets_per_second: 0.0,
            calls_per_second: 0.0,
            failed_per_second: 0.0,
            hot: hot_keys(gathered),
        };
        for asked in &gathered.nodes {
            match &asked.outcome {
                Err(reason) => frame.silent.push((&asked.place.id, reason.kind.name())),
                Ok(node) => {
                    let rates = readings.rates(node, now);
                    frame.add(&node.member.id, rates, node.down.len());
                }
            }
        }
        readings.end_round();
        frame.nodes.sort_by(|(_, one, _), (_, other, _)| {
            let gets = |rates: &Rates| rates.per_second(rates.counted.gets);
            gets(other).total_cmp(&gets(one))
        });
        frame
    }

    fn add(&mut self, id: &'a str, rates: Rates, down: usize) {
        self.all.counted += &rates.counted;
        self.all.memory += &rates.memory;
        // Nodes may have been read at other times, or be new, so that their rates add up and not their counts.
        self.gets_per_second += rates.per_second(rates.counted.gets);
        self.calls_per_second += rates.per_second(rates.counted.getter_calls);
        self.failed_per_second += rates.per_second(rates.counted.failed);
        self.nodes.push((id, rates, down));
    }

    pub(super) fn text(&self, output: Output, rows: usize, keys: usize) -> String {
        let memory = &self.all.memory;
        let head = format!(
            "{} nodes, {} silent: {} gets/s, {} hits, {} getter calls/s, {} failed/s, {} of {}",
            count(self.nodes.len() as u64),
            count(self.silent.len() as u64),
            rate(self.gets_per_second),
            percent(self.all.counted.hit_ratio()),
            rate(self.calls_per_second),
            rate(self.failed_per_second),
            bytes(memory.bytes),
            bytes(memory.budget),
        );
        let nodes = output.table(&COLUMNS, 1, self.node_rows(rows));
        let hot = self.hot.iter().take(keys).map(|hot| {
            let cells = [
                hot.key,
                hot.group,
                hot.owner.unwrap_or("–"),
                &rate(hot.per_minute),
                &count(hot.mirrors as u64),
            ];
            (Tone::Usual, cells.map(str::to_owned).to_vec())
        });
        let columns = ["hot key", "group", "owner", "gets/min", "mirrors"];
        let hot = output.table(&columns, 3, hot.collect());
        format!("{head}\n{nodes}\n{hot}")
    }

    fn node_rows(&self, most: usize) -> Vec<Row> {
        let silent = self.silent.iter().map(|(id, kind)| {
            let mut cells = vec![String::new(); COLUMNS.len()];
            cells[0] = format!("{id}: {kind}");
            (Tone::Bad, cells)
        });
        let nodes = self.nodes.iter().map(|(id, rates, down)| {
            let Rates {
                counted, memory, ..
            } = rates;
            let cells = vec![
                (*id).to_owned(),
                rate(rates.per_second(counted.gets)),
                percent(counted.hit_ratio()),
                rate(rates.per_second(counted.getter_calls)),
                rate(rates.per_second(counted.failed)),
                bytes(memory.bytes),
                percent(share(memory.bytes, memory.budget)),
                rate(rates.per_second(counted.evictions)),
                count(*down as u64),
            ];
            (if *down > 0 { Tone::Odd } else { Tone::Usual }, cells)
        });
        // What is ill comes first.
        let all = silent.chain(nodes);
        all.take(most).collect()
    }

    pub(super) fn to_json(&self, keys: usize) -> Value {
        let nodes = self.nodes.iter().map(|(id, rates, down)| {
            let counted = &rates.counted;
            json!({
                "id": id,
                "gets_per_second": rates.per_second(counted.gets),
                "hit_ratio": counted.hit_ratio(),
                "getter_calls_per_second": rates.per_second(counted.getter_calls),
                "failed_per_second": rates.per_second(counted.failed),
                "evictions_per_second": rates.per_second(counted.evictions),
                "usage": rates.memory,
                "peers_down": down,
            })
        });
        let silent = self
            .silent
            .iter()
            .map(|(id, kind)| json!({ "id": id, "kind": kind }));
        let hot = self.hot.iter().take(keys).map(|hot| {
            json!({
                "key": hot.key,
                "group": hot.group,
                "owner": hot.owner,
                "per_minute": hot.per_minute,
                "mirrors": hot.mirrors,
            })
        });
        json!({
            "gets_per_second": self.gets_per_second,
            "hit_ratio": self.all.counted.hit_ratio(),
            "getter_calls_per_second": self.calls_per_second,
            "failed_per_second": self.failed_per_second,
            "usage": self.all.memory,
            "nodes": nodes.collect::<Vec<_>>(),
            "silent": silent.collect::<Vec<_>>(),
            "hot_keys": hot.collect::<Vec<_>>(),
        })
    }
}

const COLUMNS: [&str; 9] = [
    "node",
    "gets/s",
    "hits",
    "calls/s",
    "failed/s",
    "bytes",
    "full",
    "evicted/s",
    "down",
];

/// The hot keys of all nodes, the hottest first.
fn hot_keys(gathered: &Gathered) -> Vec<Hot<'_>> {
    let mut by_key: HashMap<(&str, &str), Hot> = HashMap::new();
    for node in gathered.reports() {
        for group in &node.groups {
            for hot in &group.part.hot_keys {
                let name = &*group.part.name;
                let known = by_key.entry((name, &hot.key)).or_insert(Hot {
                    key: &hot.key,
                    group: name,
                    owner: None,
                    per_minute: 0.0,
                    mirrors: 0,
                });
                known.mirrors += usize::from(hot.is_mirrored);
                if hot.is_own {
                    known.owner = Some(&node.member.id);
                    known.per_minute = hot.per_minute;
                } else if known.owner.is_none() {
                    known.per_minute = known.per_minute.max(hot.per_minute);
                }
            }
        }
    }
    let mut hot: Vec<Hot> = by_key.into_values().collect();
    hot.sort_by(|one, other| {
        let by_rate = other.per_minute.total_cmp(&one.per_minute);
        by_rate.then_with(|| one.key.cmp(other.key))
    });
    hot
}
