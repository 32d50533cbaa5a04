use std::collections::VecDeque;
use std::sync::OnceLock;

use parking_lot::Mutex;

/// The last few of many things, such as failures. The memory is allocated with the first one.
#[derive(Debug)]
pub struct Recent<T>(OnceLock<Box<Mutex<VecDeque<T>>>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Clone> Recent<T> {
    /// How many are kept.
    pub const CAPACITY: usize = 16;

    /// Keeps a thing in place of the oldest one.
    pub fn push(&self, thing: T) {
        let empty = || Box::new(Mutex::new(VecDeque::with_capacity(Self::CAPACITY)));
        let mut things = self.0.get_or_init(empty).lock();
        let oldest = if things.len() == Self::CAPACITY {
            things.pop_back()
        } else {
            None
        };
        things.push_front(thing);
        drop(things);
        drop(oldest);
    }

    /// What is kept, the latest first.
    pub fn list(&self) -> Vec<T> {
        self.0
            .get()
            .map_or_else(Vec::new, |things| things.lock().iter().cloned().collect())
    }

    /// Whether there has been nothing yet.
    pub fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_and_the_oldest_give_way() {
        let recent = Recent::default();
        assert!(recent.is_empty() && recent.list().is_empty());
        (0..40).for_each(|n| recent.push(n));
        let latest: Vec<_> = (0..40).rev().take(Recent::<i32>::CAPACITY).collect();
        assert_eq!(recent.list(), latest);
    }
}
