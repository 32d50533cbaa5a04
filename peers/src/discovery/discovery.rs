use std::fmt;

use crate::{BoxFuture, Error, Member};

/// Says which members the cluster has: a stream of lists, and a place where a node announces itself.
///
/// One task drives a source: it joins, asks for one list after the other, and leaves. What the source needs meanwhile,
/// such as keeping a lease alive, happens while [`next`](Self::next) is polled, or in tasks of the source's own that end
/// when it is dropped.
pub trait Discovery: fmt::Debug + Send + 'static {
    /// What kind of source this is, in one word, for reports: `dns`, for example. Default: the type's name.
    fn kind(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Announces this node to the others. Does nothing by default, for sources that somebody else fills.
    ///
    /// It is called before the first [`next`](Self::next) for a node that is on its own ring, and again after each error
    /// and after a list that lacks this node: a second call has to be as good as one.
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

    /// Waits for the next list of all members, whole and without order. The first one is the present list, and so is the
    /// first one after an error; each further one comes after a change, and may repeat the one before.
    ///
    /// # Errors
    ///
    /// Why the source cannot tell. The caller keeps the members that it knows, waits a moment and asks again.
    ///
    /// # Cancel safety
    ///
    /// No change may be lost when the future is dropped before it is ready.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Member>, Error>>;

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

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Member>, Error>> {
        (**self).next()
    }

    fn leave<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        (**self).leave(this)
    }
}
