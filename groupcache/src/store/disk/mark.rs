use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::words::words;

/// Up to where a ledger has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// What the ledger is about.
    pub(super) definition: u64,
    /// The number of its file.
    pub(super) number: u64,
    pub(super) end: u64,
    /// The chain there.
    pub(super) chain: u64,
    /// The boot of the machine.
    pub(super) boot: [u8; 16],
    /// Whether the ledger was closed in order.
    pub(super) is_closed: bool,
}

/// The bytes of a mark: the magic ones, the numbers, the boot and a checksum.
pub(super) const LEN: usize = 72;

/// The first bytes.
const MAGIC: &[u8; 8] = b"gcmark01";

impl Mark {
    pub(super) fn encode(&self) -> [u8; LEN] {
        let is_closed = u64::from(self.is_closed);
        let numbers = [
            self.definition,
            self.number,
            self.end,
            self.chain,
            is_closed,
        ];
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..48].copy_from_slice(numbers.map(u64::to_le_bytes).as_flattened());
        bytes[48..64].copy_from_slice(&self.boot);
        let checksum = xxh3_64_with_seed(&bytes[..64], 0);
        bytes[64..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` if the bytes are no mark, or a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN || &bytes[..8] != MAGIC {
            return None;
        }
        let [definition, number, end, chain, is_closed] = words(&bytes[8..48]);
        let [checksum] = words(&bytes[64..]);
        if xxh3_64_with_seed(&bytes[..64], 0) != checksum {
            return None;
        }
        let mut boot = [0; 16];
        boot.copy_from_slice(&bytes[48..64]);
        Some(Self {
            definition,
            number,
            end,
            chain,
            boot,
            is_closed: is_closed == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_one_that_was_changed_in_any_bit_or_cut_does_not() {
        for is_closed in [false, true] {
            let mark = Mark {
                definition: 7,
                number: 1,
                end: 32,
                chain: 9,
                boot: [3; 16],
                is_closed,
            };
            let bytes = mark.encode();
            assert_eq!(Mark::decode(&bytes), Some(mark));
            for bit in 0..LEN * 8 {
                let mut bytes = bytes;
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Mark::decode(&bytes), None, "bit {bit}");
            }
            assert!((0..LEN).all(|len| Mark::decode(&bytes[..len]).is_none()));
        }
    }
}
