use byteview::ByteView;

use crate::GetterError;

/// How values of type `T` become bytes and come back, for a [`TypedGroup`](crate::TypedGroup).
///
/// [`Raw`](crate::Raw) and [`Text`](crate::Text) are always there. `Json`, `MessagePack` and `Protobuf`
/// come with the features `json`, `msgpack` and `protobuf`.
///
/// All nodes should agree on a group's encoding, also while a new version of the program is rolled
/// out. A node that cannot decode another node's bytes [loads the value
/// itself](crate::TypedGroup#bytes-that-do-not-decode). A node that decodes them to a wrong value
/// notices nothing: if the same bytes mean something else in the new version, give the group or its
/// keys a new name.
///
/// ```
/// use std::array::TryFromSliceError;
/// use std::convert::Infallible;
///
/// use groupcache::{ByteView, Codec};
///
/// struct BigEndian;
///
/// impl Codec<u64> for BigEndian {
///     type EncodeError = Infallible;
///     type DecodeError = TryFromSliceError;
///
///     fn encode(&self, value: &u64) -> Result<ByteView, Infallible> {
///         Ok(value.to_be_bytes().to_vec().into())
///     }
///
///     fn decode(&self, bytes: ByteView) -> Result<u64, TryFromSliceError> {
///         bytes[..].try_into().map(u64::from_be_bytes)
///     }
/// }
///
/// let bytes = BigEndian.encode(&7)?;
/// assert_eq!(BigEndian.decode(bytes)?, 7);
/// assert!(BigEndian.decode("seven".into()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// Why a value has no encoding.
    type EncodeError: Into<GetterError>;

    /// Why bytes are not those of a value.
    type DecodeError: Into<GetterError>;

    /// The bytes of a value.
    ///
    /// # Errors
    ///
    /// When this value has none.
    fn encode(&self, value: &T) -> Result<ByteView, Self::EncodeError>;

    /// The value that has these bytes. The bytes may come from a peer, so they can be anything. They
    /// are shared with the cache, so that a value may keep slices of them without copying.
    ///
    /// # Errors
    ///
    /// When no value has these bytes.
    fn decode(&self, bytes: ByteView) -> Result<T, Self::DecodeError>;
}
