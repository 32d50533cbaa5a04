//! A distributed, read-through cache that lives inside your application.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod clock;
mod entry;
mod error;
mod getter;
mod group;
mod key;
mod lifetime;
mod node;
mod promoter;
mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod value;

pub use byteview::{ByteView, Reader};
pub use entry::{Entry, Source};
pub use error::Error;
pub use getter::{Getter, GetterError, NotFound};
pub use group::{Group, GroupBuilder};
pub use key::Key;
pub use lru::{Clock, ManualClock, SystemClock};
pub use node::{Node, NodeBuilder};
pub use peers::{CircuitOptions, HttpOptions, HttpService, Member, Protocol, Transport};
pub use promoter::{Always, Candidate, Never, OneInTen, Promoter};
pub use stats::Stats;
pub use value::Value;
