//! What a view consists of.

use std::ops::Bound;
use std::ptr::NonNull;
use std::sync::Arc;

use bytes::Bytes;

use super::block::{Buffer, Shares, size_alone};

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
    Buffer(Buffer),
}

const _: () = assert!(size_of::<Repr>() == 32 && size_of::<Option<Repr>>() == 32);

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
