//! W-TinyLFU with a window sized by hill climbing: an LRU window, a segmented LRU main cache, and a frequency sketch. A
//! window victim replaces a main victim only if the sketch has counted it more often. Einziger, Eytan, Friedman and
//! Manes, "Adaptive Software Cache Management", Middleware '18. A hit moves list nodes and writes the sketch, which
//! rules the policy out for a store with concurrent reads. The policy is here for its hit ratio.

use super::Policy;
use super::lists::{Links, List};
use super::sketch::Sketch;

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Out,
    Window,
    Probation,
    Protected,
}

pub(crate) struct WTinyLfu {
    budget: u64,
    /// The most that the window may weigh. The climber moves this bound.
    window_budget: f64,
    links: Links,
    window: List,
    probation: List,
    protected: List,
    places: Vec<Place>,
    sketch: Sketch,
    climber: Climber,
}

/// Steps in one direction as long as the hit ratio of a sample improves on that of the sample before.
struct Climber {
    sample: u64,
    accesses: u64,
    hits: u64,
    last_ratio: f64,
    first_step: f64,
    step: f64,
}

impl Climber {
    /// Counts an access, and returns how far to move the bound of the window.
    fn observe(&mut self, hit: bool) -> f64 {
        self.accesses += 1;
        self.hits += u64::from(hit);
        if self.accesses < self.sample {
            return 0.0;
        }
        let ratio = self.hits as f64 / self.accesses as f64;
        let change = ratio - self.last_ratio;
        let amount = if change >= 0.0 { self.step } else { -self.step };
        self.step = if change.abs() >= 0.05 {
            self.first_step.copysign(amount)
        } else {
            0.98 * amount
        };
        (self.last_ratio, self.accesses, self.hits) = (ratio, 0, 0);
        amount
    }
}

impl WTinyLfu {
    /// `entries` is how many objects the budget is expected to hold.
    pub(crate) fn new(budget: u64, objects: usize, entries: u64) -> Self {
        let step = -0.0625 * budget as f64;
        Self {
            budget,
            window_budget: (0.01 * budget as f64).max(1.0),
            links: Links::new(objects),
            window: List::new(),
            probation: List::new(),
            protected: List::new(),
            places: vec![Place::Out; objects],
            sketch: Sketch::new(entries),
            climber: Climber {
                sample: 10 * entries,
                accesses: 0,
                hits: 0,
                last_ratio: 0.0,
                first_step: step,
                step,
            },
        }
    }

    fn weight(&self) -> u64 {
        self.window.weight + self.probation.weight + self.protected.weight
    }

    fn adapt(&mut self, hit: bool) {
        let amount = self.climber.observe(hit);
        self.window_budget = (self.window_budget + amount)
            .min(0.8 * self.budget as f64)
            .max(1.0);
        let protected_budget = 0.8 * (self.budget as f64 - self.window_budget);
        while self.protected.weight as f64 > protected_budget {
            let Some(id) = self.links.pop(&mut self.protected) else {
                break;
            };
            self.places[id as usize] = Place::Probation;
            self.links.push(&mut self.probation, id);
        }
    }

    fn settle(&mut self) {
        while self.window.weight as f64 > self.window_budget && self.window.len > 1 {
            let Some(candidate) = self.links.pop(&mut self.window) else {
                break;
            };
            self.places[candidate as usize] = Place::Probation;
            self.links.push(&mut self.probation, candidate);
            while self.weight() > self.budget {
                let victim = self
                    .probation
                    .oldest()
                    .filter(|&id| id != candidate)
                    .or_else(|| self.protected.oldest());
                match victim {
                    Some(id) if self.sketch.estimate(candidate) > self.sketch.estimate(id) => {
                        self.evict(id);
                    }
                    _ => {
                        self.evict(candidate);
                        break;
                    }
                }
            }
        }
        // The window shrank or never overflowed, so it has no candidate, and main evicts.
        while self.weight() > self.budget {
            let lists = [&self.probation, &self.protected, &self.window];
            let Some(id) = lists.iter().find_map(|list| list.oldest()) else {
                break;
            };
            self.evict(id);
        }
    }

    fn evict(&mut self, id: u32) {
        let list = match self.places[id as usize] {
            Place::Window => &mut self.window,
            Place::Probation => &mut self.probation,
            Place::Protected => &mut self.protected,
            Place::Out => return,
        };
        self.links.remove(list, id);
        self.places[id as usize] = Place::Out;
    }
}

impl Policy for WTinyLfu {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        self.sketch.increment(id);
        let place = self.places[id as usize];
        match place {
            Place::Window => self.links.renew(&mut self.window, id),
            Place::Protected => self.links.renew(&mut self.protected, id),
            Place::Probation => {
                self.links.remove(&mut self.probation, id);
                self.places[id as usize] = Place::Protected;
                self.links.push(&mut self.protected, id);
            }
            Place::Out if weight <= self.budget => {
                self.places[id as usize] = Place::Window;
                self.links.set_weight(id, weight);
                self.links.push(&mut self.window, id);
                self.settle();
            }
            Place::Out => {}
        }
        self.adapt(place != Place::Out);
        place != Place::Out
    }
}
