//! SIEVE: a FIFO whose hand clears marks as it sweeps from old to new, and evicts what it finds unmarked, in place.
//! Zhang et al., "SIEVE is Simpler than LRU", NSDI '24.

use super::Policy;
use super::lists::{Links, List};

pub(crate) struct Sieve {
    budget: u64,
    links: Links,
    list: List,
    resident: Vec<bool>,
    visited: Vec<bool>,
    hand: Option<u32>,
}

impl Sieve {
    pub(crate) fn new(budget: u64, objects: usize) -> Self {
        Self {
            budget,
            links: Links::new(objects),
            list: List::new(),
            resident: vec![false; objects],
            visited: vec![false; objects],
            hand: None,
        }
    }

    fn evict(&mut self) {
        let mut hand = self.hand.or_else(|| self.list.oldest());
        while let Some(id) = hand {
            if !self.visited[id as usize] {
                self.hand = self.links.newer(id);
                self.links.remove(&mut self.list, id);
                self.resident[id as usize] = false;
                return;
            }
            self.visited[id as usize] = false;
            hand = self.links.newer(id).or_else(|| self.list.oldest());
        }
    }
}

impl Policy for Sieve {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        if self.resident[id as usize] {
            self.visited[id as usize] = true;
            return true;
        }
        if weight > self.budget {
            return false;
        }
        while self.list.weight + weight > self.budget {
            self.evict();
        }
        self.links.set_weight(id, weight);
        self.links.push(&mut self.list, id);
        self.resident[id as usize] = true;
        self.visited[id as usize] = false;
        false
    }
}
