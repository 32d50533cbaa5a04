/// Values at stable indices. The place of a removed value is reused.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    /// The indices of the `None`s.
    free: Vec<usize>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// How many places an empty slab may keep. Memory for more places is given back.
    const KEPT: usize = 64;

    #[inline(always)]
    pub(crate) fn insert(&mut self, value: T) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.places[index] = Some(value);
                index
            }
            None => {
                self.places.push(Some(value));
                self.places.len() - 1
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.places.get(index)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.places.get_mut(index)?.as_mut()
    }

    #[inline(always)]
    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let value = self.places.get_mut(index)?.take()?;
        self.free.push(index);
        if self.places.len() > Self::KEPT && self.free.len() == self.places.len() {
            *self = Self::default();
        }
        Some(value)
    }

    /// The index of a value for which `is` holds. Looks at one place after the other.
    pub(crate) fn position(&self, is: impl Fn(&T) -> bool) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.as_ref().is_some_and(&is))
    }

    /// All values.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.places.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_reused_and_given_back_after_a_burst() {
        let mut slab = Slab::default();
        for _ in 0..10 {
            let index = slab.insert('x');
            assert_eq!((index, slab.remove(index)), (0, Some('x')));
            assert_eq!((slab.remove(index), slab.get(index)), (None, None));
        }
        let indices: Vec<_> = (0..1_000).map(|_| slab.insert('x')).collect();
        assert_eq!(slab.len(), 1_000);
        for index in indices {
            slab.remove(index);
        }
        assert!(slab.places.capacity() <= Slab::<char>::KEPT);
    }
}
