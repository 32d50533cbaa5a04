//! Limits and time-outs of the HTTP toolkit: the options and their checks, and their setters by the side
//! that they concern.

mod client;
mod credentials;
mod http_options;
mod limits;
mod server;

pub use http_options::HttpOptions;
