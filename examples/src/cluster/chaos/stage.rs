use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cluster_kind::ClusterKind;
use super::herd;
use super::network::Network;
use super::outcome::{Outcome, Phase};
use super::scenario::{Scenario, VICTIM};
use crate::BoxError;
use crate::client::Client;
use crate::cluster::Options;
use crate::cluster::crowd::{Crowd, Load};
use crate::cluster::database::Database;
use crate::cluster::nodes::Nodes;
use crate::cluster::plan::Plan;

/// What a scenario needs.
pub(super) struct Stage<'a> {
    pub(super) options: &'a Options,
    pub(super) kind: ClusterKind,
    pub(super) nodes: Arc<Nodes>,
    pub(super) crowd: Crowd,
    pub(super) database: Database,
    /// If the nodes have networks of their own.
    pub(super) network: Option<Network>,
}

impl Stage<'_> {
    pub(super) async fn perform(&self, scenario: Scenario) -> Result<Outcome, BoxError> {
        match scenario {
            Scenario::Herd | Scenario::HerdWaits => herd::perform(self, scenario).await,
            _ => self.perform_under_load(scenario).await,
        }
    }

    /// Warms the cluster up, and puts it under half of the load that it can bear before, while and after something
    /// happens.
    async fn perform_under_load(&self, scenario: Scenario) -> Result<Outcome, BoxError> {
        let options = self.options;
        self.crowd.warm_up(options.keys as usize).await?;
        let victims_keys = self.loads_of(VICTIM).await?;
        let capacity = self.crowd.capacity(options.plan()).await?;
        let plan = || options.plan().paced(capacity / 2.0);

        let mut phases = Vec::new();
        let load = async { Ok((self.crowd.load(plan()).await, ())) };
        phases.push(self.phase("before", load).await?.0);

        let is_over = Arc::new(AtomicBool::new(false));
        let during = async {
            let load = self.crowd.load(Plan {
                requests: u64::MAX,
                limit: Duration::MAX,
                is_over: Arc::clone(&is_over),
                ..plan()
            });
            let event = async {
                let done = scenario.happen(self).await;
                is_over.store(true, Ordering::SeqCst);
                done
            };
            let (load, event) = tokio::join!(load, event);
            event.map(|flooded| (load, flooded))
        };
        let (phase, flooded) = self.phase("during", during).await?;
        phases.push(phase);

        let load = async { Ok((self.crowd.load(plan()).await, ())) };
        phases.push(self.phase("after", load).await?.0);
        Ok(Outcome {
            scenario,
            kind: self.kind,
            keys: options.keys.into(),
            has_standby: options.standby && self.kind == ClusterKind::Ours,
            victims_keys: Some(victims_keys),
            capacity: Some(capacity),
            phases,
            flooded,
        })
    }

    /// A phase, and what else came of it.
    pub(super) async fn phase<T>(
        &self,
        name: &'static str,
        load: impl Future<Output = Result<(Load, T), BoxError>>,
    ) -> Result<(Phase, T), BoxError> {
        let before = self.database.reads().await?.all();
        let (load, more) = load.await?;
        let reads = self.database.reads().await?.all() - before;
        Ok((Phase { name, load, reads }, more))
    }

    /// How many values a node has loaded: after the warm-up, as many as it owns.
    async fn loads_of(&self, node: usize) -> Result<u64, BoxError> {
        let stats = self.nodes.stats(&Client::new()).await;
        let loads = stats
            .get(node)
            .and_then(|stats| stats["getter_calls"].as_u64());
        Ok(loads.ok_or("a node does not tell how many values it has loaded")?)
    }
}
