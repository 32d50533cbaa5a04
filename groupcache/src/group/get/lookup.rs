//! Step 1, lookup: the value from memory.

use std::sync::Arc;

use byteview::ByteView;

use crate::group::inner::Inner;
use crate::stats::Event;
use crate::store::HitInfo;
use crate::{Entry, Mode, Source};

/// One hit in this many is counted, and stands for all of them.
const SAMPLE: f32 = 16.0;

/// Whether the nth hit is counted. Multiples of the golden ratio are spread evenly over the
/// circle, whatever the stride, so that a loop over any number of keys is sampled fairly.
fn is_sample(nth: u64) -> bool {
    nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 == 0
}

impl Inner {
    /// The value from memory, if it is there. Counts a hit. A stale value is refreshed in the
    /// background.
    #[inline]
    pub(in crate::group) fn lookup(self: &Arc<Self>, key: &[u8]) -> Option<ByteView> {
        let mut info = HitInfo::default();
        let value = self.look(key, &mut info);
        if info.source == Source::Stale {
            self.refresh(key);
        }
        value
    }

    /// As [`lookup`](Self::lookup), with the rest of the entry.
    pub(in crate::group) fn lookup_entry(self: &Arc<Self>, key: &[u8]) -> Option<Entry> {
        let entry = self.lookup_without_refresh(key)?;
        if entry.source == Source::Stale {
            self.refresh(key);
        }
        Some(entry)
    }

    /// The entry from memory for a get of this mode. Only a normal get refreshes a stale value.
    pub(in crate::group) fn lookup_in(self: &Arc<Self>, mode: Mode, key: &[u8]) -> Option<Entry> {
        match mode {
            Mode::Normal => self.lookup_entry(key),
            Mode::Peek | Mode::NoPeerLoad => self.lookup_without_refresh(key),
        }
    }

    /// As [`lookup_entry`](Self::lookup_entry), but leaves a stale value as it is.
    fn lookup_without_refresh(&self, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.look(key, &mut info)?;
        Some(info.entry(value))
    }

    #[inline]
    fn look(&self, key: &[u8], info: &mut HitInfo) -> Option<ByteView> {
        let value = self.store.view(key, info);
        if value.is_some() {
            if !self.is_fresh(info.fresh_until) {
                info.source = Source::Stale;
            }
            let nth = self.counters.add(Event::of(info.source));
            if is_sample(nth) {
                self.count_sample(key);
            }
        }
        value
    }

    /// Counts a hit that stands for several, if the node has peers, which get the rate with a reply.
    #[cold]
    fn count_sample(&self, key: &[u8]) {
        if self.has_peers() {
            self.count_request(key, SAMPLE);
        }
    }
}
