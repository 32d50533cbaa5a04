//! Fakes that are part of the product: a whole cluster in one process.

mod cluster;

pub use cluster::{Cluster, ClusterBuilder};
