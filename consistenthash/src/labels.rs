//! The labels of a member: the byte strings that are hashed to its points.

use std::io::Write;

#[cfg(feature = "md5")]
use md5::{Digest, Md5};

/// The byte string that is hashed for replica number `i` (from 0) of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Labels {
    /// The name, then the number as four little-endian bytes. No two members share a label.
    NameThenNumber,
    /// The number in decimal, then the name.
    ///
    /// Labels can coincide: `1` + `10.0.0.5` and `11` + `0.0.0.5` are one string.
    NumberThenName,
    /// The MD5 of [`NumberThenName`](Self::NumberThenName) in lower-case hexadecimal.
    #[cfg(feature = "md5")]
    Md5HexOfNumberThenName,
}

impl Labels {
    /// The name: `name-then-number`, `number-then-name` or `md5-hex-of-number-then-name`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NameThenNumber => "name-then-number",
            Self::NumberThenName => "number-then-name",
            #[cfg(feature = "md5")]
            Self::Md5HexOfNumberThenName => "md5-hex-of-number-then-name",
        }
    }

    /// Calls `visit` with the label of each replica of `name`, in order.
    ///
    /// `scratch` is a buffer that the caller reuses for the next member. Its content does not
    /// matter.
    pub(crate) fn visit(
        self,
        name: &[u8],
        replicas: u32,
        scratch: &mut Vec<u8>,
        mut visit: impl FnMut(&[u8]),
    ) {
        scratch.clear();
        scratch.extend_from_slice(name);
        for number in 0..replicas {
            match self {
                Self::NameThenNumber => {
                    scratch.truncate(name.len());
                    scratch.extend_from_slice(&number.to_le_bytes());
                    visit(scratch);
                }
                Self::NumberThenName => {
                    number_then_name(name, number, scratch);
                    visit(scratch);
                }
                #[cfg(feature = "md5")]
                Self::Md5HexOfNumberThenName => {
                    number_then_name(name, number, scratch);
                    visit(&md5_hex(scratch));
                }
            }
        }
    }
}

fn number_then_name(name: &[u8], number: u32, out: &mut Vec<u8>) {
    out.clear();
    // Writing to a vector cannot fail.
    let _ = write!(out, "{number}");
    out.extend_from_slice(name);
}

#[cfg(feature = "md5")]
fn md5_hex(bytes: &[u8]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(Md5::digest(bytes)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(labels: Labels, name: &str, replicas: u32) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        labels.visit(name.as_bytes(), replicas, &mut Vec::new(), |label| {
            seen.push(label.to_vec());
        });
        seen
    }

    #[test]
    fn number_goes_where_the_name_says() {
        assert_eq!(
            all(Labels::NameThenNumber, "n", 2),
            [b"n\0\0\0\0", b"n\x01\0\0\0"]
        );
        assert_eq!(all(Labels::NumberThenName, "n", 11)[10], b"10n");
    }

    /// The test suite of RFC 1321, appendix A.5.
    #[cfg(feature = "md5")]
    #[test]
    fn md5_hex_is_rfc_1321() {
        assert_eq!(&md5_hex(b""), b"d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            &md5_hex(b"message digest"),
            b"f96b697d7cb7938d525a2f31aaf161d0"
        );
        assert_eq!(
            all(Labels::Md5HexOfNumberThenName, "10.0.0.1:8080", 2),
            [
                b"339248cf664959ff121d3f270c4167ea",
                b"37a476ed7d41d66e29e5a7a762626f12"
            ],
        );
    }
}
