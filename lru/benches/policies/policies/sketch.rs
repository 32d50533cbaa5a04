//! A count-min sketch of four-bit counters with conservative update, halved after a sample. Einziger, Friedman and
//! Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM ToS 2017.

use crate::zipf::mix;

pub(super) struct Sketch {
    /// Sixteen counters a word; a key has one in each quarter of a word.
    table: Vec<u64>,
    additions: u64,
    sample: u64,
}

impl Sketch {
    pub(super) fn new(entries: u64) -> Self {
        let words = entries.clamp(8, 1 << 24).next_power_of_two();
        Self {
            table: vec![0; words as usize],
            additions: 0,
            sample: 10 * entries,
        }
    }

    fn counter(&self, id: u32, row: u32) -> (usize, u32) {
        let hash = mix((u64::from(id) << 2 | u64::from(row)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let word = hash as usize & (self.table.len() - 1);
        (word, row * 16 + (hash >> 62) as u32 * 4)
    }

    pub(super) fn estimate(&self, id: u32) -> u64 {
        (0..4)
            .map(|row| {
                let (word, shift) = self.counter(id, row);
                self.table[word] >> shift & 15
            })
            .min()
            .unwrap_or(0)
    }

    pub(super) fn increment(&mut self, id: u32) {
        let estimate = self.estimate(id);
        if estimate == 15 {
            return;
        }
        for row in 0..4 {
            let (word, shift) = self.counter(id, row);
            if self.table[word] >> shift & 15 == estimate {
                self.table[word] += 1 << shift;
            }
        }
        self.additions += 1;
        if self.additions >= self.sample {
            self.additions /= 2;
            for word in &mut self.table {
                *word = *word >> 1 & 0x7777_7777_7777_7777;
            }
        }
    }
}
