#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

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

pub use byte_view::ByteView;
pub use reader::Reader;
