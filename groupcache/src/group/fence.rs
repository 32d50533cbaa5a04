use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A power of two. Keys that share a stripe fence each other's loads, which costs one of them a
/// place in the cache and nobody a wrong value.
const STRIPES: usize = 1024;

/// Keeps what was removed, set or cleared from being put back by a load that began earlier.
///
/// A load takes a [`Stamp`] before it begins, and its value is stored only if the stamp still
/// [holds](Self::holds) then, which is checked under the lock that guards the entry. A removal
/// first raises the fence and then takes the entry out under the same lock. So either the load has
/// stored its value before, and the removal takes it out, or it finds the fence raised.
pub(super) struct Fence {
    stripes: Box<[AtomicU64]>,
    /// Raised for all keys at once.
    all: AtomicU64,
    hasher: RandomState,
}

/// When a load began, as far as its key's removals are concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    stripe: usize,
    key: u64,
    all: u64,
}

impl Fence {
    pub(super) fn new() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            all: AtomicU64::new(0),
            hasher: RandomState::new(),
        }
    }

    fn stripe(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % STRIPES
    }

    /// To be taken before a load asks anybody for the value.
    pub(super) fn stamp(&self, key: &[u8]) -> Stamp {
        let stripe = self.stripe(key);
        Stamp {
            stripe,
            key: self.stripes[stripe].load(Ordering::SeqCst),
            all: self.all.load(Ordering::SeqCst),
        }
    }

    /// Whether nothing was raised for the key since.
    pub(super) fn holds(&self, stamp: Stamp) -> bool {
        self.stripes[stamp.stripe].load(Ordering::SeqCst) == stamp.key
            && self.all.load(Ordering::SeqCst) == stamp.all
    }

    /// To be called before the key's entry is taken out or overwritten.
    pub(super) fn raise(&self, key: &[u8]) {
        self.stripes[self.stripe(key)].fetch_add(1, Ordering::SeqCst);
    }

    /// To be called before all entries are taken out.
    pub(super) fn raise_all(&self) {
        self.all.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_its_key_or_all_are_raised() {
        let fence = Fence::new();
        let stamp = fence.stamp(b"k");
        assert!(fence.holds(stamp));
        fence.raise(b"k");
        assert!(!fence.holds(stamp));

        let stamp = fence.stamp(b"k");
        fence.raise_all();
        assert!(!fence.holds(stamp));
    }

    #[test]
    fn other_keys_are_rarely_in_the_way() {
        let fence = Fence::new();
        let stamps: Vec<_> = (0..1000_u32)
            .map(|n| fence.stamp(&n.to_le_bytes()))
            .collect();
        fence.raise(b"another");
        assert!(stamps.iter().filter(|stamp| !fence.holds(**stamp)).count() < 50);
    }
}
