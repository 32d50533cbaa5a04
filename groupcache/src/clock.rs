use std::sync::Arc;

/// The clock of a node and its groups.
pub(crate) type SharedClock = Arc<dyn lru::Clock + Send + Sync>;
