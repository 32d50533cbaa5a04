//! The example programs, run as a user would run them: as processes, on free ports.

mod cluster;
mod demo;
mod discovery;
mod flags;
mod frontend;
mod logs;
mod protocols;
mod scaling;
mod support;
