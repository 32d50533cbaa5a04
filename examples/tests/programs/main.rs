//! The example programs, run as a user would run them: as processes, on free ports.

mod browser;
mod cluster;
mod demo;
mod deployment;
mod discovery;
mod files;
mod flags;
mod frontend;
mod logs;
mod observability;
mod page;
mod protocols;
mod scaling;
mod secure;
mod service;
mod support;
mod thumbnails;
mod tool;
#[cfg(feature = "otlp")]
mod traces;
