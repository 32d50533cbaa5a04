use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::Relaxed;

use super::block::{
    HEADER, Header, KEY, OUTSIDE, Outside, Repr, Shares, drop_outside, layout, outside, parts,
    start,
};
use super::extent::share;
use super::handle::Arena;
use super::kept_view::KeptView;
use super::moving::Moving;
use super::shared::Shared;
use super::sizes::{class_of, size_of_class};
use crate::ByteView;

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

// SAFETY: the bytes of a block do not change while it has a user. The count is atomic, and the books are under locks.
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
                key: Repr::copied(key),
                value: buffer.repr().of_own_buffer(),
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
                self::outside(header).write(outside);
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
        let block = share(size_of_class(class));
        if is_inside {
            block
        } else {
            block.saturating_add(key).saturating_add(value)
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
        self.share().into()
    }

    /// As [`view`](Self::view), in one word.
    #[inline]
    #[must_use]
    pub fn share(&self) -> KeptView {
        // SAFETY: the store is a user of the block.
        KeptView(unsafe { Shares::more(self.0) })
    }

    /// A copy elsewhere in the arena, if this is the block that is to be moved, and nobody has a view of its value.
    ///
    /// The store calls this while no other thread can get at the entry. The caller puts the copy into the place of this one.
    #[must_use]
    pub fn moved(&self, moving: &Moving<'_>) -> Option<Self> {
        // SAFETY: the store is a user of the block. If it and the mover are all users, no thread has a view that it could clone.
        let (key, value) = unsafe {
            if self.0 != moving.block.header() || !self.0.as_ref().count.is(2) {
                return None;
            }
            parts(self.0)
        };
        // SAFETY: as above.
        unsafe {
            if self.0.as_ref().is_outside() {
                let value = ByteView::of(outside(self.0).as_ref().value.clone());
                return moving.arena.keep(key, &value);
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
                outside(self.0).as_ref().len()
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
