//! A block: count, key and value in one piece of memory.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::hash::{Hash, Hasher};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::{fmt, slice};

use super::count::Count;
use super::repr::{Owner, Repr};
use super::shared::Shared;
use super::sizes::class_of;
use super::{Arena, LARGEST, extent, sizes};
use crate::ByteView;

/// The start of a block. The key follows, then the value; or an [`Outside`] if they have buffers of their own.
pub(super) struct Header {
    count: Count,
    lens: Lens,
}

/// The lengths of key and value, 12 and 20 bits; or [`OUTSIDE`]. In an allocation of its own, the length of the bytes.
type Lens = u32;

const KEY: u32 = 12;
const OUTSIDE: Lens = u32::MAX;

/// A key and a value with buffers of their own, in place of themselves.
struct Outside {
    key: ByteView,
    value: ByteView,
}

const HEADER: usize = size_of::<Header>();

const _: () =
    assert!((cfg!(groupcache_loom) || HEADER == 8) && align_of::<Outside>() <= 8 && LARGEST < 1 << (u32::BITS - KEY));

/// The length of the block for a key and a value, and whether they are in it themselves.
const fn layout(key: usize, value: usize) -> (usize, bool) {
    let len = HEADER + key + value;
    if key < 1 << KEY && len <= LARGEST {
        (len, true)
    } else {
        (HEADER + size_of::<Outside>(), false)
    }
}

/// One user of a block, which is not the store.
pub(super) struct Shares(NonNull<Header>);

/// A key and its value, as a store keeps them in an [`Arena`]: one pointer.
///
/// Equality and hash are those of the key. Dropping it gives the memory back to the arena, unless there are views of the value: then
/// the last of these does so. Takes constant time.
///
/// ```
/// use byteview::{Arena, ByteView};
///
/// let arena = Arena::new();
/// let kept = arena.keep(b"greeting", &ByteView::from("hello")).unwrap();
/// assert_eq!((kept.key(), kept.value()), (b"greeting".as_slice(), b"hello".as_slice()));
/// let view = kept.view();
/// drop(kept);
/// assert_eq!(view, "hello");
/// ```
pub struct Kept(NonNull<Header>);

/// An entry that an arena would like to have elsewhere; see [`Arena::move_some`].
#[derive(Debug)]
pub struct Moving<'a> {
    arena: &'a Arena,
    block: Shares,
}

// SAFETY: the bytes of a block do not change while it has a user. The count is atomic, and the books are under locks. An `Outside`
// holds views, which are `Send` and `Sync`.
unsafe impl Send for Shares {}
// SAFETY: as above.
unsafe impl Sync for Shares {}
// SAFETY: as above.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Arena {
    /// A copy of a key and a value in one block; `None` if the system has no memory.
    ///
    /// If they are longer than about 128 KiB together, or the key is longer than 4 KiB, the block has a copy of the key and shares
    /// the value's buffer instead. Takes time for the copy, and otherwise constant time.
    #[must_use]
    pub fn keep(&self, key: &[u8], value: &ByteView) -> Option<Kept> {
        self.put(key, value, Some(value))
    }

    /// The same. A value that does not fit into a block is shared from `buffer`.
    #[inline]
    fn put(&self, key: &[u8], value: &[u8], buffer: Option<&ByteView>) -> Option<Kept> {
        let (len, is_inside) = layout(key.len(), value.len());
        let outside = match buffer {
            _ if is_inside => None,
            Some(buffer) => Some(Outside {
                key: ByteView::copy_from_slice(key),
                value: buffer.clone(),
            }),
            None => return None,
        };
        let block = self.0.take(class_of(len)?)?;
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<Header>(block))?;
        // SAFETY: the block has room for `len` bytes, and nobody else uses it. Its address is a multiple of four, and of eight for
        // the size of an `Outside`. A thread that looks for blocks to move may read the count meanwhile, and nothing else.
        unsafe {
            let body = header.cast::<u8>().add(HEADER);
            let lens = if let Some(outside) = outside {
                self.0.outside.fetch_add(outside.len(), Relaxed);
                self.0.reserve(outside.len());
                body.cast::<Outside>().write(outside);
                OUTSIDE
            } else {
                body.copy_from_nonoverlapping(start(key), key.len());
                body.add(key.len())
                    .copy_from_nonoverlapping(start(value), value.len());
                (value.len() as u32) << KEY | key.len() as u32
            };
            (&raw mut (*header.as_ptr()).lens).write(lens);
            (*header.as_ptr()).count.begin();
        }
        Some(Kept(header))
    }

    /// The bytes that a key and a value of these lengths take up in an arena: the block, its part of the books and of the ends
    /// of its extent, and buffers of their own if they are that long.
    #[must_use]
    pub const fn charge(key: usize, value: usize) -> usize {
        let (len, is_inside) = layout(key, value);
        let Some(class) = class_of(len) else {
            return usize::MAX;
        };
        let share = extent::share(sizes::size_of_class(class));
        if is_inside {
            share
        } else {
            share.saturating_add(key).saturating_add(value)
        }
    }
}

fn start(bytes: &[u8]) -> NonNull<u8> {
    NonNull::from_ref(bytes).cast()
}

impl Outside {
    fn len(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

impl Header {
    fn is_outside(&self) -> bool {
        self.lens == OUTSIDE
    }
}

/// The key and the value of a block in a store.
///
/// # Safety
///
/// The block is in use, and is one that [`Arena::keep`] has made, for as long as the results are used.
#[inline]
unsafe fn parts<'a>(header: NonNull<Header>) -> (&'a [u8], NonNull<[u8]>) {
    // SAFETY: `keep` has written the lengths, and so many bytes, before anybody else knew of the block.
    unsafe {
        let lens = header.as_ref().lens;
        let body = header.cast::<u8>().add(HEADER);
        if lens == OUTSIDE {
            let outside = body.cast::<Outside>().as_ref();
            return (&outside.key, NonNull::from_ref(&*outside.value));
        }
        let (key, value) = ((lens & ((1 << KEY) - 1)) as usize, (lens >> KEY) as usize);
        let value = NonNull::slice_from_raw_parts(body.add(key), value);
        (slice::from_raw_parts(body.as_ptr(), key), value)
    }
}

/// Drops what a block has outside.
///
/// # Safety
///
/// The block has an [`Outside`], no user, and this is called once.
unsafe fn drop_outside(header: NonNull<Header>, was_left: bool) {
    // SAFETY: nobody else uses the block, and nobody reads this again.
    unsafe {
        let outside = header.cast::<u8>().add(HEADER).cast::<Outside>().read();
        let shared = Shared::of(header.addr().get());
        shared.give_back(outside.len());
        if was_left {
            shared.pin(-(outside.len() as isize));
        } else {
            shared.outside.fetch_sub(outside.len(), Relaxed);
        }
    }
}

impl Kept {
    /// The key. Takes constant time.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        // SAFETY: the store is a user of the block.
        unsafe { parts(self.0).0 }
    }

    /// The value. Takes constant time.
    #[inline]
    #[must_use]
    pub fn value(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { parts(self.0).1.as_ref() }
    }

    /// A view of the value, which keeps the block in use. Allocates nothing, and takes constant time.
    #[inline]
    #[must_use]
    pub fn view(&self) -> ByteView {
        // SAFETY: the store is a user of the block. The view is one more, so the bytes stay where they are as long as it lives.
        unsafe {
            self.0.as_ref().count.share();
            let (_, bytes) = parts(self.0);
            ByteView::of(Repr::new(bytes, Owner::Block(Shares(self.0))))
        }
    }

    /// A copy elsewhere in the arena, if this is the block that is to be moved, and nobody has a view of its value.
    ///
    /// The store calls this while no other thread can get at the entry. The caller puts the copy into the place of this one.
    #[must_use]
    pub fn moved(&self, moving: &Moving<'_>) -> Option<Self> {
        // SAFETY: the store is a user of the block. If it and the mover are all users, no thread has a view that it could clone.
        let (key, value) = unsafe {
            if self.0 != moving.block.0 || !self.0.as_ref().count.is(2) {
                return None;
            }
            parts(self.0)
        };
        // SAFETY: as above.
        unsafe {
            if self.0.as_ref().is_outside() {
                let outside = self.0.cast::<u8>().add(HEADER).cast::<Outside>();
                return moving.arena.keep(key, &outside.as_ref().value);
            }
            moving.arena.put(key, value.as_ref(), None)
        }
    }
}

impl Drop for Kept {
    #[inline]
    fn drop(&mut self) {
        let block = self.0.addr().get();
        // SAFETY: the store is a user until `leave` says that it has gone. If nobody else is one then, this frees the block: at
        // once, or after what it has outside is dropped, which may take other locks.
        unsafe {
            let is_outside = self.0.as_ref().is_outside();
            let len = if is_outside {
                self.0
                    .cast::<u8>()
                    .add(HEADER)
                    .cast::<Outside>()
                    .as_ref()
                    .len()
            } else {
                0
            };
            let count = self.0;
            let leave = || {
                let shared = Shared::of(block);
                let is_last = count.as_ref().count.leave();
                if is_outside && !is_last {
                    shared.outside.fetch_sub(len, Relaxed);
                    shared.pin(len as isize);
                }
                is_last
            };
            if Shared::leave(block, leave, !is_outside) && is_outside {
                drop_outside(self.0, false);
                Shared::free(block, false);
            }
        }
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Kept {}

/// Hashes as the key does.
impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = ByteView::copy_from_slice(self.key());
        f.debug_tuple("Kept").field(&key).finish()
    }
}

impl<'a> Moving<'a> {
    /// The key of the entry.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        // SAFETY: the mover is a user of the block, which `keep` has made.
        unsafe { parts(self.block.0).0 }
    }

    /// An entry whose block has this address, if the store is its only user.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the block's class, and the class says that the block is in use.
    pub(super) unsafe fn share(address: usize) -> Option<Shares> {
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<Header>(address))?;
        // SAFETY: the block is in use, so its memory is mapped, and its count is written as an atomic. If the count is one, the block
        // is begun, and the store cannot leave it without the lock.
        let is_shared = unsafe { (*header.as_ptr()).count.share_if_single() };
        is_shared.then(|| Shares(header))
    }

    pub(super) fn new(arena: &'a Arena, block: Shares) -> Self {
        Self { arena, block }
    }
}

impl Shares {
    /// A copy of bytes in an allocation of its own, with one user.
    pub(super) fn alone(bytes: &[u8]) -> Option<(NonNull<[u8]>, Self)> {
        let lens = u32::try_from(bytes.len()).ok()?;
        let layout = Self::layout_alone(lens)?;
        // SAFETY: the layout has a size, and room for header and bytes.
        unsafe {
            let Some(header) = NonNull::new(alloc(layout).cast::<Header>()) else {
                handle_alloc_error(layout)
            };
            let count = Count::alone();
            header.write(Header { count, lens });
            let body = header.cast::<u8>().add(HEADER);
            body.copy_from_nonoverlapping(start(bytes), bytes.len());
            Some((
                NonNull::slice_from_raw_parts(body, bytes.len()),
                Self(header),
            ))
        }
    }

    /// The layout of an allocation for so many bytes.
    fn layout_alone(len: u32) -> Option<Layout> {
        Layout::from_size_align(HEADER + len as usize, align_of::<Header>()).ok()
    }

    /// Whether this is the only user of an allocation of exactly so many bytes.
    pub(super) fn is_exactly(&self, len: usize) -> bool {
        // SAFETY: this is a user of the block.
        let header = unsafe { self.0.as_ref() };
        header.count.is_alone() && header.lens as usize == len && header.count.is_unique()
    }
}

/// The bytes of an allocation for a copy of so many.
pub(super) const fn size_alone(len: usize) -> usize {
    HEADER + len
}

impl Clone for Shares {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: this is a user of the block.
        unsafe { self.0.as_ref().count.share() };
        Self(self.0)
    }
}

impl Drop for Shares {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is a user of the block until now.
        if unsafe { self.0.as_ref().count.release() } {
            // SAFETY: and was the last.
            unsafe { free(self.0) };
        }
    }
}

/// Frees a block that the store has left, or never had.
///
/// # Safety
///
/// The block has no user, and this is called once.
#[cold]
#[inline(never)]
unsafe fn free(header: NonNull<Header>) {
    // SAFETY: nobody else uses the block. One that is not alone is in an extent.
    unsafe {
        let (is_alone, lens) = {
            let header = header.as_ref();
            (header.count.is_alone(), header.lens)
        };
        if is_alone {
            if let Some(layout) = Shares::layout_alone(lens) {
                dealloc(header.as_ptr().cast(), layout);
            }
            return;
        }
        if lens == OUTSIDE {
            drop_outside(header, true);
        }
        Shared::free(header.addr().get(), true);
    }
}

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shares")
    }
}

/// A buffer that views share, other than a block.
pub(super) type Buffer = Arc<bytes::Bytes>;
