use std::collections::VecDeque;
use std::sync::OnceLock;

use parking_lot::Mutex;

/// The last 16 of many things, such as failures. The memory is allocated with the first one.
#[derive(Debug)]
pub struct Recent<T>(OnceLock<Box<Mutex<VecDeque<T>>>>);

/// How many are kept.
const CAPACITY: usize = 16;

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Clone> Recent<T> {
    /// Keeps a thing in place of the oldest one.
    pub fn push(&self, thing: T) {
        let empty = || Box::new(Mutex::new(VecDeque::with_capacity(CAPACITY)));
        let mut things = self.0.get_or_init(empty).lock();
        let oldest = if things.len() == CAPACITY {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_and_the_oldest_give_way() {
        let recent = Recent::default();
        assert!(recent.list().is_empty());
        (0..40).for_each(|n| recent.push(n));
        let latest: Vec<_> = (0..40).rev().take(CAPACITY).collect();
        assert_eq!(recent.list(), latest);
    }
}
