use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Codec, Getter, GetterError, Key, TypedValue, Value};

/// Loads the value of a key: a [`Getter`] that returns a `T`.
///
/// Every `async` closure from a [`Key`] to a `Result` of a `T`, or of a [`TypedValue`] of one, is a
/// typed getter.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use groupcache::{Key, TypedGetter, TypedValue};
///
/// async fn length(key: Key) -> Result<usize, Infallible> {
///     Ok(key.len())
/// }
///
/// async fn price(_: Key) -> Result<TypedValue<u32>, Infallible> {
///     Ok(TypedValue::from(1250).expires_in(Duration::from_secs(5)))
/// }
///
/// fn takes_a_getter<T>(_: impl TypedGetter<T>) {}
/// takes_a_getter::<usize>(length);
/// takes_a_getter::<u32>(price);
/// ```
pub trait TypedGetter<T>: Send + Sync + 'static {
    /// Loads the value of `key`.
    ///
    /// # Errors
    ///
    /// As [`Getter::get`].
    fn get(&self, key: Key) -> impl Future<Output = Result<TypedValue<T>, GetterError>> + Send;
}

impl<T, F, Fut, V, E> TypedGetter<T> for F
where
    F: Fn(Key) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<V, E>> + Send,
    V: Into<TypedValue<T>>,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<TypedValue<T>, GetterError> {
        self(key).await.map(V::into).map_err(E::into)
    }
}

/// The getter that the group sees: the typed one, and its values in bytes.
pub(super) struct Encoded<T, C, G> {
    pub(super) getter: G,
    pub(super) codec: Arc<C>,
    pub(super) value: PhantomData<fn() -> T>,
}

impl<T, C, G> Getter for Encoded<T, C, G>
where
    T: 'static,
    C: Codec<T>,
    G: TypedGetter<T>,
{
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        let value = self.getter.get(key).await?;
        Ok(value.as_ref().encode(&*self.codec)?)
    }
}
