//! A disk below memory: what goes there and comes back, what is there again after a restart, and what is not.

#[path = "../common/mod.rs"]
mod common;
mod harm;
mod kill;
mod restart;
mod support;
mod together;
mod trouble;
mod values;
