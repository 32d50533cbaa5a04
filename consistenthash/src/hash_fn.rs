//! The hash functions of the family, and variants for the user's own.

/// The function that turns keys and labels into positions on the ring.
///
/// A hash function has no state, and a `const` can hold it. Two rings agree only if they hash
/// alike, so a hash with a seed per process has no use here.
///
/// ```
/// use consistenthash::{HashFn, Ring, Scheme};
///
/// fn multiplicative(bytes: &[u8]) -> u64 {
///     const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
///     bytes.iter().fold(ODD, |h, b| (h ^ u64::from(*b)).wrapping_mul(ODD).rotate_right(29))
/// }
///
/// let scheme = Scheme::native().hash(HashFn::Custom64(multiplicative));
/// let ring = Ring::new(scheme, ["a", "b"])?;
/// # Ok::<(), consistenthash::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum HashFn {
    /// XXH3, 64 bits, seed 0: the hash of the native scheme, fast and even.
    Xxh3,
    /// CRC-32 with the IEEE polynomial: the hash of golang and galaxycache.
    Crc32,
    /// FNV-1, 64 bits (multiply, then xor): the hash of mailgun, groupcache-go and ipronko.
    Fnv1,
    /// FNV-1a, 64 bits (xor, then multiply): the alternative that mailgun's documentation offers.
    Fnv1a,
    /// FNV-1a, 32 bits: galaxycache's alternative.
    Fnv1a32,
    /// The user's own 32-bit hash.
    Custom32(fn(&[u8]) -> u32),
    /// The user's own 64-bit hash.
    Custom64(fn(&[u8]) -> u64),
}

impl HashFn {
    /// The name: `xxh3`, `crc32`, `fnv1`, `fnv1a`, `fnv1a-32`, `custom-32` or `custom-64`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xxh3 => "xxh3",
            Self::Crc32 => "crc32",
            Self::Fnv1 => "fnv1",
            Self::Fnv1a => "fnv1a",
            Self::Fnv1a32 => "fnv1a-32",
            Self::Custom32(_) => "custom-32",
            Self::Custom64(_) => "custom-64",
        }
    }

    /// The hash of `bytes` in the upper bits of 64.
    ///
    /// Hashes of 32 and of 64 bits then cover the same range, in the order of the hashes, so the
    /// ring need not know the width.
    #[inline]
    pub(crate) fn spread(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Xxh3 => xxhash_rust::xxh3::xxh3_64(bytes),
            Self::Crc32 => u64::from(crc32fast::hash(bytes)) << 32,
            Self::Fnv1 => fnv1(bytes),
            Self::Fnv1a => fnv1a(bytes),
            Self::Fnv1a32 => u64::from(fnv1a_32(bytes)) << 32,
            Self::Custom32(hash) => u64::from(hash(bytes)) << 32,
            Self::Custom64(hash) => hash(bytes),
        }
    }
}

// Fowler, Noll and Vo: http://www.isthe.com/chongo/tech/comp/fnv/
const OFFSET_64: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME_64: u64 = 0x0000_0100_0000_01b3;
const OFFSET_32: u32 = 0x811c_9dc5;
const PRIME_32: u32 = 0x0100_0193;

fn fnv1(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(OFFSET_64, |h, b| h.wrapping_mul(PRIME_64) ^ u64::from(*b))
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(OFFSET_64, |h, b| (h ^ u64::from(*b)).wrapping_mul(PRIME_64))
}

fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(OFFSET_32, |h, b| (h ^ u32::from(*b)).wrapping_mul(PRIME_32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values that each algorithm's author publishes.
    #[test]
    fn published_check_values() {
        let cases: [(HashFn, &[u8], u64); 13] = [
            (HashFn::Crc32, b"", 0),
            (HashFn::Crc32, b"123456789", 0xcbf4_3926 << 32),
            (HashFn::Fnv1, b"", 0xcbf2_9ce4_8422_2325),
            (HashFn::Fnv1, b"a", 0xaf63_bd4c_8601_b7be),
            (HashFn::Fnv1, b"foobar", 0x340d_8765_a4dd_a9c2),
            (HashFn::Fnv1a, b"", 0xcbf2_9ce4_8422_2325),
            (HashFn::Fnv1a, b"a", 0xaf63_dc4c_8601_ec8c),
            (HashFn::Fnv1a, b"foobar", 0x8594_4171_f739_67e8),
            (HashFn::Fnv1a32, b"", 0x811c_9dc5 << 32),
            (HashFn::Fnv1a32, b"a", 0xe40c_292c << 32),
            (HashFn::Fnv1a32, b"foobar", 0xbf9c_f968 << 32),
            (HashFn::Xxh3, b"", 0x2d06_8005_38d3_94c2),
            (HashFn::Xxh3, b"a", 0xe6c6_32b6_1e96_4e1f),
        ];
        for (hash, input, expected) in cases {
            assert_eq!(hash.spread(input), expected, "{hash:?} of {input:?}");
        }
    }
}
