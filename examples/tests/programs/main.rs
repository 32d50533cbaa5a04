//! The example programs, run as a user would run them: as processes, on free ports.

mod cluster;
mod demo;
mod deployment;
mod discovery;
mod flags;
mod frontend;
mod logs;
mod observability;
mod protocols;
mod scaling;
mod service;
mod support;
mod thumbnails;
