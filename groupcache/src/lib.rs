//! A distributed, read-through cache that lives inside your application and computes an expensive value once per cluster.
