//! Fakes that are part of the product: a whole cluster in one process, and a network without ports.

mod candidates;
#[allow(
    clippy::expect_used,
    reason = "a test that is set up wrongly had better stop"
)]
mod cluster;
mod in_process;
mod map_store;

pub use candidates::{Candidates, Demand};
pub use cluster::{Cluster, ClusterBuilder};
pub use map_store::MapStore;
pub use peers::testing::{Network, NetworkConnector, NetworkListener, Registry, RegistrySource};
