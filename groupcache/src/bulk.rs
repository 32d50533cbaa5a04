use crate::{Answers, Getter, GetterError, Key, Value};

/// A [`Getter`] of one `async` function that loads several keys together, and a single key as well.
///
/// Misses of [`Group::get_many`](crate::Group::get_many) reach the function together, and so do those that other
/// nodes ask this node for in one round.
///
/// ```
/// use groupcache::{Answers, Bulk, GetterError, Key, Node};
/// # struct Pool;
/// # impl Pool {
/// #     async fn users(&self, ids: &[u64]) -> Result<Vec<(u64, String)>, GetterError> {
/// #         Ok(ids.iter().filter(|id| **id < 20).map(|id| (*id, format!("user {id}"))).collect())
/// #     }
/// # }
/// # static POOL: Pool = Pool;
///
/// async fn load_users(keys: Vec<Key>) -> Result<Answers, GetterError> {
///     let (mut answers, mut ids) = (Answers::new(), Vec::new());
///     for key in keys {
///         match key.parse::<u64>() {
///             Ok(id) => ids.push(id),
///             Err(error) => answers.fail(key, error), // the other keys have values all the same
///         }
///     }
///     for (id, name) in POOL.users(&ids).await? {
///         answers.insert(id, name); // select id, name from users where id = any($1)
///     }
///     Ok(answers.or_not_found())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let users = node.group("users", 1 << 20, Bulk(load_users)).build()?;
///
/// let found = users.get_many(["17", "18", "99", "Ada"]).await;
/// assert_eq!(found[0].as_ref().unwrap(), "user 17");
/// assert_eq!(found[1].as_ref().unwrap(), "user 18");
/// assert!(found[2].as_ref().unwrap_err().is_not_found());
/// assert!(found[3].as_ref().unwrap_err().is_getter());
/// assert_eq!(users.stats().getter_calls, 1);
/// # Ok(()) }
/// ```
///
/// An error that the function returns is that of all keys: [`Answers::fail`] is for the error of one.
///
/// In a [typed group](crate::Node::typed_group) the function returns `Answers<T>`; in
/// [`Expiring`](crate::Expiring)`(Bulk(function))`, an `Answers<TypedValue<T>>`.
#[derive(Clone, Copy, Debug)]
pub struct Bulk<F>(pub F);

impl<F, Fut, E> Getter for Bulk<F>
where
    F: Fn(Vec<Key>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answers, E>> + Send,
    E: Into<GetterError>,
{
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        self.get_many(vec![key.clone()]).await?.take(&key)
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Answers, GetterError> {
        (self.0)(keys).await.map_err(E::into)
    }
}
