//! The calls that are about a node and not about a group: SYNC, a `Knowledge`, and BEHIND, a list of the ids of members. Their
//! messages are those of the HTTP form.

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use crate::stream::Message;

/// A call, to be written.
pub(crate) struct OfNode {
    kind: u8,
    message: ByteView,
}

impl OfNode {
    pub(crate) fn new(kind: u8, message: Bytes) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl Message for OfNode {
    fn kind(&self) -> u8 {
        self.kind
    }

    fn fields_len(&self) -> usize {
        0
    }

    fn write_fields(&self, _: &mut impl BufMut) {}

    fn body(&self) -> Option<&ByteView> {
        Some(&self.message)
    }
}
