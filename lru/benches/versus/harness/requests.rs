//! The keys that a bench asks for.

use crate::zipf::{Rng, Zipf};

/// A key to ask for, held in place: 16 to 32 characters. So keys come from a buffer that is read in order, and not from
/// the memory of the stored keys.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    text: [u8; 32],
    len: u8,
}

/// The average length of a key, in bytes.
pub(super) const MEAN_KEY: usize = 24;

impl Request {
    /// The nth key: `/object/`, 16 hexadecimal digits, `/content`, cut to length. Even the shortest keys hold 32 bits of
    /// a multiple of the golden ratio, which keep a billion keys apart.
    pub(crate) fn new(n: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"/object/0000000000000000/content";
        let mut rest = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for digit in &mut text[8..24] {
            *digit = DIGITS[(rest >> 60) as usize];
            rest <<= 4;
        }
        Self {
            text,
            len: 16 + (n % 17) as u8,
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }
}

/// How keys are drawn.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    /// Zipf 0.99.
    Zipf,
    Uniform,
}

impl Draw {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zipf => "Zipf 0.99",
            Self::Uniform => "uniform",
        }
    }

    /// The numbers of `count` keys out of `0..keys`.
    pub(crate) fn numbers(self, keys: u32, count: usize, seed: u64) -> Vec<u64> {
        let mut rng = Rng::new(seed);
        let zipf = Zipf::new(keys, 0.99);
        let mut draw = || match self {
            Self::Zipf => zipf.sample(&mut rng),
            Self::Uniform => rng.below(u64::from(keys)),
        };
        (0..count).map(|_| draw()).collect()
    }

    /// Requests for the same keys.
    pub(crate) fn requests(self, keys: u32, count: usize, seed: u64) -> Vec<Request> {
        let numbers = self.numbers(keys, count, seed);
        numbers.into_iter().map(Request::new).collect()
    }
}
