use std::ops::{Range, RangeBounds};
use std::sync::Arc;

use super::info::ObjectInfo;
use super::object::Object;
use super::piece::info_key;
use super::pieces::Pieces;
use super::reader::ObjectReader;
use super::stream::ObjectStream;
use crate::{Error, Group, Key};

/// A group of objects that are read in pieces, however large they are. Clones are the same group.
///
/// An [`ObjectSource`](crate::ObjectSource) says how long an object is and reads a range of it. The pieces are values of an
/// ordinary [`Group`], spread over the ring by keys of their own: each is loaded once for all nodes, cached, mirrored,
/// evicted and handed over by itself. The [guide](crate::docs::objects) has the whole picture, and a file server.
///
/// ```
/// # use std::ops::Range;
/// # use groupcache::{ByteView, GetterError, Key, Node, NotFound, ObjectInfo, ObjectSource, ObjectVersion};
/// # const BOOK: &str = "Call me Ishmael.";
/// # struct Books;
/// # impl ObjectSource for Books {
/// #     async fn stat(&self, _: Key) -> Result<ObjectInfo, GetterError> {
/// #         Ok(ObjectInfo::new(BOOK.len() as u64, "first edition"))
/// #     }
/// #     async fn read(&self, _: Key, _: ObjectVersion, range: Range<u64>) -> Result<ByteView, GetterError> {
/// #         Ok(ByteView::from(BOOK).slice(range.start as usize..range.end as usize))
/// #     }
/// # }
/// use futures_util::TryStreamExt;
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let books = node.objects("books", 256 << 20, Books).build()?;
///
/// let mut stream = books.read("moby-dick.txt", 8..).await?;
/// while let Some(bytes) = stream.try_next().await? {
///     assert_eq!(bytes, "Ishmael.");
/// }
///
/// let mut reader = books.open("moby-dick.txt").await?; // also an AsyncSeek
/// let mut word = [0; 4];
/// reader.read_exact(&mut word).await?;
/// assert_eq!(word, *b"Call");
/// # Ok(()) }
/// ```
///
/// # One version
///
/// A read is of one version of its object from its first byte to its last, because the key of a piece holds the version's
/// validator. When the source no longer has that version, a read that has yet to give its first byte begins anew with the
/// new one, and every other fails with an error that [`is_changed`](Error::is_changed).
///
/// # Memory
///
/// A reader holds at most [`read_ahead`](crate::ObjectsBuilder::read_ahead) + 1 pieces, whatever the object's size: by default
/// 3 MiB, as long as whoever takes pieces from a stream lets go of each before it asks for the next. That is beside the
/// group's budget, although a piece that is cached on this node is held in common.
#[derive(Clone, Debug)]
pub struct Objects(Pieces);

/// How many pieces a removal names by one message.
const NAMED_TOGETHER: usize = 1024;

/// How many pieces a removal names in all, rather than to clear the group. More would only make every node forget what it
/// knows of other changes.
const MOST_NAMED: u64 = 8 << 10;

impl Objects {
    pub(super) fn new(group: Group, piece_bytes: u64, read_ahead: usize) -> Self {
        Self(Pieces::new(group, piece_bytes, read_ahead))
    }

    /// The group that holds the pieces: its counters, its budget, and the removal of all objects by
    /// [`clear`](Group::clear).
    pub fn group(&self) -> &Group {
        self.0.group()
    }

    /// What the source says of the object, or has said within the last [`info_ttl`](crate::ObjectsBuilder::info_ttl).
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) if there is no such object, [`is_too_large`](Error::is_too_large) if its name
    /// and its validator make longer keys than the group takes, and as [`Group::get`].
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get`].
    pub async fn info(&self, name: impl AsRef<[u8]>) -> Result<ObjectInfo, Error> {
        let object = self.0.object(&Key::from(name.as_ref())).await?;
        Ok(object.info)
    }

    /// A range of the object, in bytes, as a stream, which is also an `AsyncRead` and `AsyncSeek` by
    /// [`into_reader`](ObjectStream::into_reader). Returns when the first piece has come. A range that ends behind the object
    /// ends where the object ends.
    ///
    /// # Errors
    ///
    /// As [`info`](Self::info), and [`is_out_of_range`](Error::is_out_of_range) if the range begins behind the end of the
    /// object, or behind its own. [`is_changed`](Error::is_changed) if the object changes faster than it can be read.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time. Loads that have begun go on, and their pieces are cached.
    pub async fn read(
        &self,
        name: impl AsRef<[u8]>,
        range: impl RangeBounds<u64>,
    ) -> Result<ObjectStream, Error> {
        let name = Key::from(name.as_ref());
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let mut is_again = false;
        loop {
            let object = self.object(&name).await?;
            let range = object.resolve(bounds)?;
            let mut stream = self.stream(object, range, self.0.read_ahead);
            match stream.begin().await {
                Err(error) if error.is_changed() && !is_again => is_again = true,
                outcome => return outcome.map(|()| stream),
            }
        }
    }

    /// The object as a file. Its pieces are fetched when they are read, and ahead once it is read in a row.
    ///
    /// The reader is of the version that the object has now. If it changes, reads of what is not in memory fail, and the
    /// object has to be opened again.
    ///
    /// # Errors
    ///
    /// As [`info`](Self::info).
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get`].
    pub async fn open(&self, name: impl AsRef<[u8]>) -> Result<ObjectReader, Error> {
        let object = self.object(&Key::from(name.as_ref())).await?;
        let range = 0..object.info.len();
        Ok(ObjectReader::new(self.stream(object, range, 0)))
    }

    /// Forgets the object on every node: for those who have changed it, and do not want to wait for the
    /// [`info_ttl`](crate::ObjectsBuilder::info_ttl).
    ///
    /// Once this returns `Ok`, reads that begin on any node are of what the source has had since this call began. That
    /// includes an object whose bytes were changed, against the rules, under the same validator: the pieces of the version
    /// that the source has now are removed too, and loaded again. A read that began before goes on with its version, and
    /// in that last case alone may give bytes of both.
    ///
    /// Each node gets a message for each 1,024 pieces that the object has now. Of an object with more than 8,192 pieces,
    /// the whole group is cleared instead.
    ///
    /// # Errors
    ///
    /// As [`Group::remove`], and those of the source when it is asked for the object; "not found" is no error. Some of it
    /// may be removed then.
    ///
    /// # Cancel safety
    ///
    /// A removal that has begun goes on when the future is dropped.
    pub async fn remove(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        let (objects, name) = (self.clone(), Key::from(name.as_ref()));
        let removal = async move { objects.remove_now(&name).await };
        let task = self.group().spawn(removal);
        task.await.unwrap_or_else(|_| Err(Error::abandoned()))
    }

    async fn remove_now(&self, name: &Key) -> Result<(), Error> {
        let info = self.group().remove(info_key(name)).await;
        let object = match self.0.object(name).await {
            Err(error) if error.is_not_found() => return info,
            object => object?,
        };
        if object.pieces() > MOST_NAMED {
            return info.and(self.group().clear().await);
        }
        let mut pieces = (0..object.pieces()).map(|index| object.piece(index).key());
        let mut outcome = info;
        loop {
            let keys: Vec<Key> = pieces.by_ref().take(NAMED_TOGETHER).collect();
            if keys.is_empty() {
                return outcome;
            }
            outcome = outcome.and(self.group().remove_many(keys).await);
        }
    }

    pub(super) async fn object(&self, name: &Key) -> Result<Arc<Object>, Error> {
        self.0.object(name).await.map(Arc::new)
    }

    /// A range within the object, with so many pieces ahead before the first is read.
    pub(super) fn stream(
        &self,
        object: Arc<Object>,
        range: Range<u64>,
        ahead: usize,
    ) -> ObjectStream {
        ObjectStream::new(self.0.clone(), object, range, ahead)
    }

    #[cfg(feature = "objects-http")]
    pub(super) fn read_ahead(&self) -> usize {
        self.0.read_ahead
    }
}
