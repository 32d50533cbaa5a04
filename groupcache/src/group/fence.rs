use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use lru::DefaultHashBuilder;
use tokio::time::Instant;

/// A power of two. Keys that share a stripe fence each other's loads: such a load's value is returned but
/// not stored.
const STRIPES: usize = 1024;

/// Keeps a load that began before a removal, set or clear from storing its old value afterwards.
///
/// A load takes a [`Stamp`] before it begins, and its value is stored only if the stamp still
/// [holds](Self::holds) then, which is checked under the lock that guards the entry. A removal
/// first raises the fence and then takes the entry out under the same lock. So either the load has
/// stored its value before, and the removal takes it out, or it finds the fence raised.
pub(super) struct Fence {
    stripes: Box<[AtomicU64]>,
    /// Raised for all keys at once.
    all: AtomicU64,
    /// Raised for all mirrors at once.
    mirrors: AtomicU64,
    /// When each stripe was last raised, and in the last place all of them at once: in milliseconds after
    /// `start`, rounded up.
    raised: Box<[AtomicU64]>,
    start: Instant,
    hasher: DefaultHashBuilder,
}

/// How often the fence of a key had been raised when a load began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    stripe: usize,
    key: u64,
    all: u64,
    /// `None` for a value of this node's own.
    mirrors: Option<u64>,
}

impl Fence {
    pub(super) fn new() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            all: AtomicU64::new(0),
            mirrors: AtomicU64::new(0),
            raised: (0..=STRIPES).map(|_| AtomicU64::new(0)).collect(),
            start: Instant::now(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    fn stripe(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % STRIPES
    }

    /// The stamp of a load that begins now. Take it before the load asks a peer or the getter.
    pub(super) fn stamp(&self, key: &[u8]) -> Stamp {
        let stripe = self.stripe(key);
        Stamp {
            stripe,
            key: self.stripes[stripe].load(Ordering::SeqCst),
            all: self.all.load(Ordering::SeqCst),
            mirrors: None,
        }
    }

    /// The same for a value that another node owns.
    pub(super) fn stamp_of_mirror(&self, key: &[u8]) -> Stamp {
        Stamp {
            mirrors: Some(self.mirrors.load(Ordering::SeqCst)),
            ..self.stamp(key)
        }
    }

    /// Whether the fence has not been raised for the key since the stamp.
    pub(super) fn holds(&self, stamp: Stamp) -> bool {
        self.stripes[stamp.stripe].load(Ordering::SeqCst) == stamp.key
            && self.all.load(Ordering::SeqCst) == stamp.all
            && stamp
                .mirrors
                .is_none_or(|mirrors| self.mirrors.load(Ordering::SeqCst) == mirrors)
    }

    /// Call it before the key's entry is removed, or under the lock that guards the entry.
    pub(super) fn raise(&self, key: &[u8]) {
        let stripe = self.stripe(key);
        self.mark(stripe);
        self.stripes[stripe].fetch_add(1, Ordering::SeqCst);
    }

    /// Call it before all entries are removed.
    pub(super) fn raise_all(&self) {
        self.mark(STRIPES);
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    /// Call it before mirrors are removed, of any keys. [`raised_since`](Self::raised_since) does not see
    /// it.
    pub(super) fn raise_mirrors(&self) {
        self.mirrors.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the fence was raised for the key at that time or later. If so, other nodes' older values of
    /// the key may be removed ones.
    pub(super) fn raised_since(&self, key: &[u8], time: Instant) -> bool {
        let time = time.saturating_duration_since(self.start).as_millis();
        [self.stripe(key), STRIPES]
            .iter()
            .any(|&place| u128::from(self.raised[place].load(Ordering::SeqCst)) > time)
    }

    fn mark(&self, place: usize) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.raised[place].fetch_max(now.saturating_add(1), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

        let (own, mirror) = (fence.stamp(b"k"), fence.stamp_of_mirror(b"k"));
        assert!(fence.holds(own) && fence.holds(mirror));
        fence.raise_mirrors();
        assert!(fence.holds(own) && !fence.holds(mirror));
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

    #[tokio::test(start_paused = true)]
    async fn a_raise_is_remembered_with_its_time() {
        let fence = Fence::new();
        let before = Instant::now();
        assert!(!fence.raised_since(b"k", before));
        tokio::time::advance(Duration::from_secs(1)).await;
        fence.raise(b"k");
        assert!(fence.raised_since(b"k", before));
        tokio::time::advance(Duration::from_secs(1)).await;
        let after = Instant::now();
        assert!(!fence.raised_since(b"k", after));
        fence.raise_all();
        assert!(fence.raised_since(b"k", after) && fence.raised_since(b"other", after));
    }
}
