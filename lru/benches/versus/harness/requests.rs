//! What is asked for.

use crate::zipf::{Rng, Zipf};

/// A key to ask for, in place: 16 to 32 characters. Requests bring their keys along, so they come from a buffer that is
/// read in order, and not from the memory of the keys that are stored.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    text: [u8; 32],
    len: u8,
}

/// How long keys are on average.
pub(super) const MEAN_KEY: usize = 24;

impl Request {
    /// The nth key: `/object/`, 16 hexadecimal digits, `/content`, cut to length. Also the shortest have 32 bits of a
    /// multiple of the golden ratio, which keep a billion of them apart.
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

    /// The same, ready to be asked for.
    pub(crate) fn requests(self, keys: u32, count: usize, seed: u64) -> Vec<Request> {
        let numbers = self.numbers(keys, count, seed);
        numbers.into_iter().map(Request::new).collect()
    }
}
