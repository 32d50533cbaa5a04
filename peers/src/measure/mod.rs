//! What is measured on the way: how long exchanges take, and what failed last.

mod clock_skew;
mod distribution;
mod failure;
mod histogram;
mod recent;

pub use clock_skew::ClockSkew;
pub use distribution::Distribution;
pub use failure::Failure;
pub use histogram::Histogram;
pub use recent::Recent;
