use peers::BoxFuture;

use crate::{Answers, GetterError, Key, Value};

/// Loads the value of a key: the user's slow function, called once per key and cluster.
///
/// Every `async` closure or function from a [`Key`] to a `Result` of something that becomes a
/// [`Value`] is a getter. A getter runs on a task of its own, so it goes on when the caller who
/// started it goes away. It is dropped at the group's
/// [`load_timeout`](crate::GroupBuilder::load_timeout). If it panics, all callers that wait for it get
/// an error, and the next call runs it afresh.
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
/// # A getter with state
///
/// A connection pool, or whatever else a getter needs, is part of a struct that implements the trait,
/// or is cloned into a closure for each call.
///
/// ```
/// use groupcache::{Getter, GetterError, Key, Node, NotFound, Value};
/// # #[derive(Clone)] struct Pool;
/// # impl Pool {
/// #     async fn connect(_: &str) -> Result<Self, std::io::Error> { Ok(Self) }
/// #     async fn find(&self, id: u64) -> Result<Option<String>, std::io::Error> {
/// #         Ok((id == 17).then(|| "Ada Lovelace".to_owned()))
/// #     }
/// # }
///
/// struct Users {
///     pool: Pool,
/// }
///
/// impl Getter for Users {
///     async fn get(&self, key: Key) -> Result<Value, GetterError> {
///         let name = self.pool.find(key.parse()?).await?;
///         Ok(name.ok_or(NotFound)?.into())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let pool = Pool::connect("postgres://localhost").await?;
///
/// let by_struct = node.group("a", 1 << 20, Users { pool: pool.clone() }).build()?;
/// let by_closure = node
///     .group("b", 1 << 20, move |key: Key| {
///         let pool = pool.clone();
///         async move {
///             let name = pool.find(key.parse()?).await?;
///             name.ok_or_else(|| GetterError::from(NotFound))
///         }
///     })
///     .build()?;
///
/// assert_eq!(by_struct.get(Key::from(17)).await?, "Ada Lovelace");
/// assert_eq!(by_closure.get("17").await?, "Ada Lovelace");
/// assert!(by_closure.get("18").await.unwrap_err().is_not_found());
/// # Ok(()) }
/// ```
///
/// # A getter that loads several keys together
///
/// A query for a hundred rows is cheaper than a hundred queries. A getter that implements
/// [`get_many`](Self::get_many) is given the keys that a [`Group::get_many`](crate::Group::get_many) misses, on
/// this node or on another, together. [`Bulk`](crate::Bulk) makes such a getter of one function.
///
/// ```
/// use groupcache::{Answers, Getter, GetterError, Key, NotFound, Value};
/// # struct Pool;
/// # impl Pool {
/// #     async fn find(&self, id: u64) -> Result<Option<String>, std::io::Error> { Ok(None) }
/// #     async fn find_all(&self, ids: &[u64]) -> Result<Vec<(u64, String)>, std::io::Error> { Ok(vec![]) }
/// # }
///
/// struct Users {
///     pool: Pool,
/// }
///
/// impl Getter for Users {
///     async fn get(&self, key: Key) -> Result<Value, GetterError> {
///         let name = self.pool.find(key.parse()?).await?;
///         Ok(name.ok_or(NotFound)?.into())
///     }
///
///     async fn get_many(&self, keys: Vec<Key>) -> Result<Answers, GetterError> {
///         let (mut answers, mut ids) = (Answers::new(), Vec::new());
///         for key in keys {
///             match key.parse::<u64>() {
///                 Ok(id) => ids.push(id),
///                 Err(error) => answers.fail(key, error), // the other keys have values all the same
///             }
///         }
///         for (id, name) in self.pool.find_all(&ids).await? {
///             answers.insert(id, name);
///         }
///         Ok(answers.or_not_found())
///     }
/// }
/// ```
///
/// # A getter that finds nothing
///
/// [`NotFound`](crate::NotFound) is the answer for a key without a value. A lookup that returns an `Option` becomes a
/// getter by `.ok_or(NotFound)?`, as above. `NotFound` may be inside of another error: of an
/// `anyhow::Error` or `eyre::Report`, with or without context, of an error by thiserror, or of
/// anything else whose [`source`](std::error::Error::source) leads to it. A getter that asks another
/// group passes on that group's "not found" in the same ways.
///
/// # A getter that blocks
///
/// Work that blocks its thread, such as a synchronous database client or an image decoder, belongs
/// on [`spawn_blocking`](tokio::task::spawn_blocking). With `anyhow`, as with any other error type,
/// the `?` works as usual:
///
/// ```
/// use anyhow::Context;
/// use groupcache::{Key, Node, NotFound};
///
/// fn read(path: &str) -> std::io::Result<Option<Vec<u8>>> {
/// #   return Ok((path == "cat.png").then(|| b"meow".to_vec()));
///     // blocks
/// }
///
/// async fn load(key: Key) -> anyhow::Result<Vec<u8>> {
///     let path = key.to_str()?.to_owned();
///     let file = tokio::task::spawn_blocking(move || read(&path)).await?;
///     let bytes = file.context("reading a file")?.ok_or(NotFound)?;
///     Ok(bytes)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let files = node.group("files", 1 << 20, load).build()?;
/// assert_eq!(files.get("cat.png").await?, "meow");
/// assert!(files.get("dog.png").await.unwrap_err().is_not_found());
/// # Ok(()) }
/// ```
///
/// # The request's context
///
/// In a getter, [`Context::current`](crate::Context::current) is the context of the request that
/// started the load. [`HttpOptions::on_request`](crate::HttpOptions::on_request) attaches a context to
/// a peer's request, and [`Context::scope`](crate::Context::scope) to a get on this node. Otherwise the
/// context is empty; a caller's context does not travel to another node. It is not a parameter, so
/// that closures, [typed getters](crate::TypedGetter) and the functions that they call see it too.
///
/// Requests that miss a key at the same time share one load, and later ones share its value: a getter
/// sees the context of the first request alone. So a context may say on whose behalf a load is made,
/// for a trace or a log, and must not decide what is loaded. Everything that a value depends on belongs
/// into its key. The hook, which sees every request of a peer, decides who may see a value.
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
    /// For the callers, [`NotFound`](crate::NotFound), also inside of another error, becomes an error that
    /// [`is_not_found`](crate::Error::is_not_found), and every other error one that
    /// [`is_getter`](crate::Error::is_getter). The group caches neither. After a failure it pauses, as
    /// [`failure_pause`](crate::GroupBuilder::failure_pause) says.
    fn get(&self, key: Key) -> impl Future<Output = Result<Value, GetterError>> + Send;

    /// Loads the values of several keys together: at most as many as the group's
    /// [`max_bulk_load_keys`](crate::GroupBuilder::max_bulk_load_keys), none of them twice. Each key has
    /// an outcome of its own.
    ///
    /// The keys share one [`load_timeout`](crate::GroupBuilder::load_timeout). If the call panics, all its keys
    /// have an error that [`is_getter_panic`](crate::Error::is_getter_panic).
    ///
    /// A load of these keys may ask the group for other keys, and must not for one of its own, which would wait for
    /// itself.
    ///
    /// The default is [`Answers::one_by_one`]: [`get`](Self::get) loads each key on its own.
    ///
    /// # Errors
    ///
    /// An error is the outcome of all keys, as that of [`get`](Self::get) is of one: it is for a query that fails
    /// as a whole. The error of one key is passed to [`Answers::fail`].
    fn get_many(
        &self,
        keys: Vec<Key>,
    ) -> impl Future<Output = Result<Answers, GetterError>> + Send {
        drop(keys);
        async { Ok(Answers::one_by_one()) }
    }
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

/// The object-safe form, as a group keeps it.
pub(crate) trait BoxedGetter: Send + Sync + 'static {
    fn get_boxed(&self, key: Key) -> BoxFuture<'_, Result<Value, GetterError>>;

    fn get_many_boxed(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Answers, GetterError>>;
}

impl<G: Getter> BoxedGetter for G {
    fn get_boxed(&self, key: Key) -> BoxFuture<'_, Result<Value, GetterError>> {
        Box::pin(self.get(key))
    }

    fn get_many_boxed(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Answers, GetterError>> {
        Box::pin(self.get_many(keys))
    }
}
