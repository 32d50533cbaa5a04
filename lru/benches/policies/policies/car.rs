//! CAR, the clock form of ARC: a recency clock and a frequency clock. The ghosts of both shift the balance.
//! Bansal and Modha, "CAR: Clock with Adaptive Replacement", FAST '04.

use super::Policy;
use super::lists::{Links, List};

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Out,
    Recent,
    Frequent,
    RecentGhost,
    FrequentGhost,
}

pub(crate) struct Car {
    budget: u64,
    /// The most that the recency clock may weigh.
    target: u64,
    links: Links,
    recent: List,
    frequent: List,
    recent_ghosts: List,
    frequent_ghosts: List,
    places: Vec<Place>,
    marks: Vec<bool>,
}

impl Car {
    pub(crate) fn new(budget: u64, objects: usize) -> Self {
        Self {
            budget,
            target: 0,
            links: Links::new(objects),
            recent: List::new(),
            frequent: List::new(),
            recent_ghosts: List::new(),
            frequent_ghosts: List::new(),
            places: vec![Place::Out; objects],
            marks: vec![false; objects],
        }
    }

    fn evict(&mut self) {
        loop {
            let from_recent = self.recent.weight >= self.target.max(1) || self.frequent.len == 0;
            let clock = if from_recent {
                &mut self.recent
            } else {
                &mut self.frequent
            };
            let Some(id) = self.links.pop(clock) else {
                return;
            };
            if self.marks[id as usize] {
                self.marks[id as usize] = false;
                self.places[id as usize] = Place::Frequent;
                self.links.push(&mut self.frequent, id);
                continue;
            }
            let (ghosts, place) = if from_recent {
                (&mut self.recent_ghosts, Place::RecentGhost)
            } else {
                (&mut self.frequent_ghosts, Place::FrequentGhost)
            };
            self.places[id as usize] = place;
            self.links.push(ghosts, id);
            return;
        }
    }

    /// Keeps recent + its ghosts within the budget, and everything within twice the budget.
    fn forget(&mut self) {
        let ghost = if self.recent.weight + self.recent_ghosts.weight >= self.budget
            && self.recent_ghosts.len > 0
        {
            self.links.pop(&mut self.recent_ghosts)
        } else if self.recent.weight
            + self.frequent.weight
            + self.recent_ghosts.weight
            + self.frequent_ghosts.weight
            >= 2 * self.budget
        {
            self.links.pop(&mut self.frequent_ghosts)
        } else {
            None
        };
        if let Some(ghost) = ghost {
            self.places[ghost as usize] = Place::Out;
        }
    }
}

impl Policy for Car {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let place = self.places[id as usize];
        if matches!(place, Place::Recent | Place::Frequent) {
            self.marks[id as usize] = true;
            return true;
        }
        if weight > self.budget {
            return false;
        }
        let evicting = self.recent.weight + self.frequent.weight + weight > self.budget;
        while self.recent.weight + self.frequent.weight + weight > self.budget {
            self.evict();
        }
        self.marks[id as usize] = false;
        // Evictions add ghosts and drop none, so `place` still holds.
        let (b1, b2) = (self.recent_ghosts.weight, self.frequent_ghosts.weight);
        match place {
            Place::RecentGhost => {
                self.target = (self.target + weight * (b2 / b1.max(1)).max(1)).min(self.budget);
                self.links.remove(&mut self.recent_ghosts, id);
            }
            Place::FrequentGhost => {
                self.target = self.target.saturating_sub(weight * (b1 / b2.max(1)).max(1));
                self.links.remove(&mut self.frequent_ghosts, id);
            }
            _ => {
                if evicting {
                    self.forget();
                }
                self.places[id as usize] = Place::Recent;
                self.links.set_weight(id, weight);
                self.links.push(&mut self.recent, id);
                return false;
            }
        }
        self.places[id as usize] = Place::Frequent;
        self.links.push(&mut self.frequent, id);
        false
    }
}
