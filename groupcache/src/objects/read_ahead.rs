use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use byteview::ByteView;
use peers::Context as RequestContext;
use tokio::task::JoinHandle;
use tracing::{Instrument as _, Span};

use super::object::Object;
use super::pieces::Pieces;
use crate::Error;

/// Some pieces of an object in a row: the next one, and those that are fetched before they are needed.
///
/// A piece that is not in this node's memory is fetched by a task. A future would come to a halt while its reader is
/// busy, for example with a slow client.
pub(super) struct ReadAhead {
    pub(super) group: Pieces,
    pub(super) object: Arc<Object>,
    /// Pieces that nobody has asked for yet.
    left: Range<u64>,
    /// How many there may be besides the next one.
    ahead: usize,
    /// The next one first.
    pieces: VecDeque<Piece>,
    /// Those of the caller that began to read. Whoever polls may be another, a server's connection for example.
    context: RequestContext,
    span: Span,
}

enum Piece {
    Here(ByteView),
    Coming(Coming),
}

/// The task that fetches a piece. It ends with its reader, but not a load that it has begun.
struct Coming(JoinHandle<Result<ByteView, Error>>);

impl ReadAhead {
    pub(super) fn new(
        group: Pieces,
        object: Arc<Object>,
        pieces: Range<u64>,
        ahead: usize,
    ) -> Self {
        Self {
            group,
            object,
            left: pieces,
            ahead,
            pieces: VecDeque::new(),
            context: RequestContext::current(),
            span: Span::current(),
        }
    }

    /// Other pieces of the same object, for the same caller.
    pub(super) fn elsewhere(&self, pieces: Range<u64>) -> Self {
        Self {
            group: self.group.clone(),
            object: Arc::clone(&self.object),
            left: pieces,
            ahead: 0,
            pieces: VecDeque::new(),
            context: self.context.clone(),
            span: self.span.clone(),
        }
    }

    /// Waits for the next piece, and keeps it. None if there is no other.
    pub(super) fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        while self.pieces.len() <= self.ahead
            && let Some(index) = self.left.next()
        {
            let piece = self.start(index);
            self.pieces.push_back(piece);
        }
        let Some(next) = self.pieces.front_mut() else {
            return Poll::Ready(None);
        };
        if let Piece::Coming(Coming(task)) = next {
            let piece = ready!(Pin::new(task).poll(cx)).unwrap_or_else(|_| Err(Error::abandoned()));
            match piece {
                Ok(piece) => *next = Piece::Here(piece),
                Err(error) => {
                    self.end();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(Some(Ok(())))
    }

    /// The next piece.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<ByteView, Error>>> {
        if let Some(Err(error)) = ready!(self.poll_begin(cx)) {
            return Poll::Ready(Some(Err(error)));
        }
        // Who takes a second piece reads in a row.
        self.ahead = self.group.read_ahead;
        match self.pieces.pop_front() {
            Some(Piece::Here(piece)) => Poll::Ready(Some(Ok(piece))),
            _ => Poll::Ready(None),
        }
    }

    fn start(&self, index: u64) -> Piece {
        if let Some(piece) = self.group.cached(&self.object, index) {
            return Piece::Here(piece);
        }
        let (group, object) = (self.group.clone(), Arc::clone(&self.object));
        let fetch = async move { group.get(&object, index).await };
        let fetch = self
            .context
            .clone()
            .scope(fetch.instrument(self.span.clone()));
        Piece::Coming(Coming(self.group.group().spawn(fetch)))
    }

    /// Lets go of all pieces. Nothing comes after that.
    fn end(&mut self) {
        self.left = 0..0;
        self.pieces = VecDeque::new();
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead")
            .field("object", &self.object)
            .field("left", &self.left)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}
