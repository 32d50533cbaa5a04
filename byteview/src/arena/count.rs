//! The count of a block's users.

#[cfg(groupcache_loom)]
use loom::sync::atomic::{AtomicU32, fence};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
#[cfg(not(groupcache_loom))]
use std::sync::atomic::{AtomicU32, fence};

/// How many users a block has, and whether the store is one of them.
///
/// The store's [`Kept`](super::Kept) is one user, and each view is one. The bit [`LEFT`] says that the store has given the block
/// up. Whoever takes the number to zero frees the block, and nobody raises it from there: a view is made from another view, or from
/// what the store keeps, and each of these is a user itself.
#[repr(transparent)]
pub(super) struct Count(AtomicU32);

/// The store is no user.
const LEFT: u32 = 1 << 31;

/// The block is an allocation of its own, and never was in a store.
const ALONE: u32 = 1 << 30;

const NUMBER: u32 = ALONE - 1;

/// With so many users the process ends, as it does with `Arc`: the number must not run over into the bits. No sum of threads can
/// add as many more before one of them sees this.
const MOST: u32 = NUMBER / 2;

impl Count {
    /// A block with one user, which is not the store, in an allocation of its own.
    pub(super) fn alone() -> Self {
        Self(AtomicU32::new(ALONE | LEFT | 1))
    }

    /// Makes the store the one user of a block that had none. What was written to the block before is seen by whoever
    /// [shares](Self::share_if_single) it.
    #[inline]
    pub(super) fn begin(&self) {
        self.0.store(1, Release);
    }

    /// Adds a user. The caller is a user, or borrows from one.
    #[inline]
    pub(super) fn share(&self) {
        if self.0.fetch_add(1, Relaxed) & NUMBER >= MOST {
            std::process::abort();
        }
    }

    /// Adds a user if the store is the only one. The caller holds the lock that the store needs to leave. A block that is not
    /// begun yet is not shared.
    pub(super) fn share_if_single(&self) -> bool {
        self.0.compare_exchange(1, 2, Acquire, Relaxed).is_ok()
    }

    /// Whether there are exactly so many users, the store among them.
    pub(super) fn is(&self, users: u32) -> bool {
        self.0.load(Acquire) == users
    }

    /// Takes a user away that is not the store. Returns whether it was the last user, who has to free the block.
    #[inline]
    pub(super) fn release(&self) -> bool {
        // Release: what this user has read stays before the block is freed. Acquire: so does what the others have read.
        let was_last = self.0.fetch_sub(1, Release) & NUMBER == 1;
        if was_last {
            fence(Acquire);
        }
        was_last
    }

    /// Takes the store away. Returns whether it was the last user, who has to free the block.
    #[inline]
    pub(super) fn leave(&self) -> bool {
        self.0.fetch_add(LEFT - 1, AcqRel) == 1
    }

    /// Whether the block is an allocation of its own.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.0.load(Relaxed) & ALONE != 0
    }

    /// Whether there is one user.
    pub(super) fn is_unique(&self) -> bool {
        self.0.load(Acquire) & NUMBER == 1
    }
}

/// All interleavings of a store that leaves, views that come and go, and a move.
#[cfg(all(test, groupcache_loom))]
mod model {
    use std::sync::atomic::Ordering::SeqCst;

    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicU32 as Counter;
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    use super::*;

    /// A block whose content is written when it is freed, so that loom sees who reads it too late.
    struct Block {
        count: Count,
        content: UnsafeCell<u32>,
        /// The class's lock, and whether the books call the block pinned.
        pinned: Mutex<bool>,
        freed: Counter,
    }

    impl Block {
        fn begun() -> Arc<Self> {
            let block = Self {
                count: Count(AtomicU32::new(0)),
                content: UnsafeCell::new(0),
                pinned: Mutex::new(false),
                freed: Counter::new(0),
            };
            block.content.with_mut(|content| unsafe { *content = 7 });
            block.count.begin();
            Arc::new(block)
        }

        fn read(&self) {
            self.content
                .with(|content| assert_eq!(unsafe { *content }, 7));
        }

        fn free(&self) {
            self.content.with_mut(|content| unsafe { *content = 0 });
            self.freed.fetch_add(1, SeqCst);
        }

        fn drop_view(&self) {
            if self.count.release() {
                let mut pinned = self.pinned.lock().unwrap();
                assert!(*pinned, "the last view frees what the store has left");
                *pinned = false;
                self.free();
            }
        }

        fn drop_kept(&self) {
            let mut pinned = self.pinned.lock().unwrap();
            if self.count.leave() {
                self.free();
            } else {
                *pinned = true;
            }
        }
    }

    #[test]
    fn whoever_is_last_frees_the_block_and_nobody_reads_it_afterwards() {
        loom::model(|| {
            let block = Block::begun();
            block.count.share();
            let views = {
                let block = Arc::clone(&block);
                thread::spawn(move || {
                    block.count.share();
                    block.read();
                    block.drop_view();
                    block.read();
                    block.drop_view();
                })
            };
            block.read();
            block.drop_kept();
            views.join().unwrap();
            assert_eq!(block.freed.load(SeqCst), 1);
            assert!(!*block.pinned.lock().unwrap());
        });
    }

    #[test]
    fn a_move_shares_a_block_or_finds_that_the_store_has_left() {
        loom::model(|| {
            let block = Block::begun();
            let mover = {
                let block = Arc::clone(&block);
                thread::spawn(move || {
                    let lock = block.pinned.lock().unwrap();
                    // The bitmap says under the lock whether the block is in use.
                    let shared = block.freed.load(SeqCst) == 0 && block.count.share_if_single();
                    drop(lock);
                    if shared {
                        block.read();
                        block.drop_view();
                    }
                })
            };
            block.drop_kept();
            mover.join().unwrap();
            assert_eq!(block.freed.load(SeqCst), 1);
            assert!(!*block.pinned.lock().unwrap());
        });
    }

    #[test]
    fn what_is_shared_has_been_written() {
        loom::model(|| {
            let block = Arc::new(Block {
                count: Count(AtomicU32::new(0)),
                content: UnsafeCell::new(0),
                pinned: Mutex::new(false),
                freed: Counter::new(0),
            });
            let mover = {
                let block = Arc::clone(&block);
                thread::spawn(move || {
                    let shared = block.count.share_if_single();
                    if shared {
                        block.read();
                    }
                    shared
                })
            };
            block.content.with_mut(|content| unsafe { *content = 7 });
            block.count.begin();
            if mover.join().unwrap() {
                assert!(block.count.is(2));
            }
        });
    }
}
