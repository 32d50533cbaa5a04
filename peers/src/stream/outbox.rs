use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::limits::{LANES, PIECE};
use super::queue::{Large, Queue};

/// The most slices that one write takes.
const SLICES: usize = 16;

/// About how many bytes of large messages go between one look at the small ones and the next.
const TURN: usize = PIECE;

/// A buffer of small frames that has grown longer than this is given back once it is written.
const KEPT_BUFFER: usize = 64 << 10;

/// Writes what a [`Queue`] holds. Small frames go first and all at once. Then large messages take turns, a
/// frame each: those of one frame, and up to [`LANES`] of those of several.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Small frames that are being written, in front of `frames`.
    small: BytesMut,
    /// Frames of large messages that are being written.
    frames: VecDeque<Bytes>,
    headers: BytesMut,
    /// Large messages of one frame each.
    singles: VecDeque<Large>,
    /// Messages of several frames that are being sent.
    lanes: VecDeque<Large>,
    /// Those that wait for a lane.
    waiting: VecDeque<Large>,
    /// The bytes in all three.
    large_bytes: usize,
    unflushed: bool,
    /// Bytes written so far.
    written: u64,
}

/// What became of a large message that is not wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withdrawn {
    /// It was not there, or is sent.
    Absent,
    /// Nothing of it was sent.
    Whole,
    /// A part of it was sent.
    Part,
}

impl Outbox {
    /// Whether everything that was taken is written, but for large messages that wait for a grant.
    pub(super) fn is_idle(&self) -> bool {
        self.is_written() && !self.may_send() && !self.unflushed
    }

    /// The bytes of large messages that are not written.
    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// The bytes of small frames that are not written.
    pub(super) fn small_bytes(&self) -> usize {
        self.small.len()
    }

    /// Bytes that were written so far: no progress, no change.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The number of large messages that are not sent.
    pub(super) fn large_messages(&self) -> usize {
        self.singles.len() + self.lanes.len() + self.waiting.len()
    }

    /// The other side takes more bytes of a message. A grant for another message is out of date.
    pub(super) fn grant(&mut self, id: u32, bytes: u32) {
        if let Some(large) = self.large_mut().find(|large| large.id() == id) {
            large.grant(bytes as usize);
        }
    }

    /// Sends no more of a large message.
    pub(super) fn withdraw(&mut self, id: u32) -> Withdrawn {
        for queue in [&mut self.singles, &mut self.lanes, &mut self.waiting] {
            let Some(at) = queue.iter().position(|large| large.id() == id) else {
                continue;
            };
            let Some(large) = queue.remove(at) else {
                continue;
            };
            self.large_bytes -= large.left();
            return match large.is_started() {
                true => Withdrawn::Part,
                false => Withdrawn::Whole,
            };
        }
        Withdrawn::Absent
    }

    /// Takes what a queue holds: the large messages always, the small frames only when everything begun is
    /// written, so that nothing comes between the parts of a frame.
    pub(super) fn take(&mut self, queue: &mut Queue) {
        for large in queue.take_large() {
            self.large_bytes += large.left();
            match large.is_single() {
                true => self.singles.push_back(large),
                false => self.waiting.push_back(large),
            }
        }
        if self.is_written() {
            self.small.clear();
            if self.small.capacity() > KEPT_BUFFER {
                self.small = BytesMut::new();
            }
            std::mem::swap(&mut self.small, &mut queue.small);
            self.take_turns();
        }
    }

    /// Writes, until all that was taken is written or the connection takes no more. Then
    /// [`take`](Self::take) may be called again.
    pub(super) fn poll_write<T: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
    ) -> Poll<io::Result<()>> {
        while !self.is_written() {
            let count = {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = self.slices(&mut slices);
                let io = Pin::new(&mut *io);
                if io.is_write_vectored() {
                    ready!(io.poll_write_vectored(cx, &slices[..count]))?
                } else {
                    ready!(io.poll_write(cx, &slices[0]))?
                }
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Forgets spare memory.
    pub(super) fn shrink(&mut self) {
        if self.is_written() {
            self.small = BytesMut::new();
            self.headers = BytesMut::new();
            self.frames = VecDeque::new();
        }
    }

    /// Whether the connection has taken all that was begun.
    pub(super) fn is_written(&self) -> bool {
        self.small.is_empty() && self.frames.is_empty()
    }

    fn may_send(&self) -> bool {
        !self.singles.is_empty()
            || self.lanes.iter().any(Large::may_send)
            || (self.lanes.len() < LANES && !self.waiting.is_empty())
    }

    fn large_mut(&mut self) -> impl Iterator<Item = &mut Large> {
        self.lanes.iter_mut().chain(&mut self.waiting)
    }

    /// Appends frames of the large messages until a turn is full: of those of one frame and of the others in
    /// turn.
    fn take_turns(&mut self) {
        let mut turn = 0;
        while turn < TURN {
            let sent = self.send_single() + self.send_piece();
            if sent == 0 {
                return;
            }
            self.large_bytes -= sent;
            turn += sent;
        }
    }

    fn send_single(&mut self) -> usize {
        match self.singles.pop_front() {
            Some(mut single) => single.send(&mut self.headers, &mut self.frames),
            None => 0,
        }
    }

    /// Appends a piece of the message whose turn it is.
    fn send_piece(&mut self) -> usize {
        while self.lanes.len() < LANES
            && let Some(next) = self.waiting.pop_front()
        {
            self.lanes.push_back(next);
        }
        let at = self.lanes.iter().position(Large::may_send);
        let Some(mut large) = at.and_then(|at| self.lanes.remove(at)) else {
            return 0;
        };
        let piece = large.send(&mut self.headers, &mut self.frames);
        if large.left() > 0 {
            self.lanes.push_back(large);
        }
        piece
    }

    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let small = Some(&*self.small).filter(|small| !small.is_empty());
        let all = small
            .into_iter()
            .chain(self.frames.iter().map(|part| &**part));
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(all) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        self.written += count as u64;
        let small = count.min(self.small.len());
        self.small.advance(small);
        count -= small;
        while count > 0
            && let Some(first) = self.frames.front_mut()
        {
            let part = count.min(first.len());
            first.advance(part);
            count -= part;
            if first.is_empty() {
                self.frames.pop_front();
            }
        }
    }
}
