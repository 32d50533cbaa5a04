//! Groups whose values are of a type of the user's.
//!
//! Caches and peers see bytes, as always. A [`Codec`] stands between them and the callers: the node that
//! loads a value encodes it once, and each get decodes it.

mod codec;
mod get_many;
mod getter;
mod group;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod message_pack;
#[cfg(feature = "protobuf")]
mod protobuf;
mod raw;
mod text;
mod value;

pub use codec::Codec;
pub use get_many::TypedGetMany;
pub use getter::{Expiring, TypedGetter};
pub use group::TypedGroup;
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "msgpack")]
pub use message_pack::MessagePack;
#[cfg(feature = "protobuf")]
pub use protobuf::Protobuf;
pub use raw::Raw;
pub use text::Text;
pub use value::{ToTypedValue, TypedValue};
