use std::ops::{Index, IndexMut};

use allocator_api2::{
    alloc::{Allocator, Global},
    boxed::Box,
};

/// A vector that grows and shrinks without moving its elements. It consists of segments of `N`
/// elements, a power of two.
///
/// A push allocates at most one new segment, so it takes no longer in a large vector than in a small
/// one. Only the list of pointers to the segments is copied when it doubles.
#[derive(Debug)]
pub(crate) struct Segments<T, const N: usize, A: Allocator = Global> {
    segments: Vec<Box<[T; N], A>>,
    memory: A,
    len: u32,
}

/// What fills a segment beyond the elements that have been pushed.
pub(crate) trait Blank {
    const BLANK: Self;
}

impl<T: Blank, const N: usize, A: Allocator + Clone> Segments<T, N, A> {
    /// An empty vector, whose segments will come from `memory`.
    pub(crate) fn new(memory: A) -> Self {
        const { assert!(N.is_power_of_two()) };
        Self {
            segments: Vec::new(),
            memory,
            len: 0,
        }
    }

    pub(crate) fn memory(&self) -> &A {
        &self.memory
    }

    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        (at < self.len).then(|| &self[at])
    }

    /// As [`get`](Self::get), with one comparison less. Beyond the last element, the result is `None` or
    /// a blank element.
    #[inline]
    pub(crate) fn get_or_blank(&self, at: u32) -> Option<&T> {
        let segment = self.segments.get(at as usize / N)?;
        Some(&segment[at as usize % N])
    }

    /// Adds a blank element, and returns its place.
    ///
    /// # Panics
    ///
    /// Beyond 4,294,967,295 elements.
    pub(crate) fn push(&mut self) -> u32 {
        let at = self.len;
        self.len = at
            .checked_add(1)
            .unwrap_or_else(|| panic!("too many elements"));
        if at as usize == self.segments.len() * N {
            let segment = Box::new_in([const { T::BLANK }; N], self.memory.clone());
            self.segments.push(segment);
        }
        at
    }

    /// Gives up the last element. Keeps at most two segments without elements, and frees the others.
    pub(crate) fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
        self.segments.truncate(self.len as usize / N + 2);
        if let Some(element) = self.segments.get_mut(self.len as usize / N) {
            element[self.len as usize % N] = T::BLANK;
        }
    }
}

impl<T, const N: usize, A: Allocator> Index<u32> for Segments<T, N, A> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        &self.segments[at as usize / N][at as usize % N]
    }
}

impl<T, const N: usize, A: Allocator> IndexMut<u32> for Segments<T, N, A> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.segments[at as usize / N][at as usize % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Blank for u32 {
        const BLANK: Self = u32::MAX;
    }

    #[test]
    fn elements_stay_where_they_are() {
        let mut segments = Segments::<u32, 32>::new(Global);
        let mut addresses = Vec::new();
        for n in 0..1000 {
            assert_eq!(segments.push(), n);
            assert_eq!(segments[n], u32::BLANK);
            segments[n] = n;
            addresses.push(&raw const segments[n]);
        }
        for n in 0..1000 {
            assert_eq!(segments[n], n);
            assert_eq!(&raw const segments[n], addresses[n as usize]);
        }
        assert_eq!((segments.get(999), segments.get(1000)), (Some(&999), None));
        for n in (0..1000).rev() {
            segments.pop();
            assert_eq!(segments.len(), n);
            assert_eq!(segments.get(n), None);
        }
        segments.push();
        assert_eq!(
            segments[0],
            u32::BLANK,
            "what was popped does not come back"
        );
    }

    #[test]
    fn memory_follows_the_length() {
        let mut segments = Segments::<u32, 32>::new(Global);
        for n in 1..=10_000_usize {
            segments.push();
            assert!(segments.segments.len() <= n.div_ceil(32));
        }
        for n in (0..10_000_usize).rev() {
            segments.pop();
            assert!(segments.segments.len() <= n / 32 + 2);
        }
    }
}
