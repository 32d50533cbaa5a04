//! What a group holds in memory.

mod aging;
mod built_in;
mod cached;
#[cfg(feature = "lz4")]
mod compression;
mod custom;
mod entries;
mod eviction;
mod hit_info;
mod packing;
mod settings;
mod storage;
mod tier;
mod usage;

pub(crate) use aging::Aging;
pub use cached::Cached;
#[cfg(feature = "lz4")]
pub use compression::Compression;
pub use custom::{Store, Stored};
pub use entries::Entries;
pub use eviction::EvictionCause;
pub(crate) use hit_info::HitInfo;
pub(crate) use settings::StorageSettings;
pub(crate) use storage::Storage;
pub(crate) use tier::Tier;
pub use usage::Usage;
