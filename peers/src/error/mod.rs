//! The error of this crate: its kinds, how they are made, and what a caller may ask of one.

mod constructors;
#[expect(
    clippy::module_inception,
    reason = "the file is named after the one thing it holds"
)]
mod error;
mod kind;

pub use error::Error;
