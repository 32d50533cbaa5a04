use std::time::Duration;

use clap::ValueEnum;
use tokio::time::sleep;

use super::cluster_kind::ClusterKind;
use super::flood::{Flood, Flooded};
use super::stage::Stage;
use crate::BoxError;

/// What happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cluster) enum Scenario {
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
    /// A node and the others do not reach each other; callers and the database reach all. Needs Linux, and the right to
    /// make network namespaces.
    Partition,
    /// Values expire within a stale window, and the database becomes slow and then fails.
    SlowDb,
    /// Many connections to a node send nothing, heads byte by byte, or bodies without end.
    Flood,
    /// Callers ask for a key as it expires, within its stale window.
    Herd,
    /// The same without a stale window.
    HerdWaits,
}

/// The node that something happens to.
pub(super) const VICTIM: usize = 1;

/// How long something lasts.
pub(super) const WHILE: Duration = Duration::from_secs(5);

/// How long a flood lasts: longer than a head may take, so that there is room for more of its connections.
const FLOOD: Duration = Duration::from_secs(25);

/// How long an exchange between nodes may take where one does not answer: less than that lasts.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the slow database takes for a read. Nobody is to wait for it.
pub(super) const SLOW: Duration = Duration::from_secs(2);

impl Scenario {
    pub(super) fn name(self) -> String {
        let name = self.to_possible_value();
        name.map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Whether this can happen to such a cluster at all: values of golang/groupcache do not expire.
    pub(super) fn suits(self, cluster: ClusterKind) -> bool {
        let is_about_expiry = matches!(self, Self::SlowDb | Self::Herd | Self::HerdWaits);
        cluster == ClusterKind::Ours || !is_about_expiry
    }

    /// The flags that our nodes have beside the usual ones.
    pub(super) fn flags(self) -> Vec<String> {
        let ms = |flag: &str, time: Duration| format!("--{flag}={}", time.as_millis());
        match self {
            Self::Stop | Self::Partition => vec![
                ms("request-timeout", REQUEST_TIMEOUT),
                // A peer gives a load up before its callers do.
                ms("load-timeout", REQUEST_TIMEOUT / 2),
            ],
            Self::SlowDb => vec![
                ms("ttl", Duration::from_secs(3)),
                ms("stale", Duration::from_secs(600)),
            ],
            // The key is to expire at a certain moment.
            Self::Herd => vec![
                ms("ttl", super::herd::TTL),
                ms("ttl-jitter", Duration::ZERO),
                ms("stale", Duration::from_secs(600)),
            ],
            Self::HerdWaits => vec![
                ms("ttl", super::herd::TTL),
                ms("ttl-jitter", Duration::ZERO),
            ],
            _ => Vec::new(),
        }
    }

    /// Has it happen, and end.
    pub(super) async fn happen(self, stage: &Stage<'_>) -> Result<Option<Flooded>, BoxError> {
        let Stage {
            nodes, database, ..
        } = stage;
        let mut flooded = None;
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
            Self::Partition => {
                let network = stage.network.as_ref().ok_or("nodes in one network")?;
                network.cut_off(VICTIM).await?;
                sleep(WHILE).await;
                network.heal(VICTIM).await?;
            }
            Self::SlowDb => {
                database.set_delay(SLOW.as_millis() as u64).await?;
                sleep(WHILE).await;
                database.set_failing(true).await?;
                sleep(WHILE).await;
                database.set_failing(false).await?;
                database.set_delay(stage.options.delay).await?;
            }
            Self::Flood => {
                // Its callers come over the same port, and find it full. What they would do is up to them; the other nodes
                // have connections, and go on to ask for what this one owns.
                nodes.avoid(VICTIM);
                let (target, process) = (nodes.address(VICTIM), nodes.process_id(VICTIM).await?);
                let flood = Flood::start(target, process, stage.options.flood_connections)?;
                flooded = Some(flood.watch(FLOOD).await?);
                nodes.welcome(VICTIM);
            }
            Self::Herd | Self::HerdWaits => {}
        }
        sleep(WHILE).await;
        Ok(flooded)
    }
}
