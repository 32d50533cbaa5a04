#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod build;
mod error;
mod grid;
mod hash_fn;
mod labels;
mod owners;
mod page;
mod point;
mod points;
mod ranges;
mod ring;
mod scheme;
mod seats;
mod walk;

pub use error::Error;
pub use hash_fn::HashFn;
pub use labels::Labels;
pub use owners::Owners;
pub use points::MAX_POINTS;
pub use ranges::Ranges;
pub use ring::Ring;
pub use scheme::{Scheme, Ties};
