use byteview::ByteView;

use crate::GetterError;

/// How values of type `T` become bytes and come back: what makes a group a
/// [`TypedGroup`](crate::TypedGroup).
///
/// Ready-made are [`Raw`](crate::Raw) and [`Text`](crate::Text), and with the feature of that name
/// `Json`, `MessagePack` (`msgpack`) and `Protobuf`.
///
/// All nodes must agree on a group's encoding, also while a new version of the program is rolled
/// out. Where the old one cannot read what the new one writes, give the group or its keys a new
/// name.
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

    /// The value that has these bytes, which may come from a peer: they can be anything. They are
    /// shared with the cache, so a value may keep slices of them without copying.
    ///
    /// # Errors
    ///
    /// When no value has them.
    fn decode(&self, bytes: ByteView) -> Result<T, Self::DecodeError>;
}
