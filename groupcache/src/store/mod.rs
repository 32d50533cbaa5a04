//! What a group holds in memory, and below it on disk.

mod aging;
mod below;
mod built_in;
mod cached;
#[cfg(feature = "lz4")]
mod compression;
mod custom;
#[cfg(feature = "disk")]
mod disk;
mod entries;
mod eviction;
mod hit_info;
mod listeners;
mod packing;
mod reach;
mod settings;
mod storage;
mod tier;
mod usage;

pub(crate) use aging::Aging;
pub(crate) use below::Below;
pub use cached::Cached;
#[cfg(feature = "lz4")]
pub use compression::Compression;
pub use custom::{Store, Stored};
#[cfg(feature = "disk")]
pub(crate) use disk::{Disk, Heard};
#[cfg(feature = "disk")]
pub use disk::{DiskOptions, DiskReport, DiskState};
pub use entries::Entries;
pub use eviction::EvictionCause;
pub(crate) use hit_info::HitInfo;
#[cfg(any(test, feature = "testing"))]
pub(crate) use listeners::Listeners;
pub(crate) use reach::Reach;
pub(crate) use settings::StorageSettings;
pub(crate) use storage::Storage;
pub(crate) use tier::Tier;
pub use usage::Usage;
