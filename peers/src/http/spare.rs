use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// The most buffers that are kept.
const MAX_BUFFERS: usize = 64;

/// Keeps the memory of long bodies that came and are gone, for those that come next.
///
/// Memory fresh from the system costs more than what is read into it: the kernel clears each page when it is first
/// touched, and an allocator gives the memory of large blocks back as soon as they are free.
#[derive(Debug)]
pub(crate) struct Spare {
    /// The oldest first.
    buffers: Mutex<VecDeque<Vec<u8>>>,
    max_bytes: usize,
}

/// A buffer whose memory goes back to where it came from when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Recycled {
    buffer: Vec<u8>,
    home: Weak<Spare>,
}

impl Spare {
    /// Keeps at most so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            buffers: Mutex::default(),
            max_bytes,
        })
    }

    /// An empty buffer for a body of this length: one that is kept and has room for it and little more, or else one
    /// that has no room yet.
    pub(crate) fn take(self: &Arc<Self>, length: usize) -> Recycled {
        let fits = length..=length.saturating_add(length / 8);
        let mut buffers = self.buffers.lock();
        // The latest is the most likely to lie in the processor's cache.
        let at = buffers
            .iter()
            .rposition(|buffer| fits.contains(&buffer.capacity()));
        Recycled {
            buffer: at.and_then(|at| buffers.remove(at)).unwrap_or_default(),
            home: Arc::downgrade(self),
        }
    }

    fn put(&self, mut buffer: Vec<u8>) {
        // A body that was only announced has not earned its memory.
        let filled = buffer.len() > buffer.capacity() / 2;
        if !filled || buffer.capacity() > self.max_bytes {
            return;
        }
        buffer.clear();
        let mut buffers = self.buffers.lock();
        buffers.push_back(buffer);
        let mut bytes: usize = buffers.iter().map(Vec::capacity).sum();
        let mut gone = Vec::new();
        while bytes > self.max_bytes || buffers.len() > MAX_BUFFERS {
            let Some(oldest) = buffers.pop_front() else {
                break;
            };
            bytes -= oldest.capacity();
            gone.push(oldest);
        }
        drop(buffers); // before the memory that is given up is given back
    }

    /// Gives all memory back.
    pub(crate) fn clear(&self) {
        let buffers = std::mem::take(&mut *self.buffers.lock());
        drop(buffers);
    }
}

impl Deref for Recycled {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.buffer
    }
}

impl DerefMut for Recycled {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }
}

impl AsRef<[u8]> for Recycled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Recycled {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.put(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(spare: &Arc<Spare>, bytes: usize) -> *const u8 {
        body(spare, bytes, bytes).as_ptr()
    }

    /// A body of which so many bytes have come.
    fn body(spare: &Arc<Spare>, length: usize, received: usize) -> Recycled {
        let mut buffer = spare.take(length);
        buffer.reserve_exact(length);
        buffer.resize(received, 0);
        buffer
    }

    #[test]
    fn the_memory_of_a_body_that_did_not_come_is_not_kept() {
        let spare = Spare::new(1 << 20);
        drop(body(&spare, 100_000, 50_000));
        assert!(spare.buffers.lock().is_empty());
        drop(body(&spare, 100_000, 50_001));
        assert_eq!(spare.buffers.lock().len(), 1);
    }

    #[test]
    fn the_memory_of_a_body_is_used_again_for_one_of_about_its_length() {
        let spare = Spare::new(1 << 20);
        let first = put(&spare, 100_000);
        let mut again = spare.take(95_000);
        assert!(again.is_empty() && again.as_ptr() == first);
        again.resize(95_000, 0);
        drop(again);
        assert_eq!(spare.take(101_000).capacity(), 0, "too long for it");
        assert_eq!(
            spare.take(50_000).capacity(),
            0,
            "half of it would be wasted"
        );
        assert_eq!(spare.take(100_000).as_ptr(), first);
    }

    #[test]
    fn no_more_than_the_limits_is_kept_and_the_latest_at_that() {
        let spare = Spare::new(1000);
        let buffers: Vec<_> = (0..3).map(|_| body(&spare, 400, 400)).collect();
        let last = buffers[2].as_ptr();
        drop(buffers);
        put(&spare, 1001);
        assert_eq!(spare.buffers.lock().len(), 2);
        assert_eq!(spare.take(400).as_ptr(), last);
        let small = Spare::new(1 << 20);
        let many: Vec<_> = (0..MAX_BUFFERS + 9).map(|_| body(&small, 10, 10)).collect();
        drop(many);
        assert_eq!(small.buffers.lock().len(), MAX_BUFFERS);
        small.clear();
        assert_eq!(small.take(10).capacity(), 0);
    }

    #[test]
    fn a_buffer_may_outlive_its_home() {
        let spare = Spare::new(1000);
        let mut buffer = spare.take(10);
        buffer.extend_from_slice(b"0123456789");
        drop(spare);
        assert_eq!(buffer.as_ref(), b"0123456789");
    }
}
