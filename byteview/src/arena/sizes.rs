//! The sizes of extents, pages and blocks. Up to 256 bytes, those of blocks are four bytes apart. Above, each doubling has 32 of them, so that a block wastes
//! at most a 32nd.

/// The bytes of an extent, and its alignment.
pub(super) const EXTENT: usize = PAGES * PAGE;

/// The pages of an extent: as many as a word has bits.
pub(super) const PAGES: usize = 64;

/// The bytes that are given back at least.
pub(super) const PAGE: usize = 4096;

/// The bytes of an extent before its first block.
pub(super) const HEAD: usize = 64;

/// The number of sizes.
pub(super) const CLASSES: usize = FINE + OCTAVES * STEPS;

/// The largest size, in bytes.
pub(super) const LARGEST: usize = LIMIT << OCTAVES;

/// Sizes up to this are multiples of `GRAIN`.
const LIMIT: usize = 256;
const GRAIN: usize = 4;
const FINE: usize = LIMIT / GRAIN;
const STEPS: usize = 32;
const OCTAVES: usize = 9;

/// The class of the smallest size for so many bytes; `None` beyond [`LARGEST`].
#[inline]
pub(super) const fn class_of(bytes: usize) -> Option<usize> {
    match bytes {
        0 => Some(0),
        1..=LIMIT => Some((bytes - 1) / GRAIN),
        _ if bytes <= LARGEST => {
            let octave = (bytes - 1).ilog2();
            let step = (bytes - 1) >> (octave - STEPS.ilog2());
            let octave = (octave - LIMIT.ilog2()) as usize;
            Some(FINE + octave * STEPS + step - STEPS)
        }
        _ => None,
    }
}

/// The bytes of a block of this class.
#[inline]
pub(super) const fn size_of_class(class: usize) -> usize {
    if class < FINE {
        return (class + 1) * GRAIN;
    }
    let (octave, step) = ((class - FINE) / STEPS, (class - FINE) % STEPS);
    (STEPS + step + 1) << (octave + (LIMIT / STEPS).ilog2() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_smallest_that_fits_and_wastes_little() {
        for bytes in 1..=LARGEST {
            let class = class_of(bytes).unwrap();
            let size = size_of_class(class);
            assert!(class < CLASSES && size >= bytes, "{bytes}");
            assert!(class == 0 || size_of_class(class - 1) < bytes, "{bytes}");
            assert!(size - bytes < GRAIN.max(bytes / 31), "{bytes}: {size}");
            assert!(size <= LIMIT || size.is_multiple_of(8));
        }
        assert_eq!(class_of(LARGEST), Some(CLASSES - 1));
        assert_eq!(class_of(LARGEST + 1), None);
    }
}
