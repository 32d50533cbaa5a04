//! What happens to a cluster under load when a node is killed, stopped, added or taken out, and when all start again one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::HumanCount;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::crowd::{Crowd, Load, Plan};
use super::nodes::Nodes;
use super::process::Process;
use super::reads;
use crate::BoxError;
use crate::client::Client;

/// What happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// A node is killed, and started again.
    Kill,
    /// A node is stopped by SIGSTOP, and goes on.
    Stop,
    /// A node joins.
    Join,
    /// A node leaves in order, and does not come back.
    Leave,
    /// All nodes leave in order and start again, one by one.
    Rolling,
}

/// The node that something happens to.
const VICTIM: usize = 1;

/// How long something lasts.
const WHILE: Duration = Duration::from_secs(5);

/// What a scenario needs.
pub(super) struct Stage<'a> {
    pub(super) nodes: Arc<Nodes>,
    pub(super) crowd: Crowd,
    /// The load of a phase; its requests count for the first and the last one.
    pub(super) plan: &'a dyn Fn() -> Plan,
    pub(super) client: &'a Client,
    pub(super) database: &'a Process,
}

/// What came of a scenario.
#[derive(Debug)]
pub(super) struct Outcome {
    scenario: Scenario,
    keys: u64,
    phases: Vec<Phase>,
}

#[derive(Debug)]
struct Phase {
    name: &'static str,
    load: Load,
    reads: u64,
}

impl Scenario {
    pub(super) fn name(self) -> String {
        let name = self.to_possible_value();
        name.map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    async fn happen(self, nodes: &Nodes) -> Result<(), BoxError> {
        match self {
            Self::Kill => {
                nodes.kill(VICTIM).await?;
                sleep(WHILE).await;
                nodes.restart(VICTIM).await?;
            }
            Self::Stop => {
                nodes.pause(VICTIM).await?;
                sleep(WHILE).await;
                nodes.resume(VICTIM).await?;
            }
            Self::Join => nodes.join().await?,
            Self::Leave => {
                nodes.end(VICTIM).await?;
                nodes.tell_all().await?;
            }
            Self::Rolling => {
                for node in 0..nodes.len() {
                    nodes.end(node).await?;
                    nodes.restart(node).await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        sleep(WHILE).await;
        Ok(())
    }
}

impl Stage<'_> {
    /// Warms the cluster up, and puts it under load before, while and after something happens.
    pub(super) async fn perform(&self, scenario: Scenario) -> Result<Outcome, BoxError> {
        let plan = self.plan;
        let keys = plan().keys;
        let warm_up = self.crowd.warm_up(keys).await;
        if warm_up.errors > 0 {
            return Err(format!("the warm-up failed: {}", warm_up.reasons.join("; ")).into());
        }
        let mut phases = Vec::new();
        phases.push(self.phase("before", self.load()).await?);
        let is_over = Arc::new(AtomicBool::new(false));
        let during = async {
            let load = self.crowd.load(Plan {
                requests: u64::MAX,
                limit: Duration::MAX,
                is_over: Arc::clone(&is_over),
                ..plan()
            });
            let event = async {
                let done = scenario.happen(&self.nodes).await;
                is_over.store(true, Ordering::SeqCst);
                done
            };
            tokio::join!(load, event)
        };
        let happened = async {
            let (load, event) = during.await;
            event.map(|()| load)
        };
        phases.push(self.phase("during", happened).await?);
        phases.push(self.phase("after", self.load()).await?);
        Ok(Outcome {
            scenario,
            keys: keys as u64,
            phases,
        })
    }

    async fn load(&self) -> Result<Load, BoxError> {
        Ok(self.crowd.load((self.plan)()).await)
    }

    async fn phase(
        &self,
        name: &'static str,
        load: impl Future<Output = Result<Load, BoxError>>,
    ) -> Result<Phase, BoxError> {
        let reads = async || Ok::<_, BoxError>(reads(self.client, self.database).await?.all());
        let before = reads().await?;
        let load = load.await?;
        let reads = reads().await? - before;
        Ok(Phase { name, load, reads })
    }
}

impl Outcome {
    /// How many values were loaded again, and how many requests failed.
    fn sums(&self) -> (u64, u64) {
        let reads = self.phases.iter().map(|phase| phase.reads).sum();
        let errors = self.phases.iter().map(|phase| phase.load.tally.errors);
        (reads, errors.sum())
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let count = |n| HumanCount(n).to_string();
        let millis = |us: u32| format!("{:.1} ms", f64::from(us) / 1e3);
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let name = self.scenario.name();
        table.set_header([
            &*name,
            "requests",
            "failed",
            "moved",
            "database loads",
            "of all keys",
            "p50",
            "p99",
            "longest",
        ]);
        for Phase { name, load, reads } in &self.phases {
            let tally = &load.tally;
            table.add_row([
                (*name).to_owned(),
                count(tally.requests()),
                count(tally.errors),
                count(tally.moved),
                count(*reads),
                format!("{:.2} %", *reads as f64 / self.keys as f64 * 100.0),
                millis(tally.percentile(0.5)),
                millis(tally.percentile(0.99)),
                millis(tally.percentile(1.0)),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }

    /// For scripts.
    pub(super) fn to_json(&self) -> Value {
        let phases = self.phases.iter().map(|Phase { name, load, reads }| {
            let tally = &load.tally;
            json!({
                "phase": name,
                "requests": tally.requests(),
                "errors": tally.errors,
                "reasons": tally.reasons,
                "moved": tally.moved,
                "db_loads": reads,
                "p50_us": tally.percentile(0.5),
                "p99_us": tally.percentile(0.99),
                "longest_us": tally.percentile(1.0),
            })
        });
        let (reads, errors) = self.sums();
        json!({
            "scenario": self.scenario.name(),
            "keys": self.keys,
            "db_loads": reads,
            "errors": errors,
            "phases": phases.collect::<Vec<_>>(),
        })
    }

    /// Whether no request has failed.
    pub(super) fn check(&self) -> Result<(), String> {
        let failed = self.phases.iter().map(|phase| &phase.load.tally);
        match failed.into_iter().find(|tally| tally.errors > 0) {
            None => Ok(()),
            Some(tally) => Err(format!(
                "{}: {} requests failed: {}",
                self.scenario.name(),
                tally.errors,
                tally.reasons.join("; ")
            )),
        }
    }
}
