//! Concurrent async calls with one key become one call: duplicate suppression that survives cancellation and panics.
