use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gather::{Asked, Gathered, GroupView, NodeView};
use super::nodes_options::NodesOptions;
use super::numbers::{age, bytes, count, percent, share};
use super::output::{Output, Row, Tone};
use super::sums::Sums;

/// Shows the counters and the memory of all nodes, since they were started.
///
/// Hits and peers: the gets that memory and other nodes have answered. Calls: of the getter. Full: the bytes against the
/// budget. Down: the members that the node gets no values from.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only this group [default: the sums of all].
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// A row for each group.
    #[arg(long, conflicts_with = "group")]
    by_group: bool,
    #[command(flatten)]
    nodes: NodesOptions,
}

const COLUMNS: [&str; 13] = [
    "node", "group", "up", "gets", "hits", "peers", "calls", "failed", "entries", "bytes", "full",
    "evicted", "down",
];
/// The place of the column that is shown with `--by-group` alone.
const GROUP: usize = 1;

pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let gathered = options.nodes.rounds()?.ask().await?;
    if output.json {
        return output.value(&options.to_json(&gathered));
    }
    let mut rows: Vec<Row> = Vec::new();
    for asked in &gathered.nodes {
        options.add_rows(&mut rows, asked);
    }
    let mut total = Sums::default();
    for node in gathered.reports() {
        total.add(options.groups_of(node));
    }
    rows.push((Tone::Sum, total.row("all", "", "", "")));
    let mut columns = COLUMNS.to_vec();
    if !options.by_group {
        columns.remove(GROUP);
        rows.iter_mut()
            .for_each(|(_, cells)| drop(cells.remove(GROUP)));
    }
    output.line(&output.table(&columns, if options.by_group { 2 } else { 1 }, rows))?;
    if let Some(text) = gathered.left_out_text() {
        output.line(&text)?;
    }
    Ok(())
}

impl Options {
    /// The groups of a node that the user wants to see.
    fn groups_of<'a>(&'a self, node: &'a NodeView) -> impl Iterator<Item = &'a GroupView> {
        let wanted = |group: &&GroupView| {
            let name = self.group.as_ref();
            name.is_none_or(|name| *name == group.part.name)
        };
        node.groups.iter().filter(wanted)
    }

    fn add_rows(&self, rows: &mut Vec<Row>, asked: &Asked) {
        let node = match &asked.outcome {
            Ok(node) => node,
            Err(reason) => {
                let mut cells = vec![String::new(); COLUMNS.len()];
                cells[0] = format!("{}: {}", asked.place.id, reason.kind.name());
                return rows.push((Tone::Bad, cells));
            }
        };
        let (up, down) = (age(node.uptime), count(node.down.len() as u64));
        let tone = if node.down.is_empty() {
            Tone::Usual
        } else {
            Tone::Odd
        };
        if self.by_group {
            for group in &node.groups {
                let sums = Sums::of([group]);
                rows.push((
                    tone,
                    sums.row(&node.member.id, &group.part.name, &up, &down),
                ));
            }
        } else {
            let sums = Sums::of(self.groups_of(node));
            rows.push((tone, sums.row(&node.member.id, "", &up, &down)));
        }
    }

    fn to_json(&self, gathered: &Gathered) -> Value {
        let mut total = Sums::default();
        let nodes = gathered.nodes.iter().map(|asked| match &asked.outcome {
            Err(reason) => json!({ "member": asked.place, "no_report": reason }),
            Ok(node) => {
                let sums = Sums::of(self.groups_of(node));
                total.add(self.groups_of(node));
                let groups = self.groups_of(node).map(|group| {
                    let part = &group.part;
                    json!({ "name": part.name, "stats": part.stats, "usage": part.usage })
                });
                json!({
                    "member": node.member,
                    "version": node.version,
                    "protocol": node.protocol,
                    "uptime": node.uptime,
                    "share": node.share,
                    "peers_down": node.down,
                    "stats": sums.counters,
                    "usage": sums.memory,
                    "groups": groups.collect::<Vec<_>>(),
                })
            }
        });
        let nodes: Vec<Value> = nodes.collect();
        json!({
            "nodes": nodes,
            "stats": total.counters,
            "usage": total.memory,
            "left_out": gathered.left_out,
        })
    }
}

impl Sums {
    fn row(&self, node: &str, group: &str, up: &str, down: &str) -> Vec<String> {
        let Self { counters, memory } = self;
        vec![
            node.to_owned(),
            group.to_owned(),
            up.to_owned(),
            count(counters.gets),
            percent(counters.hit_ratio()),
            percent(share(counters.fetched, counters.gets)),
            count(counters.getter_calls),
            count(counters.failed),
            count(memory.entries),
            bytes(memory.bytes),
            percent(share(memory.bytes, memory.budget)),
            count(counters.evictions),
            down.to_owned(),
        ]
    }
}
