//! What a group holds in memory.

mod built_in;
mod custom;
mod hit_info;
mod settings;
mod storage;
mod tier;
mod usage;

pub use custom::{Store, Stored};
pub(crate) use hit_info::HitInfo;
pub(crate) use settings::StorageSettings;
pub(crate) use storage::Storage;
pub(crate) use tier::Tier;
pub use usage::Usage;
