use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use super::frame::Header;
use super::limits::FREE;
use crate::http::{Recycled, Share};
use crate::{BoxFuture, Error};

/// The memory of a message grows to so many times what has come of it, but for the piece that is coming.
const TRUST: usize = 4;

/// A piece of a message of which a part has come.
pub(super) struct Piece {
    pub(super) partial: Partial,
    /// How many of its bytes have not come.
    pub(super) left: usize,
    /// Whether it is not the last one.
    pub(super) more: bool,
}

/// A long message of which a part has come.
pub(super) struct Partial {
    pub(super) header: Header,
    pub(super) length: u64,
    received: u64,
    /// How many bytes may come.
    granted: u64,
    bytes: Recycled,
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

impl Piece {
    /// Takes what the buffer has of the piece.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) {
        let count = self.left.min(buffer.len());
        if !self.partial.is_refused() {
            self.partial.reserve(self.left);
            self.partial.bytes.extend_from_slice(&buffer[..count]);
        }
        buffer.advance(count);
        self.took(count);
    }

    /// Reads to where the message stays.
    pub(super) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
    ) -> Poll<io::Result<usize>> {
        self.partial.reserve(self.left);
        let mut room = (&mut *self.partial.bytes).limit(self.left);
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
    /// A message of this length, which is to lie in `bytes`.
    pub(super) fn new(header: Header, length: u64, bytes: Recycled) -> Self {
        Self {
            header,
            length,
            received: 0,
            granted: length.min(FREE as u64),
            bytes,
            room: Room::Given {
                _share: Share::default(),
            },
            since: Instant::now(),
        }
    }

    /// Refuses a piece that does not fit to its message.
    pub(super) fn check(&self, header: &Header, length: usize) -> Result<(), Error> {
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
            self.bytes.reserve_exact(left.min(more));
        }
    }

    /// Waits for room for the whole message: grants come only then.
    pub(super) fn await_room(&mut self, share: BoxFuture<'static, Share>) {
        self.room = Room::Awaited(share);
    }

    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) {
        if let Room::Awaited(share) = &mut self.room
            && let Poll::Ready(share) = share.as_mut().poll(cx)
        {
            self.room = Room::Given { _share: share };
            self.since = Instant::now();
        }
    }

    /// How long the message has been coming since there was room for it.
    pub(super) fn wait(&self) -> Option<Duration> {
        matches!(self.room, Room::Given { .. }).then(|| self.since.elapsed())
    }

    /// Whether the other side could send more of it now.
    pub(super) fn is_due(&self) -> bool {
        self.received < self.granted
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.room, Room::Refused)
    }

    /// The whole message. Its memory is used again when nobody has it any more.
    pub(super) fn into_message(self) -> Bytes {
        Bytes::from_owner(self.bytes)
    }

    /// A grant of what the sender may be ahead, once half of it is used up and there is room.
    pub(super) fn grant(&mut self) -> Option<(u32, u32)> {
        if !matches!(self.room, Room::Given { .. }) {
            return None;
        }
        let ahead = self.granted - self.received;
        let missing = (FREE as u64 - ahead).min(self.length - self.granted);
        if missing == 0 || ahead > FREE as u64 / 2 {
            return None;
        }
        self.granted += missing;
        Some((self.header.id, missing as u32))
    }

    pub(super) fn refuse(&mut self) {
        self.room = Room::Refused;
        self.bytes = Recycled::default();
    }
}

/// The error of a frame that breaks the rules.
pub(super) fn broken(header: &Header, fault: &str) -> Error {
    Error::malformed(format!(
        "a frame of kind {}, id {} and {} bytes {fault}",
        header.kind, header.id, header.length
    ))
}
