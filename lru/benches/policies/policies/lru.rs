//! Strict least recently used, the policy of the groupcache family.

use super::Policy;
use super::lists::{Links, List};

pub(crate) struct Lru {
    budget: u64,
    links: Links,
    list: List,
    resident: Vec<bool>,
}

impl Lru {
    pub(crate) fn new(budget: u64, objects: usize) -> Self {
        Self {
            budget,
            links: Links::new(objects),
            list: List::new(),
            resident: vec![false; objects],
        }
    }
}

impl Policy for Lru {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        if self.resident[id as usize] {
            self.links.renew(&mut self.list, id);
            return true;
        }
        if weight > self.budget {
            return false;
        }
        while self.list.weight + weight > self.budget {
            let Some(victim) = self.links.pop(&mut self.list) else {
                break;
            };
            self.resident[victim as usize] = false;
        }
        self.links.set_weight(id, weight);
        self.links.push(&mut self.list, id);
        self.resident[id as usize] = true;
        false
    }
}
