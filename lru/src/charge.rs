/// A charge in half the space. Up to 2 GiB it is exact; above, it is rounded up to MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge(u32);

/// The charge is a number of MiB.
const MIB: u32 = 1 << 31;

/// The most that a number of MiB says. It stands for all that is more.
const MOST: u32 = u32::MAX;

impl Charge {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn new(bytes: usize) -> Self {
        match u32::try_from(bytes) {
            Ok(bytes) if bytes < MIB => Self(bytes),
            _ => {
                Self(MIB | u32::try_from(bytes.div_ceil(1 << 20)).map_or(MOST, |mib| mib.min(!MIB)))
            }
        }
    }

    #[inline]
    pub(crate) fn bytes(self) -> usize {
        match self.0 {
            MOST => usize::MAX,
            mib if mib & MIB != 0 => ((mib & !MIB) as usize) << 20,
            bytes => bytes as usize,
        }
    }

    /// The charge that is kept of one with so many bytes.
    pub(crate) fn round(bytes: usize) -> usize {
        Self::new(bytes).bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_exact_or_rounded_up_a_little() {
        for bytes in [0, 1, 13, 1 << 20, (1 << 31) - 1] {
            assert_eq!(Charge::round(bytes), bytes);
        }
        for bytes in [1 << 31, (1 << 31) + 1, 1 << 40, (1 << 50) + 12_345] {
            let rounded = Charge::round(bytes);
            assert!(rounded >= bytes && rounded - bytes < 1 << 20);
            assert_eq!(Charge::round(rounded), rounded);
        }
        assert_eq!(Charge::round(usize::MAX), usize::MAX);
    }
}
