use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Answers, Bulk, Codec, Getter, GetterError, Key, TypedValue, Value};

/// Loads the value of a key: a [`Getter`] that returns a `T`.
///
/// Every `async` closure or function from a [`Key`] to a `Result` of a `T` is a typed getter. One that
/// returns a [`TypedValue`], which has an expiry of its own, is put into [`Expiring`]. A struct with
/// state implements the trait, as it would implement [`Getter`].
///
/// A getter of `Option<T>` makes a group of `Option<T>`, which caches `None` like any other value. A
/// getter that fails with [`NotFound`](crate::NotFound) makes a group of `T`, which caches no absence.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use groupcache::{Expiring, GetterError, Key, NotFound, TypedGetter, TypedValue};
///
/// async fn length(key: Key) -> Result<usize, Infallible> {
///     Ok(key.len())
/// }
///
/// async fn price(_: Key) -> Result<TypedValue<u32>, Infallible> {
///     Ok(TypedValue::from(1250).expires_in(Duration::from_secs(5)))
/// }
///
/// struct Ages(Vec<(String, u8)>);
///
/// impl TypedGetter<u8> for Ages {
///     async fn get(&self, key: Key) -> Result<TypedValue<u8>, GetterError> {
///         let row = self.0.iter().find(|(name, _)| name.as_bytes() == &*key);
///         Ok(row.ok_or(NotFound)?.1.into())
///     }
/// }
///
/// fn takes_a_getter<T>(_: impl TypedGetter<T>) {}
/// takes_a_getter(length);
/// takes_a_getter(Expiring(price));
/// takes_a_getter(Ages(vec![("ada".to_owned(), 36)]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no getter of values of type `{T}`",
    label = "no typed getter",
    note = "a typed getter is an `async` function or closure from a `Key` to a `Result`: \
            `|key: Key| async move {{ Ok::<_, GetterError>(value) }}`",
    note = "a function that returns a `TypedValue` is put into `Expiring`"
)]
pub trait TypedGetter<T>: Send + Sync + 'static {
    /// Loads the value of `key`.
    ///
    /// # Errors
    ///
    /// As [`Getter::get`].
    fn get(&self, key: Key) -> impl Future<Output = Result<TypedValue<T>, GetterError>> + Send;

    /// Loads the values of several keys together. The default loads each on its own.
    ///
    /// # Errors
    ///
    /// As [`Getter::get_many`].
    fn get_many(
        &self,
        keys: Vec<Key>,
    ) -> impl Future<Output = Result<Answers<TypedValue<T>>, GetterError>> + Send {
        drop(keys);
        async { Ok(Answers::one_by_one()) }
    }
}

impl<T, F, Fut, E> TypedGetter<T> for F
where
    F: Fn(Key) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<TypedValue<T>, GetterError> {
        let value = self(key).await.map_err(E::into)?;
        Ok(value.into())
    }
}

/// A [`TypedGetter`] of an `async` function whose values have an expiry of their own: a function that
/// returns a [`TypedValue`].
///
/// This wrapper lets a function without it define the type of the group's values, so that nobody has to
/// write the type out.
#[derive(Clone, Copy, Debug)]
pub struct Expiring<F>(pub F);

impl<T, F, Fut, E> TypedGetter<T> for Expiring<F>
where
    F: Fn(Key) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<TypedValue<T>, E>> + Send,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<TypedValue<T>, GetterError> {
        (self.0)(key).await.map_err(E::into)
    }
}

impl<T, F, Fut, E> TypedGetter<T> for Bulk<F>
where
    F: Fn(Vec<Key>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answers<T>, E>> + Send,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<TypedValue<T>, GetterError> {
        let answers = TypedGetter::<T>::get_many(self, vec![key.clone()]).await;
        answers?.take(&key)
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Answers<TypedValue<T>>, GetterError> {
        let answers = (self.0)(keys).await.map_err(E::into)?;
        Ok(answers.map(|value| Ok(value.into())))
    }
}

impl<T, F, Fut, E> TypedGetter<T> for Expiring<Bulk<F>>
where
    F: Fn(Vec<Key>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answers<TypedValue<T>>, E>> + Send,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<TypedValue<T>, GetterError> {
        self.get_many(vec![key.clone()]).await?.take(&key)
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Answers<TypedValue<T>>, GetterError> {
        (self.0.0)(keys).await.map_err(E::into)
    }
}

/// The getter of the group behind a typed one: the typed getter, with its values in bytes.
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

    async fn get_many(&self, keys: Vec<Key>) -> Result<Answers, GetterError> {
        let answers = self.getter.get_many(keys).await?;
        Ok(answers.map(|value| Ok(value.as_ref().encode(&*self.codec)?)))
    }
}
