use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Message;
use super::frame::{GRANT, HEADER, Header};
use super::limits::{FREE, PIECE, SMALL};

/// What waits to be written: the frames of small messages in one buffer, and large messages.
///
/// A queue is not a limit: whoever fills it looks at its bytes before.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) small: BytesMut,
    pub(super) large: VecDeque<Large>,
    /// The bytes of the large messages.
    large_bytes: usize,
}

impl Queue {
    /// Adds a message that belongs to the call `id`.
    pub(super) fn push(&mut self, message: &impl Message, id: u32, time: u32) {
        let body = message.body();
        let fields_len = message.fields_len();
        let length = message.len();
        let header = Header {
            length: u32::try_from(length).unwrap_or(u32::MAX),
            kind: message.kind(),
            more: false,
            id,
            time,
        };
        if length <= SMALL {
            self.small.reserve(HEADER + length);
            self.small.put_slice(&header.to_bytes());
            message.write_fields(&mut self.small);
            if let Some(body) = body {
                self.small.put_slice(body);
            }
            return;
        }
        let mut fields = BytesMut::with_capacity(fields_len);
        message.write_fields(&mut fields);
        let body = body.map_or_else(Bytes::new, |body| body.clone().into_bytes());
        self.large_bytes += length;
        self.large
            .push_back(Large::new(header, fields.freeze(), body));
    }

    /// Adds a frame of the stream itself.
    pub(super) fn push_control(&mut self, kind: u8, id: u32, payload: &[u8]) {
        let header = Header {
            length: payload.len() as u32,
            ..Header::of(kind, id)
        };
        self.small.put_slice(&header.to_bytes());
        self.small.put_slice(payload);
    }

    /// Lets the other side send more of a message.
    pub(super) fn push_grant(&mut self, id: u32, bytes: u32) {
        self.push_control(GRANT, id, &bytes.to_le_bytes());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    /// The bytes of the large messages.
    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// The bytes of the small frames.
    pub(super) fn small_bytes(&self) -> usize {
        self.small.len()
    }

    /// Takes a large message out. Says whether it was there.
    pub(super) fn withdraw(&mut self, id: u32) -> bool {
        let Some(at) = self.large.iter().position(|large| large.id() == id) else {
            return false;
        };
        if let Some(large) = self.large.remove(at) {
            self.large_bytes -= large.left();
        }
        true
    }

    /// Forgets spare memory.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Takes the large messages out.
    pub(super) fn take_large(&mut self) -> VecDeque<Large> {
        self.large_bytes = 0;
        std::mem::take(&mut self.large)
    }
}

/// A message that is written from where it lies, in one or several frames.
#[derive(Debug)]
pub(super) struct Large {
    header: Header,
    fields: Bytes,
    body: Bytes,
    length: usize,
    /// How many bytes of a message of several frames may still be sent.
    credit: usize,
    started: bool,
}

impl Large {
    fn new(header: Header, fields: Bytes, body: Bytes) -> Self {
        let length = fields.len() + body.len();
        Self {
            header,
            fields,
            body,
            length,
            credit: if length > PIECE { FREE } else { length },
            started: false,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.header.id
    }

    /// Whether it goes in one frame, and needs no grant.
    pub(super) fn is_single(&self) -> bool {
        self.length <= PIECE
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    /// How many bytes are not sent yet.
    pub(super) fn left(&self) -> usize {
        self.fields.len() + self.body.len()
    }

    pub(super) fn grant(&mut self, bytes: usize) {
        self.credit = self.credit.saturating_add(bytes);
    }

    pub(super) fn may_send(&self) -> bool {
        self.credit > 0
    }

    /// Writes the header of the next frame into `headers` and appends the frame to `frames`. Returns
    /// the length of its piece.
    pub(super) fn send(&mut self, headers: &mut BytesMut, frames: &mut VecDeque<Bytes>) -> usize {
        let is_first = !std::mem::replace(&mut self.started, true);
        let announces = is_first && self.length > PIECE;
        let announcement = if announces { size_of::<u64>() } else { 0 };
        let piece = self.left().min(self.credit).min(PIECE - announcement);
        self.credit -= piece;
        let header = Header {
            length: (announcement + piece) as u32,
            more: piece < self.left(),
            ..self.header
        };
        headers.put_slice(&header.to_bytes());
        if announces {
            headers.put_u64_le(self.length as u64);
        }
        frames.push_back(headers.split().freeze());
        let fields = piece.min(self.fields.len());
        if fields > 0 {
            frames.push_back(self.fields.split_to(fields));
        }
        if piece > fields {
            frames.push_back(self.body.split_to(piece - fields));
        }
        debug_assert!(frames.iter().all(Buf::has_remaining));
        piece
    }
}
