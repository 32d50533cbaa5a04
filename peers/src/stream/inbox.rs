use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use super::Payload;
use super::frame::{HEADER, Header};
use super::limits::{FREE, LANES, PIECE, SMALL};
use crate::http::{BodyBudget, Share};
use crate::{BoxFuture, Error};

/// The shortest and the longest read of short frames. A read that fills its room is followed by one
/// of twice the size.
const READS: (usize, usize) = (4 << 10, 64 << 10);

/// A piece that lacks at least so much is read to where it stays, and not into the buffer first.
const DIRECT: usize = 8 << 10;

/// The longest payload of the stream's own frames.
const MAX_CONTROL: u32 = 16;

/// The memory of a message grows to so many times what has come of it, but for the piece that is coming.
const TRUST: usize = 4;

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

struct Piece {
    partial: Partial,
    left: usize,
    more: bool,
}

struct Partial {
    header: Header,
    length: u64,
    received: u64,
    /// How many bytes may come.
    granted: u64,
    bytes: BytesMut,
    room: Room,
    /// When it began, or when there was room for it.
    since: Instant,
}

/// Whether there is room for a long message.
enum Room {
    /// Yes. The share is held until the message is whole.
    Given { _share: Share },
    /// Others have to be gone first.
    Awaited(BoxFuture<'static, Share>),
    /// The message is not wanted.
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
            .filter(|partial| matches!(partial.room, Room::Given { .. }))
            .map(|partial| partial.since.elapsed())
            .max()
    }

    /// Whether the other side has begun something that it has not ended, and could.
    pub(super) fn is_in_the_middle(&self) -> bool {
        let is_due = |partial: &Partial| partial.received < partial.granted;
        self.buffer.len() > self.consumed
            || self.piece.is_some()
            || self.partials.iter().any(is_due)
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
            && !piece.is_refused()
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
            if partial.poll_room(cx) {
                self.grants.extend(partial.grant());
            }
        }
        std::mem::take(&mut self.grants)
    }

    /// Forgets the part of a message that has come, if one has: the rest will not come.
    pub(super) fn withdraw(&mut self, id: u32) -> Option<Part> {
        self.grants.retain(|(granted, _)| *granted != id);
        let at = self.continues(id)?;
        Some(match self.partials.swap_remove(at).room {
            Room::Refused => Part::Refused,
            Room::Given { .. } | Room::Awaited(_) => Part::Wanted,
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
                let mut partial = Partial::new(header, u64::from(header.length));
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
                let mut partial = Partial::new(header, length);
                if length > self.max_message {
                    partial.refuse();
                    too_long = Some(Event::TooLong(header, length));
                } else if length > FREE as u64 {
                    partial.room = Room::Awaited(self.budget.share(length as usize));
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
        let Piece { partial, more, .. } = self.piece.take()?;
        if more {
            let mut partial = partial;
            if matches!(partial.room, Room::Given { .. }) {
                self.grants.extend(partial.grant());
            }
            self.partials.push(partial);
            return None;
        }
        let header = partial.header;
        match partial.room {
            Room::Refused => Some(Event::Skipped(header)),
            Room::Given { .. } | Room::Awaited(_) => {
                let message = partial.bytes.freeze();
                Some(Event::Message(header, Payload::Long(message)))
            }
        }
    }
}

impl Piece {
    fn is_refused(&self) -> bool {
        matches!(self.partial.room, Room::Refused)
    }

    /// Takes what the buffer has of the piece.
    fn take(&mut self, buffer: &mut BytesMut) {
        let count = self.left.min(buffer.len());
        if !self.is_refused() {
            self.partial.reserve(self.left);
            self.partial.bytes.extend_from_slice(&buffer[..count]);
        }
        buffer.advance(count);
        self.took(count);
    }

    /// Reads to where the message stays.
    fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
    ) -> Poll<io::Result<usize>> {
        self.partial.reserve(self.left);
        let mut room = (&mut self.partial.bytes).limit(self.left);
        let read = pin!(io.read_buf(&mut room)).poll(cx);
        if let Poll::Ready(Ok(count)) = read {
            self.took(count);
        }
        read
    }

    fn took(&mut self, count: usize) {
        self.left -= count;
        self.partial.received += count as u64;
    }
}

impl Partial {
    fn new(header: Header, length: u64) -> Self {
        Self {
            header,
            length,
            received: 0,
            granted: length.min(FREE as u64),
            bytes: BytesMut::new(),
            room: Room::Given {
                _share: Share::default(),
            },
            since: Instant::now(),
        }
    }

    /// Refuses a piece that does not fit to its message.
    fn check(&self, header: &Header, length: usize) -> Result<(), Error> {
        let received = self.received + length as u64;
        let fault = if header.kind != self.header.kind {
            "goes on with a message of another kind"
        } else if received > self.length || (!header.more && received < self.length) {
            "does not fit to the length of its message"
        } else if received > self.granted {
            "was not granted"
        } else if header.more && length == 0 {
            "is empty"
        } else {
            return Ok(());
        };
        Err(broken(header, fault))
    }

    /// Makes room for the rest of a piece. A message that is announced to be long gets room as it comes.
    fn reserve(&mut self, piece: usize) {
        let spare = self.bytes.capacity() - self.bytes.len();
        if spare < piece {
            let left = (self.length - self.received) as usize;
            let more = (TRUST * self.bytes.len()).max(piece);
            self.bytes.reserve(left.min(more));
        }
    }

    /// Whether there is room for the whole message.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> bool {
        if let Room::Awaited(share) = &mut self.room {
            match share.as_mut().poll(cx) {
                Poll::Ready(share) => {
                    self.room = Room::Given { _share: share };
                    self.since = Instant::now();
                }
                Poll::Pending => return false,
            }
        }
        matches!(self.room, Room::Given { .. })
    }

    /// A grant of what the sender may be ahead, once half of it is used up.
    fn grant(&mut self) -> Option<(u32, u32)> {
        let ahead = self.granted - self.received;
        let missing = (FREE as u64 - ahead).min(self.length - self.granted);
        if missing == 0 || ahead > FREE as u64 / 2 {
            return None;
        }
        self.granted += missing;
        Some((self.header.id, missing as u32))
    }

    fn refuse(&mut self) {
        self.room = Room::Refused;
        self.bytes = BytesMut::new();
    }
}

fn check_control(header: &Header) -> Result<(), Error> {
    if header.kind > super::frame::GOAWAY {
        return Err(broken(header, "is unknown"));
    }
    if header.more || header.length > MAX_CONTROL {
        return Err(broken(header, "is too long"));
    }
    Ok(())
}

fn broken(header: &Header, fault: &str) -> Error {
    Error::malformed(format!(
        "a frame of kind {}, id {} and {} bytes {fault}",
        header.kind, header.id, header.length
    ))
}
