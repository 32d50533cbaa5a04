use std::fmt;

use peers::BoxFuture;

use crate::{Key, Value};

/// What a getter fails with: any error, or just a text. [`NotFound`] says that there is no value.
pub type GetterError = Box<dyn std::error::Error + Send + Sync>;

/// Loads the value of a key: the user's slow function, called once per key and cluster.
///
/// Every `async` closure from a [`Key`] to a `Result` of something that becomes a [`Value`] is a
/// getter. A getter runs on a task of its own, so it goes on when the caller who started it goes
/// away; it is dropped at the group's [`load_timeout`](crate::GroupBuilder::load_timeout). If it
/// panics, everybody who waits gets an error and the next call runs it afresh.
///
/// ```
/// use groupcache::{Getter, GetterError, Key, NotFound};
///
/// async fn render(key: Key) -> Result<Vec<u8>, GetterError> {
///     match key.to_str()? {
///         "cat.png" => Ok(b"meow".to_vec()),
///         _ => Err(NotFound.into()),
///     }
/// }
///
/// fn takes_a_getter(_: impl Getter) {}
/// takes_a_getter(render);
/// ```
pub trait Getter: Send + Sync + 'static {
    /// Loads the value of `key`.
    ///
    /// # Errors
    ///
    /// [`NotFound`], also as the source of another error, becomes an error with [`is_not_found`](crate::Error::is_not_found) for the
    /// callers, every other one an error with [`is_getter`](crate::Error::is_getter). Neither is
    /// cached or tried again by the group.
    fn get(&self, key: Key) -> impl Future<Output = Result<Value, GetterError>> + Send;
}

impl<F, Fut, V, E> Getter for F
where
    F: Fn(Key) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<V, E>> + Send,
    V: Into<Value>,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        self(key).await.map(V::into).map_err(E::into)
    }
}

/// A getter's way to say that there is no value under the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotFound;

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not found")
    }
}

impl std::error::Error for NotFound {}

/// The object-safe form, as a group keeps it.
pub(crate) trait BoxedGetter: Send + Sync + 'static {
    fn get_boxed(&self, key: Key) -> BoxFuture<'_, Result<Value, GetterError>>;
}

impl<G: Getter> BoxedGetter for G {
    fn get_boxed(&self, key: Key) -> BoxFuture<'_, Result<Value, GetterError>> {
        Box::pin(self.get(key))
    }
}
