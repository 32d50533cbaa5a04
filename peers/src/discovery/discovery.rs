use std::fmt;
use std::pin::Pin;

use futures_util::Stream;

use crate::{BoxFuture, Error, Member};

/// The lists of a source, one after the other: what [`Discovery::lists`] returns.
pub type MemberLists = Pin<Box<dyn Stream<Item = Result<Vec<Member>, Error>> + Send>>;

/// Says which members the cluster has: a stream of lists, and a place where a node announces itself.
///
/// One task drives a source: it takes one list after the other, joins meanwhile, and leaves at the end. What the source
/// needs besides, such as keeping a lease alive, happens in tasks of its own that end when it is dropped.
///
/// ```
/// use std::time::Duration;
///
/// use futures_util::{StreamExt as _, stream};
/// use peers::{Discovery, Error, Member, MemberLists};
/// # async fn ask_a_registry() -> Result<Vec<Member>, Error> { Ok(Vec::new()) }
///
/// /// Asks a registry every five seconds.
/// #[derive(Debug)]
/// struct Polled;
///
/// impl Discovery for Polled {
///     fn lists(&mut self) -> MemberLists {
///         let pauses = stream::iter([0]).chain(stream::repeat(5));
///         let lists = pauses.then(async |seconds| {
///             tokio::time::sleep(Duration::from_secs(seconds)).await;
///             ask_a_registry().await
///         });
///         Box::pin(lists)
///     }
/// }
/// # Polled.lists();
/// ```
pub trait Discovery: fmt::Debug + Send + 'static {
    /// What kind of source this is, in one word, for reports: `dns`, for example. Default: the type's name.
    fn kind(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Announces this node to the others. Does nothing by default, for sources that somebody else fills.
    ///
    /// It is called at the start for a node that is on its own ring, and again after each error and after a list that
    /// lacks this node: a second call has to be as good as one. The lists are asked for at the same time.
    ///
    /// # Errors
    ///
    /// Whatever the source says. The caller tries again later.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped before it is ready, and the call repeated.
    fn join<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        let _ = this;
        Box::pin(async { Ok(()) })
    }

    /// Lets this node hear of the others without being announced to them. Does nothing by default, for sources that need
    /// no such thing.
    ///
    /// It is called in place of [`join`](Self::join), and as often, for a node that is not on its own ring. There is no
    /// [`leave`](Self::leave) after it: what it begins ends when the source is dropped.
    ///
    /// # Errors
    ///
    /// Whatever the source says. The caller tries again later.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped before it is ready, and the call repeated.
    fn observe<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        let _ = this;
        Box::pin(async { Ok(()) })
    }

    /// The lists of all members, each whole and without order. The first one is the present list, and so is the first one
    /// after an error; each further one comes after a change, and may repeat the one before. Called once.
    ///
    /// An error says why the source cannot tell. The caller keeps the members that it knows, waits a moment and asks for
    /// the next list. The stream has no end.
    ///
    /// The lists are waited for while the node joins, and however long an announcement takes or fails: no timer drops the
    /// work for the next list, which goes on where it was.
    fn lists(&mut self) -> MemberLists;

    /// Takes this node's announcement back, so that the others stop asking it.
    ///
    /// # Errors
    ///
    /// Whatever the source says. The announcement then ends by itself, where the source has leases.
    fn leave<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        let _ = this;
        Box::pin(async { Ok(()) })
    }
}

impl<D: Discovery + ?Sized> Discovery for Box<D> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn join<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        (**self).join(this)
    }

    fn observe<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        (**self).observe(this)
    }

    fn lists(&mut self) -> MemberLists {
        (**self).lists()
    }

    fn leave<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        (**self).leave(this)
    }
}
