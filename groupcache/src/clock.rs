use std::sync::Arc;

/// The clock of a node and its groups.
pub(crate) type SharedClock = Arc<dyn lru::Clock + Send + Sync>;

/// The time for the rules of coherence, which go by the timers of the runtime.
pub(crate) fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
