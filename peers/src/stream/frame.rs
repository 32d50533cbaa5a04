//! The frame: a header of 16 bytes, and a payload.

use crate::Error;

/// What precedes every payload.
///
/// | bytes | little-endian | |
/// |---|---|---|
/// | 0..4 | u32 | length of the payload |
/// | 4 | u8 | kind |
/// | 5 | u8 | flags: 1 for [`more`](Self::more), others are zero |
/// | 6..8 | u16 | zero |
/// | 8..12 | u32 | id of the call |
/// | 12..16 | u32 | milliseconds that the caller waits; zero in all frames but those of calls |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    /// Whether another frame goes on with the same message.
    pub(crate) more: bool,
    pub(crate) id: u32,
    pub(crate) time: u32,
}

/// The length of a header.
pub(crate) const HEADER: usize = 16;

/// The server's first frame: what it accepts.
pub(crate) const HELLO: u8 = 0;
/// Asks for a [`PONG`] with the same id.
pub(crate) const PING: u8 = 1;
pub(crate) const PONG: u8 = 2;
/// Nobody waits for the answer to this call any more, and the rest of the call does not come.
pub(crate) const CANCEL: u8 = 3;
/// In place of the answer to a call that was cancelled.
pub(crate) const CANCELLED: u8 = 4;
/// So many more bytes of this message may come.
pub(crate) const GRANT: u8 = 5;
/// No more calls will be answered; those that were read still are.
pub(crate) const GOAWAY: u8 = 6;
/// The kinds from here on are the protocol's.
pub(crate) const FIRST_MESSAGE: u8 = 16;

const MORE: u8 = 1;

impl Header {
    /// A header with nothing but a kind and an id.
    pub(crate) fn of(kind: u8, id: u32) -> Self {
        Self {
            kind,
            id,
            ..Self::default()
        }
    }

    /// Whether the frame belongs to a message of the protocol.
    pub(crate) fn is_message(&self) -> bool {
        self.kind >= FIRST_MESSAGE
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind;
        bytes[5] = if self.more { MORE } else { 0 };
        bytes[8..12].copy_from_slice(&self.id.to_le_bytes());
        bytes[12..].copy_from_slice(&self.time.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER]) -> Result<Self, Error> {
        let [
            l0,
            l1,
            l2,
            l3,
            kind,
            flags,
            z0,
            z1,
            i0,
            i1,
            i2,
            i3,
            t0,
            t1,
            t2,
            t3,
        ] = *bytes;
        if flags & !MORE != 0 || (z0, z1) != (0, 0) {
            return Err(Error::malformed(format!(
                "a frame of kind {kind} sets reserved bits"
            )));
        }
        Ok(Self {
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            kind,
            more: flags & MORE != 0,
            id: u32::from_le_bytes([i0, i1, i2, i3]),
            time: u32::from_le_bytes([t0, t1, t2, t3]),
        })
    }
}

/// The bytes that the payload of a [`GRANT`] gives.
pub(crate) fn granted(payload: &[u8]) -> Result<u32, Error> {
    let bytes = payload
        .try_into()
        .map_err(|_| Error::malformed("a grant that is not of 4 bytes"))?;
    Ok(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let header = Header {
            length: 0x0102_0304,
            kind: 0x10,
            more: true,
            id: 0x0506_0708,
            time: 0x090a_0b0c,
        };
        let golden = *b"\x04\x03\x02\x01\x10\x01\0\0\x08\x07\x06\x05\x0c\x0b\x0a\x09";
        assert_eq!(header.to_bytes(), golden);
        assert_eq!(Header::from_bytes(&golden).unwrap(), header);
    }

    #[test]
    fn reserved_bits_are_refused() {
        for (at, bits) in [(5, 2), (5, 0x81), (6, 1), (7, 0x80)] {
            let mut bytes = [0; HEADER];
            bytes[at] = bits;
            let error = Header::from_bytes(&bytes).unwrap_err();
            assert!(error.to_string().contains("reserved"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_header_reads_back(length: u32, kind: u8, more: bool, id: u32, time: u32) {
            let header = Header { length, kind, more, id, time };
            prop_assert_eq!(Header::from_bytes(&header.to_bytes()).unwrap(), header);
        }
    }
}
