//! What the service is about.

use serde::{Deserialize, Serialize};

/// A user; the cache has it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) email: String,
}

/// A product: a protobuf message in the cache, and JSON for users. A field keeps its number for good, so that old
/// and new versions of the service read each other's bytes while one replaces the other.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(uint32, tag = "2")]
    pub(super) price_cents: u32,
    #[prost(uint32, tag = "3")]
    #[serde(default)]
    pub(super) in_stock: u32,
}

/// The value of a name in the configuration.
pub(super) type Setting = serde_json::Value;
