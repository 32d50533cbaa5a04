//! The example programs, as functions: each binary under `bin/` is one call to its module here, so
//! that [`cluster`] can start a database server and nodes as processes of its own executable.
#![forbid(unsafe_code)]

pub mod cli;
pub mod cluster;
pub mod dbserver;
pub mod files;
pub mod frontend;
pub mod mixed;
pub mod owner;
pub mod program;
pub mod scaling;
pub mod service;
pub mod thumbnails;

mod client;
mod escape;
mod folder;
mod go;
mod node_options;
mod server;
mod traces;
mod zipf;

/// Any error, for programs that only print it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
