use std::ops::Range;

use byteview::ByteView;

use super::info::ObjectInfo;
use super::version::ObjectVersion;
use crate::{GetterError, Key};

/// Where [`Objects`](crate::Objects) come from: says how long an object is, and reads a range of it.
///
/// Its calls are getter calls: each runs once per cluster, on a task of its own, within the group's
/// [`load_timeout`](crate::GroupBuilder::load_timeout), and a panic is an error for those who wait. What
/// [`Getter`](crate::Getter) says of work that blocks and of the request's context holds here too.
///
/// ```
/// use std::collections::HashMap;
/// use std::ops::Range;
/// use std::sync::Mutex;
///
/// use groupcache::{ByteView, GetterError, Key, NotFound, ObjectInfo, ObjectSource, ObjectVersion};
///
/// /// Objects in memory, each with a number that grows with every change.
/// struct Shelf(Mutex<HashMap<String, (u64, ByteView)>>);
///
/// impl Shelf {
///     fn find(&self, name: &Key) -> Result<(ObjectInfo, ByteView), GetterError> {
///         let shelf = self.0.lock().map_err(|_| "the shelf is broken")?;
///         let (number, bytes) = shelf.get(name.to_str()?).ok_or(NotFound)?;
///         let info = ObjectInfo::new(bytes.len() as u64, number.to_string());
///         Ok((info, bytes.clone()))
///     }
/// }
///
/// impl ObjectSource for Shelf {
///     async fn stat(&self, name: Key) -> Result<ObjectInfo, GetterError> {
///         Ok(self.find(&name)?.0)
///     }
///
///     async fn read(
///         &self,
///         name: Key,
///         version: ObjectVersion,
///         range: Range<u64>,
///     ) -> Result<ByteView, GetterError> {
///         let (info, bytes) = self.find(&name)?;
///         if *info.version() != version {
///             return Err(NotFound.into()); // it has changed
///         }
///         let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
///         bytes.checked_slice(range).ok_or_else(|| "a range beyond the end".into())
///     }
/// }
/// ```
///
/// Names come from callers, from peers, and from the paths of HTTP requests. They may be any bytes: a source that makes
/// paths of them refuses those with `..`, and those that begin with a slash.
pub trait ObjectSource: Send + Sync + 'static {
    /// What is known of the object of this name now.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::NotFound) if there is no such object, as of a [`Getter`](crate::Getter). Every other error is
    /// one of the source.
    fn stat(&self, name: Key) -> impl Future<Output = Result<ObjectInfo, GetterError>> + Send;

    /// These bytes of this version of the object: exactly as many as the range has, which is not empty, within the
    /// version's length, and no longer than 64 MiB.
    ///
    /// The bytes must be those of this version. A source that cannot ask for a version (such as a file, which changes
    /// while it is read) looks at the validator again after it has read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::NotFound) if there is no such version any more, because the object has changed or is gone. Every
    /// other error is one of the source. Fewer or more bytes count as a failure.
    fn read(
        &self,
        name: Key,
        version: ObjectVersion,
        range: Range<u64>,
    ) -> impl Future<Output = Result<ByteView, GetterError>> + Send;
}
