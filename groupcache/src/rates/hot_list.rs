use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::Key;

/// The keys that are asked for most, at most so many. Their counts are in the table of rates, which knows keys by their
/// hashes alone.
///
/// A key is listed once its count has passed the bar: that of the coldest key of a full list, and a tenth more, so that
/// keys of about the same rate do not take turns. A full list takes a key only now and then, so that a load of many such
/// keys does not spend its time here.
#[derive(Debug)]
pub(super) struct HotList {
    most: usize,
    listed: Mutex<Vec<Listed>>,
    /// The bits of the count that a key has to exceed. Zero as long as there is room.
    bar: AtomicU32,
    /// The tick of the last review, at which the bar was measured.
    reviewed: AtomicU32,
}

#[derive(Clone, Debug)]
struct Listed {
    hash: u64,
    key: Key,
}

/// How much more than the coldest listed key a newcomer has to be asked for.
const LEAD: f32 = 1.1;

/// A full list takes a key at most once in so many ticks, which are milliseconds.
const REVIEW_TICKS: u32 = 16;

/// Counts fade, and so does the bar: after so many ticks any key leads to a review.
const BAR_TICKS: u32 = 1000;

/// What changes in the table of rates.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// The key with this hash is listed now.
    pub(super) listed: Option<u64>,
    /// The key with this hash is not listed any more.
    pub(super) unlisted: Option<u64>,
}

impl HotList {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            listed: Mutex::default(),
            bar: AtomicU32::new(0),
            reviewed: AtomicU32::new(0),
        }
    }

    /// Whether any key is listed.
    pub(super) fn is_used(&self) -> bool {
        self.most > 0
    }

    /// Whether a key that is not listed may get onto the list with this count.
    #[inline]
    pub(super) fn takes(&self, count: f32, tick: u32) -> bool {
        let bar = f32::from_bits(self.bar.load(Relaxed));
        if bar == 0.0 {
            return self.is_used();
        }
        let since = tick.wrapping_sub(self.reviewed.load(Relaxed));
        since >= BAR_TICKS || (since >= REVIEW_TICKS && count > bar)
    }

    /// Lists a key, in place of the coldest one if the list is full. `count_of` tells the present count of a hash, `None`
    /// if the table has forgotten it. `note` hears of the change while the list is locked, so that a later change is
    /// noted later.
    pub(super) fn offer(
        &self,
        hash: u64,
        key: &[u8],
        count: f32,
        tick: u32,
        count_of: impl Fn(u64) -> Option<f32>,
        note: impl FnOnce(Change),
    ) {
        // One thread at a time is enough.
        if let Some(mut listed) = self.listed.try_lock() {
            note(self.change(&mut listed, hash, key, count, tick, count_of));
        }
    }

    /// Offers a key to the locked list, and says what that changes.
    fn change(
        &self,
        listed: &mut Vec<Listed>,
        hash: u64,
        key: &[u8],
        count: f32,
        tick: u32,
        count_of: impl Fn(u64) -> Option<f32>,
    ) -> Change {
        let mut change = Change::default();
        if listed.iter().any(|known| known.hash == hash) {
            change.listed = Some(hash);
            return change;
        }
        if listed.len() >= self.most {
            self.reviewed.store(tick, Relaxed);
            let mut coldest = (f32::INFINITY, 0);
            listed.retain(|known| count_of(known.hash).is_some());
            for (place, known) in listed.iter().enumerate() {
                let heat = count_of(known.hash).unwrap_or_default();
                if heat < coldest.0 {
                    coldest = (heat, place);
                }
            }
            let is_full = listed.len() >= self.most;
            let bar = if is_full { coldest.0 * LEAD } else { 0.0 };
            self.bar.store(bar.to_bits(), Relaxed);
            if is_full {
                if count <= bar {
                    return change;
                }
                change.unlisted = Some(listed.swap_remove(coldest.1).hash);
            }
        }
        listed.push(Listed {
            hash,
            key: key.into(),
        });
        change.listed = Some(hash);
        change
    }

    /// The listed keys with their hashes.
    pub(super) fn list(&self) -> Vec<(u64, Key)> {
        let listed = self.listed.lock();
        listed
            .iter()
            .map(|known| (known.hash, known.key.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(list: &HotList) -> Vec<u64> {
        let mut hashes: Vec<_> = list.list().into_iter().map(|(hash, _)| hash).collect();
        hashes.sort_unstable();
        hashes
    }

    fn offer(
        list: &HotList,
        hash: u64,
        count: f32,
        tick: u32,
        count_of: impl Fn(u64) -> Option<f32>,
    ) -> Change {
        let mut noted = None;
        list.offer(hash, b"k", count, tick, count_of, |change| {
            assert!(list.listed.is_locked(), "another change could come first");
            noted = Some(change);
        });
        noted.unwrap()
    }

    #[test]
    fn a_hotter_key_takes_the_place_of_the_coldest() {
        let (list, count_of) = (HotList::new(2), |hash| Some(hash as f32));
        for hash in [10, 20] {
            let change = offer(&list, hash, hash as f32, 0, count_of);
            assert_eq!(change.listed, Some(hash));
        }
        assert_eq!(offer(&list, 10, 10.0, 1, count_of).unlisted, None);
        let cold = offer(&list, 11, 11.0, 2, count_of);
        assert_eq!(cold, Change::default(), "not enough of a lead");
        let soon = 2 + REVIEW_TICKS;
        assert!(!list.takes(11.0, soon) && list.takes(12.0, soon));
        assert!(!list.takes(12.0, soon - 1), "a key came a moment ago");
        let hot = offer(&list, 30, 30.0, soon, count_of);
        assert_eq!((hot.listed, hot.unlisted), (Some(30), Some(10)));
        assert_eq!(hashes(&list), [20, 30]);
    }

    #[test]
    fn keys_that_the_table_has_forgotten_give_way_to_any_other() {
        let list = HotList::new(2);
        for hash in [10, 20] {
            offer(&list, hash, 100.0, 0, |_| Some(100.0));
        }
        let change = offer(&list, 1, 1.0, 1, |hash| (hash == 20).then_some(100.0));
        assert_eq!(change.listed, Some(1));
        assert_eq!(hashes(&list), [1, 20]);
    }

    #[test]
    fn the_bar_holds_for_a_second_and_an_unused_list_takes_nobody() {
        let list = HotList::new(1);
        offer(&list, 1, 100.0, 5, |_| Some(100.0));
        offer(&list, 2, 50.0, 6, |_| Some(100.0));
        assert!(!list.takes(90.0, 5 + BAR_TICKS) && list.takes(90.0, 6 + BAR_TICKS));
        assert!(!HotList::new(0).takes(f32::INFINITY, 5000));
    }
}
