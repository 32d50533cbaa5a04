use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Payload;
use super::frame::{GOAWAY, HEADER, Header};
use super::limits::{FREE, LANES, PIECE, SMALL};
use super::partial::{Partial, Piece, broken};
use crate::Error;
use crate::http::BodyBudget;

/// The shortest and the longest read of short frames. A read that fills its room is followed by one
/// of twice the size.
const READS: (usize, usize) = (4 << 10, 64 << 10);

/// A piece that lacks at least so much is read to where it stays, and not into the buffer first.
const DIRECT: usize = 8 << 10;

/// The longest payload of the stream's own frames.
const MAX_CONTROL: u32 = 16;

/// Reads frames, and puts messages of several frames together.
///
/// Its memory is bounded: a buffer of at most 64 KiB, up to [`LANES`] long messages of which
/// [`FREE`] bytes each may come unasked, and the rest of a long message only after a share of the
/// budget was there for the whole.
pub(super) struct Inbox {
    buffer: BytesMut,
    /// How much of the buffer the last short frame took.
    consumed: usize,
    next_read: usize,
    /// The piece that is being read.
    piece: Option<Piece>,
    /// Messages of which a part has come.
    partials: Vec<Partial>,
    grants: Vec<(u32, u32)>,
    /// The longest message.
    max_message: u64,
    budget: Arc<BodyBudget>,
}

impl Drop for Inbox {
    /// A connection that has ended is idle for good.
    fn drop(&mut self) {
        self.piece = None;
        self.partials.clear();
        self.budget.shrink();
    }
}

/// What has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A frame of the stream itself.
    Control(Header, &'a [u8]),
    /// A whole message.
    Message(Header, Payload<'a>),
    /// The beginning of a message that is longer than the limit. The rest of it is skipped.
    TooLong(Header, u64),
    /// The end of a message that was refused.
    Skipped(Header),
}

/// Whether the part of a message that has come was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Wanted,
    Refused,
}

impl Inbox {
    pub(super) fn new(max_message: u64, budget: Arc<BodyBudget>) -> Self {
        Self {
            buffer: BytesMut::new(),
            consumed: 0,
            next_read: READS.0,
            piece: None,
            partials: Vec::new(),
            grants: Vec::new(),
            max_message,
            budget,
        }
    }

    /// Takes bytes that were read before the stream began.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn max_message(&self) -> u64 {
        self.max_message
    }

    /// How long the oldest message has been coming that there is room for. The clock is read only if there is
    /// one.
    pub(super) fn longest_wait(&self) -> Option<Duration> {
        let piece = self.piece.as_ref().map(|piece| &piece.partial);
        self.partials
            .iter()
            .chain(piece)
            .filter_map(Partial::wait)
            .max()
    }

    /// Whether the other side has begun something that it has not ended, and could.
    pub(super) fn is_in_the_middle(&self) -> bool {
        self.buffer.len() > self.consumed
            || self.piece.is_some()
            || self.partials.iter().any(Partial::is_due)
    }

    /// Reads once. Returns the number of bytes; 0 is the end of the connection.
    pub(super) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
    ) -> Poll<io::Result<usize>> {
        self.release();
        if self.buffer.is_empty()
            && let Some(piece) = &mut self.piece
            && piece.left >= DIRECT
            && !piece.partial.is_refused()
        {
            return piece.poll_read(cx, io);
        }
        self.buffer.reserve(self.next_read);
        let mut room = (&mut self.buffer).limit(self.next_read);
        let read = pin!(io.read_buf(&mut room)).poll(cx);
        if let Poll::Ready(Ok(count)) = read
            && count == self.next_read
        {
            self.next_read = READS.1.min(2 * count);
        }
        read
    }

    /// What comes next among the bytes that were read; `None` if more have to come first.
    ///
    /// # Errors
    ///
    /// When the other side breaks the rules. The connection is of no use after that.
    pub(super) fn next(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.release();
        loop {
            if let Some(piece) = &mut self.piece {
                piece.take(&mut self.buffer);
                if piece.left > 0 {
                    return Ok(None);
                }
                match self.end_piece() {
                    Some(message) => return Ok(Some(message)),
                    None => continue,
                }
            }
            let Some((head, rest)) = self.buffer.split_first_chunk::<HEADER>() else {
                return Ok(None);
            };
            let header = Header::from_bytes(head)?;
            let length = header.length as usize;
            let continues = self.continues(header.id);
            if !header.is_message() {
                check_control(&header)?;
            } else if header.length as usize > PIECE {
                return Err(broken(&header, "is longer than a piece may be"));
            }
            if header.is_message() && (header.more || length > SMALL || continues.is_some()) {
                if let Some(too_long) = self.begin_piece(header, continues)? {
                    return Ok(Some(too_long));
                }
                if self.piece.is_some() {
                    continue;
                }
                return Ok(None); // the announcement of its length has to come first
            }
            if rest.len() < length {
                return Ok(None);
            }
            self.consumed = HEADER + length;
            let payload = &self.buffer[HEADER..self.consumed];
            return Ok(Some(if header.is_message() {
                Event::Message(header, Payload::Short(payload))
            } else {
                Event::Control(header, payload)
            }));
        }
    }

    /// The grants that the other side is to get: the id of a message, and further bytes.
    pub(super) fn take_grants(&mut self, cx: &mut Context<'_>) -> Vec<(u32, u32)> {
        for partial in &mut self.partials {
            partial.poll_room(cx);
            self.grants.extend(partial.grant());
        }
        std::mem::take(&mut self.grants)
    }

    /// Forgets the part of a message that has come, if one has: the rest will not come.
    pub(super) fn withdraw(&mut self, id: u32) -> Option<Part> {
        self.grants.retain(|(granted, _)| *granted != id);
        let at = self.continues(id)?;
        Some(match self.partials.swap_remove(at).is_refused() {
            true => Part::Refused,
            false => Part::Wanted,
        })
    }

    /// Skips the rest of a message of which a part has come.
    pub(super) fn refuse(&mut self, id: u32) {
        self.grants.retain(|(granted, _)| *granted != id);
        let piece = self.piece.as_mut().map(|piece| &mut piece.partial);
        for partial in self.partials.iter_mut().chain(piece) {
            if partial.header.id == id {
                partial.refuse();
            }
        }
    }

    /// Forgets spare memory.
    pub(super) fn shrink(&mut self) {
        self.release();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        self.next_read = READS.0;
        self.budget.shrink();
    }

    /// Forgets the short frame that was looked at last.
    fn release(&mut self) {
        self.buffer.advance(self.consumed);
        self.consumed = 0;
    }

    /// The message that a frame goes on with.
    fn continues(&self, id: u32) -> Option<usize> {
        self.partials
            .iter()
            .position(|partial| partial.header.id == id)
    }

    /// Consumes the header of a piece, and the announced length if it is the first of several.
    fn begin_piece(
        &mut self,
        header: Header,
        continues: Option<usize>,
    ) -> Result<Option<Event<'static>>, Error> {
        let mut left = header.length as usize;
        let mut too_long = None;
        let partial = match continues {
            Some(at) => {
                self.buffer.advance(HEADER);
                self.partials.swap_remove(at)
            }
            None if !header.more => {
                self.buffer.advance(HEADER);
                let mut partial =
                    Partial::new(header, u64::from(header.length), self.budget.buffer(left));
                if partial.length > self.max_message {
                    partial.refuse();
                    too_long = Some(Event::TooLong(header, partial.length));
                }
                partial
            }
            None => {
                if self.partials.len() == LANES {
                    return Err(broken(&header, "begins one long message too many"));
                }
                let Some(announced) = left.checked_sub(size_of::<u64>()) else {
                    return Err(broken(&header, "does not tell the length of its message"));
                };
                if self.buffer.len() < HEADER + size_of::<u64>() {
                    return Ok(None);
                }
                self.buffer.advance(HEADER);
                left = announced;
                let length = self.buffer.get_u64_le();
                let buffer = self.budget.buffer(length as usize);
                let mut partial = Partial::new(header, length, buffer);
                if length > self.max_message {
                    partial.refuse();
                    too_long = Some(Event::TooLong(header, length));
                } else if length > FREE as u64 {
                    partial.await_room(self.budget.share(length as usize));
                }
                partial
            }
        };
        partial.check(&header, left)?;
        self.next_read = READS.0;
        self.piece = Some(Piece {
            partial,
            left,
            more: header.more,
        });
        Ok(too_long)
    }

    /// Puts a whole piece to its message, and returns the message if it is whole.
    fn end_piece(&mut self) -> Option<Event<'static>> {
        let Piece {
            mut partial, more, ..
        } = self.piece.take()?;
        if more {
            self.grants.extend(partial.grant());
            self.partials.push(partial);
            return None;
        }
        let header = partial.header;
        Some(match partial.is_refused() {
            true => Event::Skipped(header),
            false => Event::Message(header, Payload::Long(partial.into_message())),
        })
    }
}

fn check_control(header: &Header) -> Result<(), Error> {
    if header.kind > GOAWAY {
        return Err(broken(header, "is unknown"));
    }
    if header.more || header.length > MAX_CONTROL {
        return Err(broken(header, "is too long"));
    }
    Ok(())
}
