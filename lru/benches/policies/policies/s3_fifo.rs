//! S3-FIFO: a small FIFO in front of a main FIFO with second chances, and a ghost FIFO, whose members skip the small
//! FIFO. Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP '23.

use super::Policy;
use super::lists::{Links, List};

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Out,
    Small,
    Main,
    Ghost,
}

pub(crate) struct S3Fifo {
    budget: u64,
    small_budget: u64,
    links: Links,
    small: List,
    main: List,
    ghosts: List,
    places: Vec<Place>,
    marks: Vec<u8>,
}

impl S3Fifo {
    pub(crate) fn new(budget: u64, objects: usize) -> Self {
        Self {
            budget,
            small_budget: (budget / 10).max(1),
            links: Links::new(objects),
            small: List::new(),
            main: List::new(),
            ghosts: List::new(),
            places: vec![Place::Out; objects],
            marks: vec![0; objects],
        }
    }

    fn evict(&mut self) {
        if self.small.weight > self.small_budget || self.main.len == 0 {
            while let Some(id) = self.links.pop(&mut self.small) {
                if self.marks[id as usize] > 1 {
                    self.marks[id as usize] = 0;
                    self.enter_main(id);
                } else {
                    self.bury(id);
                    return;
                }
            }
        }
        while let Some(id) = self.links.pop(&mut self.main) {
            if self.marks[id as usize] == 0 {
                self.places[id as usize] = Place::Out;
                return;
            }
            self.marks[id as usize] -= 1;
            self.links.push(&mut self.main, id);
        }
    }

    fn enter_main(&mut self, id: u32) {
        self.places[id as usize] = Place::Main;
        self.links.push(&mut self.main, id);
    }

    fn bury(&mut self, id: u32) {
        self.places[id as usize] = Place::Ghost;
        self.links.push(&mut self.ghosts, id);
        while self.ghosts.weight > self.budget - self.small_budget {
            let Some(ghost) = self.links.pop(&mut self.ghosts) else {
                break;
            };
            self.places[ghost as usize] = Place::Out;
        }
    }
}

impl Policy for S3Fifo {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        if matches!(self.places[id as usize], Place::Small | Place::Main) {
            let mark = &mut self.marks[id as usize];
            *mark = (*mark + 1).min(3);
            return true;
        }
        if weight > self.budget {
            return false;
        }
        while self.small.weight + self.main.weight + weight > self.budget {
            self.evict();
        }
        self.marks[id as usize] = 0;
        if self.places[id as usize] == Place::Ghost {
            self.links.remove(&mut self.ghosts, id);
            self.enter_main(id);
        } else {
            self.places[id as usize] = Place::Small;
            self.links.set_weight(id, weight);
            self.links.push(&mut self.small, id);
        }
        false
    }
}
