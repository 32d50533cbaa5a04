//! The bytes of the file, which follow from their places.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

pub(super) const NAME: &str = "large.bin";

/// The eight bytes at a place, which is counted in eights.
fn word(place: u64) -> [u8; 8] {
    let mut mixed = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    mixed.wrapping_mul(0xd6e8_feb8_6659_fd93).to_le_bytes()
}

pub(super) fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for place in 0..bytes / 8 {
        file.write_all(&word(place))?;
    }
    let rest = (bytes % 8) as usize;
    file.write_all(&word(bytes / 8)[..rest])?;
    file.into_inner()?.sync_all()
}

/// Whether these are the bytes from `start` on.
pub(super) fn is_right(bytes: &[u8], start: u64) -> bool {
    let at = (start % 8) as usize;
    let (head, rest) = bytes.split_at(bytes.len().min((8 - at) % 8));
    let is_head_right = head.is_empty() || word(start / 8)[at..][..head.len()] == *head;
    let first = start.div_ceil(8);
    is_head_right
        && (first..)
            .zip(rest.chunks(8))
            .all(|(place, bytes)| word(place)[..bytes.len()] == *bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_right_in_their_place_alone() {
        let all: Vec<u8> = (0..20).flat_map(word).collect();
        for start in 0..20 {
            for end in start..60 {
                assert!(is_right(&all[start..end], start as u64));
                assert!(end - start < 4 || !is_right(&all[start..end], start as u64 + 1));
            }
        }
    }
}
