use std::time::{Duration, SystemTime};

use crate::value::Expiry;
use crate::{Codec, Error, Value};

/// A `T`, and optionally how long it stays fresh: a [`Value`] before it is encoded.
///
/// A getter in [`Expiring`](crate::Expiring) returns one, and
/// [`TypedGroup::set`](crate::TypedGroup::set) takes one.
///
/// ```
/// use std::time::Duration;
/// use groupcache::TypedValue;
///
/// let price = TypedValue::from(1250_u32).expires_in(Duration::from_secs(5));
/// assert_eq!(price.into_inner(), 1250);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypedValue<T> {
    inner: T,
    expiry: Expiry,
}

impl<T> TypedValue<T> {
    /// The value, without the rest.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// As [`Value::expires_in`].
    pub fn expires_in(mut self, after: Duration) -> Self {
        self.expiry = Expiry::In(after);
        self
    }

    /// As [`Value::expires_at`].
    pub fn expires_at(mut self, moment: SystemTime) -> Self {
        self.expiry = Expiry::At(moment);
        self
    }

    /// As [`Value::never_expires`].
    pub fn never_expires(mut self) -> Self {
        self.expiry = Expiry::Never;
        self
    }

    /// The same value, borrowed.
    pub(super) fn as_ref(&self) -> TypedValue<&T> {
        TypedValue {
            inner: &self.inner,
            expiry: self.expiry,
        }
    }
}

impl<T> TypedValue<&T> {
    /// The same value in bytes.
    pub(super) fn encode<C: Codec<T>>(&self, codec: &C) -> Result<Value, Error> {
        match codec.encode(self.inner) {
            Ok(bytes) => Ok(Value::with_expiry(bytes, self.expiry)),
            Err(error) => Err(Error::encode::<T, C>(error)),
        }
    }
}

impl<T> From<T> for TypedValue<T> {
    fn from(inner: T) -> Self {
        Self {
            inner,
            expiry: Expiry::default(),
        }
    }
}

/// A value to [set](crate::TypedGroup::set): a `T` or a `&T`, or a [`TypedValue`] of either.
pub trait ToTypedValue<T> {
    /// The value and its expiry.
    fn to_typed_value(&self) -> TypedValue<&T>;
}

impl<T> ToTypedValue<T> for T {
    fn to_typed_value(&self) -> TypedValue<&T> {
        self.into()
    }
}

impl<T> ToTypedValue<T> for &T {
    fn to_typed_value(&self) -> TypedValue<&T> {
        (*self).into()
    }
}

impl<T> ToTypedValue<T> for TypedValue<T> {
    fn to_typed_value(&self) -> TypedValue<&T> {
        self.as_ref()
    }
}

impl<T> ToTypedValue<T> for TypedValue<&T> {
    fn to_typed_value(&self) -> TypedValue<&T> {
        *self
    }
}
