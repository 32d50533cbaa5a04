//! The command `check`: whether the nodes of a cluster agree.

mod clocks;
mod finding;
mod majority;
mod members;
mod rings;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gather::{Asked, Gathered};
use super::nodes_options::NodesOptions;
use super::numbers::signed_ms;
use super::output::{Output, Row, Tone};
use super::plain::plain;
use finding::{Finding, Kind};
use majority::majority;

/// Finds members that cannot be reached, have another ring or protocol, or a wrong clock.
///
/// Every member is asked that a node has on its ring. Where they differ, those are named that differ from most. Members
/// that are not asked because of --max-nodes are a finding.
/// Exit code 0: nothing was found. 1: there are findings. 2: no node has reported.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How far a clock may be off, beyond what the exchange leaves uncertain.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    max_skew: Duration,
    #[command(flatten)]
    nodes: NodesOptions,
}

pub(super) async fn run(options: Options, output: Output) -> Result<ExitCode, Failure> {
    let gathered = options.nodes.rounds()?.ask().await?;
    let verdict = Verdict::new(&gathered, options.max_skew);
    if output.json {
        output.value(&verdict.to_json())?;
    } else {
        verdict.print(output)?;
    }
    Ok(if verdict.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What was found.
struct Verdict<'a> {
    gathered: &'a Gathered,
    findings: Vec<Finding>,
    /// What is worth knowing, and not wrong.
    notes: Vec<String>,
}

impl<'a> Verdict<'a> {
    fn new(gathered: &'a Gathered, max_skew: Duration) -> Self {
        let mut notes = Vec::new();
        let protocol = majority(gathered.reports().map(|node| &*node.protocol)).unwrap_or_default();
        let mut findings = members::find(gathered);
        findings.extend(members::find_down(gathered));
        findings.extend(protocols(gathered, protocol));
        findings.extend(clusters(gathered));
        findings.extend(rings::find(gathered, protocol));
        findings.extend(clocks::find(
            gathered,
            max_skew.as_secs_f64() * 1e3,
            &mut notes,
        ));
        notes.extend(versions(gathered));
        findings.extend(left_out(gathered));
        Self {
            gathered,
            findings,
            notes,
        }
    }

    /// The kinds of findings about a node, each once.
    fn kinds_of(&self, asked: &Asked) -> Vec<Kind> {
        let node = asked.outcome.as_ref().ok();
        let own = node.map(|node| &node.member.id);
        let own = self
            .findings
            .iter()
            .filter(|finding| finding.kind != Kind::NotAsked)
            .filter(|finding| finding.member == asked.place.id || Some(&finding.member) == own);
        let mut kinds: Vec<Kind> = own.map(|finding| finding.kind).collect();
        // Those of several rings take turns.
        kinds.sort();
        kinds.dedup();
        kinds
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        let rows = self.gathered.nodes.iter().map(|asked| self.row(asked));
        let columns = ["node", "", "protocol", "ring", "members", "clock"];
        output.line(&output.table(&columns, 4, rows.collect()))?;
        for finding in &self.findings {
            let (kind, text) = (finding.kind.name(), plain(&finding.text));
            output.line(&match finding.kind {
                Kind::NotAsked => format!("{kind}: {text}"),
                _ => format!("{kind}: {}: {text}", plain(&finding.member)),
            })?;
        }
        for note in &self.notes {
            output.line(&format!("note: {}", plain(note)))?;
        }
        output.line(&match (self.gathered.nodes.len(), self.findings.len()) {
            (1, 0) => "1 node: well".to_owned(),
            (nodes, 0) => format!("{nodes} nodes agree"),
            (nodes, 1) => format!("{nodes} nodes, 1 finding"),
            (nodes, findings) => format!("{nodes} nodes, {findings} findings"),
        })
    }

    fn row(&self, asked: &Asked) -> Row {
        let kinds = self.kinds_of(asked);
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let state = if names.is_empty() {
            "well".to_owned()
        } else {
            names.join(", ")
        };
        let tone = if names.is_empty() {
            Tone::Good
        } else {
            Tone::Bad
        };
        let cells = match &asked.outcome {
            Err(_) => [
                asked.place.id.clone(),
                state,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ],
            Ok(node) => [
                node.member.id.clone(),
                state,
                node.protocol.clone(),
                node.ring.fingerprint.clone(),
                node.ring.members.len().to_string(),
                node.clock.map_or_else(String::new, |clock| {
                    format!(
                        "{} ± {:.0}",
                        signed_ms(clock.ahead_ms),
                        clock.uncertainty_ms.ceil()
                    )
                }),
            ],
        };
        (tone, cells.to_vec())
    }

    fn to_json(&self) -> Value {
        let nodes = self
            .gathered
            .nodes
            .iter()
            .map(|asked| match &asked.outcome {
                Err(reason) => json!({ "member": asked.place, "no_report": reason }),
                Ok(node) => json!({
                    "member": node.member,
                    "protocol": node.protocol,
                    "cluster": node.cluster,
                    "version": node.version,
                    "ring": {
                        "fingerprint": node.ring.fingerprint,
                        "rules": node.ring.rules(),
                        "members": node.ring.members.len(),
                    },
                    "clock": node.clock.map(|clock| json!({
                        "ahead_ms": clock.ahead_ms,
                        "uncertainty_ms": clock.uncertainty_ms,
                    })),
                }),
            });
        json!({
            "well": self.findings.is_empty(),
            "findings": self.findings,
            "notes": self.notes,
            "nodes": nodes.collect::<Vec<_>>(),
            "left_out": self.gathered.left_out,
        })
    }
}

/// Members that nothing is known of, because there are more than are asked.
fn left_out(gathered: &Gathered) -> Option<Finding> {
    let text = gathered.left_out_text()?;
    Some(Finding::new(Kind::NotAsked, "", text))
}

/// Nodes that speak another protocol than most.
fn protocols(gathered: &Gathered, usual: &str) -> Vec<Finding> {
    let others = gathered.reports().filter(|node| node.protocol != usual);
    others
        .map(|node| {
            let text = format!("it speaks {}, and most speak {usual}", node.protocol);
            Finding::new(Kind::Protocol, &node.member.id, text)
        })
        .collect()
}

/// Nodes with the label of another cluster than most. A node without a label takes part in any.
fn clusters(gathered: &Gathered) -> Vec<Finding> {
    let labelled = || {
        gathered
            .reports()
            .filter_map(|node| Some((node, node.cluster.as_deref()?)))
    };
    let usual = majority(labelled().map(|(_, label)| label)).unwrap_or_default();
    let others = labelled().filter(|(_, label)| *label != usual);
    others
        .map(|(node, label)| {
            let text = format!("it belongs to the cluster {label:?}, and most belong to {usual:?}");
            Finding::new(Kind::Cluster, &node.member.id, text)
        })
        .collect()
}

/// A note, if nodes are of different versions.
fn versions(gathered: &Gathered) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in gathered.reports() {
        *counts.entry(&node.version).or_default() += 1;
    }
    let versions = counts.iter().map(|(version, count)| match count {
        1 => format!("{version} (1 node)"),
        _ => format!("{version} ({count} nodes)"),
    });
    (counts.len() > 1).then(|| {
        format!(
            "versions differ: {}",
            versions.collect::<Vec<_>>().join(", ")
        )
    })
}
