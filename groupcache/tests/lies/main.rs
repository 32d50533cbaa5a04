//! False requests and answers. Each gets the documented answer, and leaves no entry behind.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod requests;
mod wire;
