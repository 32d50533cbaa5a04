//! What the handles of an arena share.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::class::{Class, Freed};
use super::extent::Extent;
use super::pages::Pages;
use super::sizes::{CLASSES, EXTENT, PAGE, size_of_class};
use super::source::Source;

/// The books of an arena. Each class has a lock of its own, so that inserts of different sizes do not meet.
///
/// Locks are taken in this order: a class or the tables, then the source. Nothing that a user has written runs under one.
///
/// Once a thread has freed a block and released the lock, another may free the last one, and end the arena. So nothing is touched after
/// that, by the lock neither: one of `parking_lot` is not looked at once others can have it.
#[derive(Debug)]
pub(super) struct Shared {
    classes: [OnceLock<Box<Mutex<Class>>>; CLASSES],
    pub(super) tables: Mutex<Vec<Pages>>,
    pub(super) source: Mutex<Source>,
    /// The bytes of pages that may take up memory, and of buffers of their own.
    reserved: AtomicUsize,
    /// Of these, the bytes that are there for views alone.
    pinned: AtomicUsize,
    /// Bytes of buffers of their own that the store keeps.
    pub(super) outside: AtomicUsize,
}

/// The head of an extent, at its start. The address of a block, rounded down, leads here.
pub(super) struct Head {
    /// From `Arc::into_raw`: the arena lives as long as one of its extents has a block in use.
    shared: *const Shared,
    class: u32,
    number: u32,
}

/// The head of the extent of a block.
#[inline]
fn head(block: usize) -> *const Head {
    std::ptr::with_exposed_provenance(block & !(EXTENT - 1))
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            classes: [const { OnceLock::new() }; CLASSES],
            tables: Mutex::default(),
            source: Mutex::default(),
            reserved: AtomicUsize::new(0),
            pinned: AtomicUsize::new(0),
            outside: AtomicUsize::new(0),
        })
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved.load(Relaxed)
    }

    pub(super) fn pinned(&self) -> usize {
        // A view may have been dropped before the store has noted that it has left.
        (self.pinned.load(Relaxed) as isize).max(0) as usize
    }

    pub(super) fn reserve(&self, bytes: usize) {
        if bytes > 0 {
            self.reserved.fetch_add(bytes, Relaxed);
        }
    }

    pub(super) fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.reserved.fetch_sub(bytes, Relaxed);
        }
    }

    #[inline]
    pub(super) fn pin(&self, growth: isize) {
        if growth != 0 {
            self.pinned.fetch_add(growth as usize, Relaxed);
        }
    }

    #[inline]
    fn class(&self, class: usize) -> MutexGuard<'_, Class> {
        let new = || Box::new(Mutex::new(Class::new(size_of_class(class))));
        self.classes[class].get_or_init(new).lock()
    }

    /// The classes that have ever had a block.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Mutex<Class>> {
        self.classes
            .iter()
            .filter_map(OnceLock::get)
            .map(|class| &**class)
    }

    /// The address of a free block, which is the store's from now on; `None` if the system has no memory.
    #[inline]
    pub(super) fn take(self: &Arc<Self>, class: usize) -> Option<usize> {
        let mut books = self.class(class);
        if let Some(taken) = books.take() {
            self.reserve(taken.fresh);
            self.pin(taken.pinned);
            return Some(taken.block);
        }
        let base = self.source.lock().take()?;
        let number = books.add(base);
        let head = Head {
            shared: Arc::into_raw(Arc::clone(self)),
            class: class as u32,
            number,
        };
        // SAFETY: the extent has just been taken from the source, is aligned to its size, and nobody else knows its address.
        unsafe { std::ptr::with_exposed_provenance_mut::<Head>(base).write(head) };
        let taken = books.take()?;
        self.reserve(PAGE + taken.fresh);
        Some(taken.block)
    }

    /// Takes the store away from a block.
    ///
    /// # Safety
    ///
    /// The block is in use, the caller is the store, and says so with `leave`, which tells whether the block has no user left.
    /// `frees` says whether the block is to be freed then.
    #[inline]
    pub(super) unsafe fn leave(block: usize, leave: impl FnOnce() -> bool, frees: bool) -> bool {
        // SAFETY: the block is in use, so its extent has a head, and the arena lives.
        let (shared, class, number) = unsafe {
            let Head {
                shared,
                class,
                number,
            } = &*head(block);
            (*shared, *class as usize, *number)
        };
        // SAFETY: as above. This ends when the extent is given up, after the last use.
        let books = unsafe { &*shared };
        let mut locked = books.class(class);
        if !leave() {
            books.pin(locked.leave(number, block));
            return false;
        }
        if frees {
            let Freed { pinned, emptied } = locked.free(number, block, false);
            books.pin(pinned);
            drop(locked);
            // SAFETY: the extent is in no books any more.
            unsafe { Self::give_up(shared, emptied) };
        }
        true
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// The block has no user, and this is called once. `was_left` says whether the books know that the store has left it.
    pub(super) unsafe fn free(block: usize, was_left: bool) {
        // SAFETY: the block has not been freed, so its extent has a head, and the arena lives.
        let (shared, class, number) = unsafe {
            let Head {
                shared,
                class,
                number,
            } = &*head(block);
            (*shared, *class as usize, *number)
        };
        let emptied = {
            // SAFETY: as above. Until the lock is released, the block is in use.
            let books = unsafe { &*shared };
            let mut locked = books.class(class);
            let Freed { pinned, emptied } = locked.free(number, block, was_left);
            books.pin(pinned);
            emptied
        };
        // SAFETY: the extent is in no books any more.
        unsafe { Self::give_up(shared, emptied) };
    }

    /// Gives an extent back that has become empty, and with it, maybe, the arena.
    ///
    /// # Safety
    ///
    /// The extent was of this arena, and the caller has taken it from the books. If there is none, the arena may have ended.
    #[inline]
    unsafe fn give_up(shared: *const Self, emptied: Option<Extent>) {
        if let Some(extent) = emptied {
            // SAFETY: the extent's head has a count of its own. The extent is in no books, so nobody else takes this one away.
            let books = unsafe { Arc::from_raw(shared) };
            books.give_back(extent.resident());
            books.source.lock().give(extent.base);
        }
    }

    /// The arena of a block in use.
    ///
    /// # Safety
    ///
    /// The block is in use for as long as the result is.
    pub(super) unsafe fn of<'a>(block: usize) -> &'a Self {
        // SAFETY: the block's extent has a head, and keeps the arena alive.
        unsafe { &*(*head(block)).shared }
    }
}
