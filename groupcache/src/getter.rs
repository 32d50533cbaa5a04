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
///
/// # The request's context
///
/// [`Context::current`](crate::Context::current) is, in a getter, the context of the request that
/// set the load off: what [`HttpOptions::on_request`](crate::HttpOptions::on_request) attached to a
/// peer's request, or what a caller on this node put around its get with
/// [`Context::scope`](crate::Context::scope). Otherwise it is empty; a caller's context does not
/// travel to another node. It is not a parameter, so that closures and
/// [typed getters](crate::TypedGetter) see it too, and so does what they call.
///
/// Several requests that miss a key at once share one load, and those that come later its value: a
/// getter sees the context of the first alone. So a context may say on whose behalf a load is made,
/// as a trace or a log does, and may not decide what is loaded. What a value depends on belongs
/// into its key, and who may see it is for the hook to say, which sees every request.
///
/// ```
/// use std::convert::Infallible;
/// use groupcache::{Context, Key, Node};
///
/// struct RequestId(u64);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let group = node.group("g", 1 << 20, |key: Key| async move {
///     let context = Context::current();
///     let id = context.get::<RequestId>().map_or(0, |id| id.0);
///     Ok::<_, Infallible>(format!("{key} was loaded for request {id}"))
/// });
/// let group = group.build()?;
///
/// let value = Context::new(RequestId(17)).scope(group.get("k")).await?;
/// assert_eq!(value, "k was loaded for request 17");
/// let value = Context::new(RequestId(18)).scope(group.get("k")).await?;
/// assert_eq!(value, "k was loaded for request 17");
/// # Ok(()) }
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
