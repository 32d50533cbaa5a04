#![doc = include_str!("../README.md")]
#![deny(unsafe_code)] // but for `arena`
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arena;
#[cfg(feature = "axum")]
mod axum;
mod byte_view;
mod cmp;
mod compact;
mod convert;
mod fmt;
mod reader;
#[cfg(feature = "serde")]
mod serde;

pub use arena::{Arena, ArenaUsage, Kept, KeptView, Moving, Tables};
pub use byte_view::ByteView;
pub use reader::Reader;
