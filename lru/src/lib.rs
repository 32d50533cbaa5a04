//! A byte-budgeted in-memory store with exact accounting and expiry, single-threaded and sharded.
