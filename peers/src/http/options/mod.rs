//! Limits and time-outs, a file for each side that they concern.

mod http_options;

pub use http_options::HttpOptions;
