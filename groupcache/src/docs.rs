//! Guides: what does not belong to one type.
//!
//! - [`getting_started`]: a service of your own, from an empty folder to two nodes.
//! - [`objects`]: large objects, read in ranges, and a file server.
//! - [`budget`]: how many bytes for each group, and how to see whether that is right.
//! - [`disk`]: a disk below memory: what goes there, what is there again after a restart.
//! - [`kubernetes`]: pods as nodes, from the manifest to a rolling update.
//! - [`watch`]: what to look at, and what to alert on.
//! - [`test_your_service`]: a cluster in one process, a clock to move, a network that fails.
//! - [`beside_others`]: with moka, redis or memcached, and when not to use this.
//! - [`move_from_go`]: replace the Go programs of a cluster node by node.
//! - [`protocols`]: which wire format to choose, what each carries, notes on the Go programs.
//! - [`promises`]: consistency, staleness after a missed invalidation, failures, limits.
//! - [`secure`]: who may talk to a node: a shared token, certificates on both sides, their renewal.
//! - [`features`]: what the groupcache family has, row by row, and where it is here.
//!
//! The settings are described where they are made: [`GroupBuilder`](crate::GroupBuilder),
//! [`NodeBuilder`](crate::NodeBuilder), [`HttpOptions`](crate::HttpOptions) and
//! [`CircuitOptions`](crate::CircuitOptions).

#[doc = include_str!("../docs/getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("../docs/objects.md")]
pub mod objects {}

#[doc = include_str!("../docs/budget.md")]
pub mod budget {}

#[doc = include_str!("../docs/disk.md")]
#[cfg_attr(not(feature = "disk"), doc = "\n\nThis needs the feature `disk`.")]
pub mod disk {}

#[doc = include_str!("../docs/kubernetes.md")]
pub mod kubernetes {}

#[doc = include_str!("../docs/watch.md")]
pub mod watch {}

#[doc = include_str!("../docs/test_your_service.md")]
pub mod test_your_service {}

#[doc = include_str!("../docs/beside_others.md")]
pub mod beside_others {}

#[doc = include_str!("../docs/move_from_go.md")]
pub mod move_from_go {}

#[doc = include_str!("../docs/protocols.md")]
pub mod protocols {}

#[doc = include_str!("../docs/promises.md")]
pub mod promises {}

#[doc = include_str!("../docs/secure.md")]
pub mod secure {}

#[doc = include_str!("../docs/features.md")]
pub mod features {}
