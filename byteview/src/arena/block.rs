//! A block: count, key and value in one piece of memory; and what a view of it, or of a buffer, consists of.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Bound;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::{fmt, slice};

use bytes::Bytes;

use super::count::Count;
use super::shared::Shared;
use super::sizes::LARGEST;

/// The start of a block. The key follows, then the value; or an [`Outside`] if they have buffers of their own.
pub(super) struct Header {
    pub(super) count: Count,
    pub(super) lens: Lens,
}

/// The lengths of key and value, 12 and 20 bits; or [`OUTSIDE`]. In an allocation of its own, the length of the bytes.
pub(super) type Lens = u32;

pub(super) const KEY: u32 = 12;
pub(super) const OUTSIDE: Lens = u32::MAX;

/// A key and a value with buffers of their own, in place of themselves.
pub(super) struct Outside {
    pub(super) key: Repr,
    pub(super) value: Repr,
}

pub(super) const HEADER: usize = size_of::<Header>();

const _: () = assert!(
    (cfg!(groupcache_loom) || HEADER == 8)
        && align_of::<Outside>() <= 8
        && LARGEST < 1 << (u32::BITS - KEY)
);

/// The length of the block for a key and a value, and whether they are in it themselves.
pub(super) const fn layout(key: usize, value: usize) -> (usize, bool) {
    let len = HEADER.saturating_add(key).saturating_add(value);
    if key < 1 << KEY && len <= LARGEST {
        (len, true)
    } else {
        (HEADER + size_of::<Outside>(), false)
    }
}

/// One user of a block, which is not the store.
pub(super) struct Shares(NonNull<Header>);

// SAFETY: the bytes of a block do not change while it has a user. The count is atomic, and the books are under locks. An `Outside`
// holds what is `Send` and `Sync`.
unsafe impl Send for Shares {}
// SAFETY: as above.
unsafe impl Sync for Shares {}

pub(super) fn start(bytes: &[u8]) -> NonNull<u8> {
    NonNull::from_ref(bytes).cast()
}

impl Outside {
    pub(super) fn len(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

impl Header {
    pub(super) fn is_outside(&self) -> bool {
        self.lens == OUTSIDE
    }
}

/// The key and the value of a block in a store.
///
/// # Safety
///
/// The block is in use, and is one that `keep` has made, for as long as the results are used.
#[inline]
pub(super) unsafe fn parts<'a>(header: NonNull<Header>) -> (&'a [u8], NonNull<[u8]>) {
    // SAFETY: `keep` has written the lengths, and so many bytes, before anybody else knew of the block.
    unsafe {
        let lens = header.as_ref().lens;
        let body = header.cast::<u8>().add(HEADER);
        if lens == OUTSIDE {
            let outside = body.cast::<Outside>().as_ref();
            return (outside.key.as_bytes(), outside.value.bytes);
        }
        let (key, value) = ((lens & ((1 << KEY) - 1)) as usize, (lens >> KEY) as usize);
        let value = NonNull::slice_from_raw_parts(body.add(key), value);
        (slice::from_raw_parts(body.as_ptr(), key), value)
    }
}

/// Where a block has its [`Outside`], if it has one.
///
/// # Safety
///
/// The block has room for one.
pub(super) unsafe fn outside(header: NonNull<Header>) -> NonNull<Outside> {
    // SAFETY: as the caller says.
    unsafe { header.cast::<u8>().add(HEADER).cast() }
}

/// Drops what a block has outside.
///
/// # Safety
///
/// The block has an [`Outside`], no user, and this is called once.
pub(super) unsafe fn drop_outside(header: NonNull<Header>, was_left: bool) {
    // SAFETY: nobody else uses the block, and nobody reads this again.
    unsafe {
        let outside = outside(header).read();
        let shared = Shared::of(header.addr().get());
        shared.give_back(outside.len());
        if was_left {
            shared.pin(-(outside.len() as isize));
        } else {
            shared.outside.fetch_sub(outside.len(), Relaxed);
        }
    }
}

impl Shares {
    pub(super) fn header(&self) -> NonNull<Header> {
        self.0
    }

    /// One more user of a block.
    ///
    /// # Safety
    ///
    /// The caller borrows the block from a user.
    #[inline]
    pub(super) unsafe fn more(header: NonNull<Header>) -> Self {
        // SAFETY: the block is in use.
        unsafe { header.as_ref().count.share() };
        Self(header)
    }

    /// The block with this address, if the store is its only user.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the block's class, and the class says that the block is in use.
    pub(super) unsafe fn of_single(address: usize) -> Option<Self> {
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<Header>(address))?;
        // SAFETY: the block is in use, so its memory is mapped, and its count is written as an atomic. If the count is one, the block
        // is begun, and the store cannot leave it without the lock.
        let is_shared = unsafe { (*header.as_ptr()).count.share_if_single() };
        is_shared.then(|| Self(header))
    }

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
        unsafe { Self::more(self.0) }
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

/// Where the bytes are, and what keeps them there.
///
/// The owner's tag leaves room for the `None` of an `Option`, so that this takes no more memory, and no more moves.
#[derive(Clone)]
pub(crate) struct Repr {
    bytes: NonNull<[u8]>,
    owner: Owner,
}

#[derive(Clone)]
pub(super) enum Owner {
    /// The bytes live as long as the program.
    Program,
    Block(Shares),
    Buffer(Arc<Bytes>),
}

const _: () = assert!(
    size_of::<Repr>() == 4 * size_of::<usize>() && size_of::<Option<Repr>>() == size_of::<Repr>()
);

// SAFETY: the bytes do not change while the owner lives, and the owners are `Send` and `Sync`.
unsafe impl Send for Repr {}
// SAFETY: as above.
unsafe impl Sync for Repr {}

impl Repr {
    pub(crate) const fn program(bytes: &'static [u8]) -> Self {
        Self {
            bytes: NonNull::from_ref(bytes),
            owner: Owner::Program,
        }
    }

    /// # Safety
    ///
    /// The owner keeps the bytes where they are, and unchanged, as long as it lives.
    #[inline]
    pub(super) const unsafe fn new(bytes: NonNull<[u8]>, owner: Owner) -> Self {
        Self { bytes, owner }
    }

    /// A copy of bytes: one allocation, which counts its users.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::program(&[]);
        }
        match Shares::alone(bytes) {
            Some((bytes, block)) => Self {
                bytes,
                owner: Owner::Block(block),
            },
            None => Self::from(Bytes::copy_from_slice(bytes)),
        }
    }

    #[inline]
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        // SAFETY: the owner keeps the bytes.
        unsafe { self.bytes.as_ref() }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A part of the same bytes. Panics if they do not have the range.
    pub(crate) fn part(&self, range: (Bound<usize>, Bound<usize>)) -> Self {
        let part = &self.as_bytes()[range];
        if part.is_empty() {
            return Self::program(&[]);
        }
        Self {
            bytes: NonNull::from_ref(part),
            owner: self.owner.clone(),
        }
    }

    /// The bytes as [`Bytes`], without a copy; `Err` if a block owns them.
    pub(crate) fn into_bytes(self) -> Result<Bytes, Self> {
        match self.owner {
            // SAFETY: these bytes live as long as the program.
            Owner::Program => Ok(Bytes::from_static(unsafe { self.bytes.as_ref() })),
            Owner::Buffer(buffer) => {
                // SAFETY: the buffer keeps the bytes until the end of the block.
                let shown = unsafe { self.bytes.as_ref() };
                if shown.len() == buffer.len() {
                    return Ok(Arc::unwrap_or_clone(buffer));
                }
                let start = shown.as_ptr().addr() - buffer.as_ptr().addr();
                let range = start..start + shown.len();
                // The other handle goes first, so that a buffer without other users can be taken over.
                let mut bytes = Arc::unwrap_or_clone(buffer);
                bytes.truncate(range.end);
                Ok(bytes.split_off(range.start))
            }
            Owner::Block(_) => Err(self),
        }
    }

    /// The same bytes without the block that they are outside of.
    pub(super) fn of_own_buffer(&self) -> Self {
        if let Owner::Block(block) = &self.owner {
            // SAFETY: this is a user of the block. What it has outside keeps these bytes.
            unsafe {
                let header = block.header().as_ref();
                if !header.count.is_alone() && header.is_outside() {
                    let outside = outside(block.header()).as_ref();
                    return Self::new(self.bytes, outside.value.owner.clone());
                }
            }
        }
        self.clone()
    }

    /// Whether this is the only view of a copy that is not longer.
    pub(crate) fn is_copied(&self) -> bool {
        matches!(&self.owner, Owner::Block(block) if block.is_exactly(self.len()))
    }

    /// The size of the allocation of [`copied`](Self::copied) bytes.
    pub(crate) const fn size_copied(len: usize) -> usize {
        size_alone(len)
    }

    /// The size of the allocation beside a buffer.
    pub(crate) const SIZE_BESIDE: usize = 2 * size_of::<usize>() + size_of::<Bytes>();

    /// The bytes as [`Bytes`] whose buffer has no other user.
    pub(crate) fn into_unique(self) -> Result<Bytes, Self> {
        let is_unique = match &self.owner {
            Owner::Buffer(buffer) => Arc::strong_count(buffer) == 1 && buffer.is_unique(),
            Owner::Program | Owner::Block(_) => false,
        };
        if is_unique {
            self.into_bytes()
        } else {
            Err(self)
        }
    }
}

impl From<Bytes> for Repr {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::program(&[]);
        }
        Self {
            bytes: NonNull::from_ref(&*bytes),
            owner: Owner::Buffer(Arc::new(bytes)),
        }
    }
}
