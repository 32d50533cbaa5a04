use clap::Args;

use super::access::AccessOptions;
use super::client::Client;
use super::cluster::{ClusterOptions, Plan, RingOptions};
use super::failure::Failure;

/// The group whose keys a command is about, in which cluster, and how its nodes are reached.
#[derive(Debug, Args)]
pub(super) struct GroupOptions {
    /// Group [default: the node's, if it has one alone].
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    ring: RingOptions,
    #[command(flatten)]
    access: AccessOptions,
}

impl GroupOptions {
    /// The ring of the group, or of the nodes.
    pub(super) async fn plan(&self) -> Result<Plan, Failure> {
        let (ring, access, group) = (&self.ring, &self.access, self.group.as_deref());
        self.cluster.plan(ring, access, group).await
    }

    /// A client on the ring of a plan.
    pub(super) async fn client(&self, plan: &Plan) -> Result<Client, Failure> {
        Client::join(plan, self.access.load()?).await
    }
}
