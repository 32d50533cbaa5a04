use super::fields::Fields;
use crate::Error;

/// What a server says of itself in its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The most calls under way at one time on the connection.
    pub(crate) max_calls: u32,
    /// The longest message.
    pub(crate) max_message: u64,
}

impl Hello {
    pub(super) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.max_calls.to_le_bytes());
        bytes[4..].copy_from_slice(&self.max_message.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(payload: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("a HELLO", payload);
        let (max_calls, max_message) = (fields.u32()?, fields.u64()?);
        fields.end()?;
        Ok(Self {
            max_calls,
            max_message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones_and_no_others_are_read() {
        let hello = Hello {
            max_calls: 0x0102,
            max_message: 0x0304_0506,
        };
        let golden = *b"\x02\x01\0\0\x06\x05\x04\x03\0\0\0\0";
        assert_eq!(hello.to_bytes(), golden);
        assert_eq!(Hello::from_bytes(&golden).unwrap(), hello);
        assert!(Hello::from_bytes(&golden[1..]).is_err());
        assert!(Hello::from_bytes(&[&golden[..], b"?"].concat()).is_err());
    }
}
