//! Step 1, lookup: the value from memory.

use std::sync::Arc;
use std::time::Instant;

use byteview::{ByteView, KeptView};

use crate::group::inner::Inner;
use crate::stats::Event;
use crate::store::HitInfo;
use crate::{Entry, Mode};

/// One hit in two to the power of this is a sample: counted, if the node has peers, for all of them.
const SAMPLE: u32 = 4;

/// The same for the list of hot keys, if the node has no peers.
const SAMPLE_ALONE: u32 = 7;

/// The same for the measuring of hits.
const SAMPLE_TIMED: u32 = 10;

/// Whether the nth hit is one of two to the power of `sample`. Multiples of the golden ratio are spread evenly over the
/// circle, whatever the stride, so that a loop over any number of keys is sampled fairly.
fn is_sample(nth: u64, sample: u32) -> bool {
    nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - sample) == 0
}

impl Inner {
    /// The entry from memory, if it is there. Counts a hit. A value that is stale, or about to be, is refreshed in
    /// the background.
    pub(crate) fn lookup_entry(self: &Arc<Self>, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.look(key, &mut info)?;
        if info.is_due {
            self.refresh(key);
        }
        Some(info.entry(value))
    }

    /// As [`lookup_entry`](Self::lookup_entry), of a store that [has kept views](crate::store::Storage::has_kept_views): the
    /// way of most hits.
    #[inline]
    pub(in crate::group) fn lookup_kept(self: &Arc<Self>, key: &[u8]) -> Option<KeptView> {
        let mut info = HitInfo::default();
        let kept = self.store.kept_view(key, &mut info)?;
        self.count_hit(key, &info);
        if info.is_due {
            self.refresh(key);
        }
        Some(kept)
    }

    /// The entry from memory for a get of this mode. Only a normal get refreshes a value.
    pub(in crate::group) fn lookup_in(self: &Arc<Self>, mode: Mode, key: &[u8]) -> Option<Entry> {
        match mode {
            Mode::Normal => self.lookup_entry(key),
            Mode::Peek | Mode::NoPeerLoad => self.lookup_without_refresh(key),
        }
    }

    /// As [`lookup_entry`](Self::lookup_entry), but refreshes nothing.
    fn lookup_without_refresh(&self, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.look(key, &mut info)?;
        Some(info.entry(value))
    }

    fn look(&self, key: &[u8], info: &mut HitInfo) -> Option<ByteView> {
        let value = self.store.view(key, info)?;
        self.count_hit(key, info);
        Some(value)
    }

    #[inline]
    fn count_hit(&self, key: &[u8], info: &HitInfo) {
        let event = Event::of(info.source);
        let nth = self.counters.add(event);
        if is_sample(nth, SAMPLE) {
            self.count_sample(key, event, nth);
        }
    }

    /// Counts a hit that stands for several: for peers, which get the rate with a reply, and for the list of hot keys.
    /// Now and then measures how long a hit takes.
    #[cold]
    fn count_sample(&self, key: &[u8], event: Event, nth: u64) {
        if self.has_peers() {
            self.count_request(key, (1_u32 << SAMPLE) as f32);
        } else if is_sample(nth, SAMPLE_ALONE) && self.rates.lists_hot_keys() {
            self.count_request(key, (1_u32 << SAMPLE_ALONE) as f32);
        }
        if is_sample(nth, SAMPLE_TIMED) {
            self.measure_hit(key, event);
        }
    }

    /// Measures a second look-up of the key, because measuring the first one would slow all hits down: the clock would
    /// have to be read, or at least a decision made, before each of them.
    fn measure_hit(&self, key: &[u8], event: Event) {
        let begun = Instant::now();
        let value = self.store.view(key, &mut HitInfo::default());
        self.measures.record_get(event, begun.elapsed());
        drop(value);
    }
}
