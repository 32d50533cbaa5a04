//! The policy of the store: a FIFO window, a CLOCK, and ghosts that count.
//!
//! A hit adds one to a two-bit mark of the entry and does nothing else. Everything below happens when an object is
//! inserted.
//!
//! * A new object enters the *window*, a FIFO. At its end, an object that was hit moves on to *main*, a CLOCK; any
//!   other is evicted, unless it wins a contest (below).
//! * An evicted object leaves a *ghost* behind: four bytes with a fingerprint, a count of how often the object was asked
//!   for, and when it was evicted from which queue. There are three ghosts to an entry.
//! * An object that returns while its ghost is there was perhaps evicted too early, and may *contest* the place of the
//!   entry under main's hand: it wins if its count is larger by more than a fifth. It does so twice, on its return and
//!   at the end of the window. On its return the present request does not count: the entry under the hand may be about
//!   to be asked for as well, and in a loop it is the very next one. Without this a loop longer than the cache evicts
//!   itself like dominoes. A scan never gets to main, because it has no ghosts.
//! * Counts live with entries and ghosts, so there is no sketch; they are halved, lazily, as requests are counted.
//! * Ghosts also say how large the window should be. A return soon after leaving the window says that a slightly larger
//!   one would have hit, a return soon after leaving main says the same of main. Each moves the border by half the
//!   object's weight; one that returns later by less, with the square of the distance.
//! * Until the budget is reached for the first time, objects go straight to main, so that a loop finds main full.
//!
//! The ideas are those of S3-FIFO (a small FIFO, lazy promotion), Clock-PRO and ARC (ghosts decide the border), and
//! TinyLFU (a newcomer has to be asked for more often than what it replaces).

use super::Policy;
use super::ghosts::{Ghost, Ghosts};
use super::lists::{Links, List};

/// The constants of the policy. They are apart so that each can be varied and its worth be seen.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    /// Where the mark of an entry saturates.
    pub(crate) mark_max: u8,
    /// Ghosts to an entry.
    pub(crate) ghosts: usize,
    /// Counts are halved whenever so many have been added per entry.
    pub(crate) half_life: usize,
    /// A contest is won by more than `1 + 1 / margin` times the other's count. Zero: every contest is won.
    pub(crate) margin: u8,
    /// How many entries one eviction moves at most before it takes what it finds.
    pub(crate) steps: usize,
    /// The window at first, and bounds of the window, in percent of the budget.
    pub(crate) window: (u64, u64, u64),
    /// A return counts fully if less than this has been evicted from the queue since, in percent of the budget.
    pub(crate) near: f64,
    /// Whether the window's size follows the ghosts.
    pub(crate) adaptive: bool,
    /// Whether main is filled before the window.
    pub(crate) fill_main: bool,
    /// Whether the request with which an object returns counts in its first contest.
    pub(crate) eager: bool,
}

impl Tuning {
    pub(crate) const DEFAULT: Self = Self {
        mark_max: 2,
        ghosts: 3,
        half_life: 10,
        margin: 5,
        steps: 16,
        window: (1, 1, 90),
        near: 5.0,
        adaptive: true,
        fill_main: true,
        eager: false,
    };
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Out,
    Window,
    Main,
}

#[derive(Clone, Copy)]
struct Entry {
    place: Place,
    /// Hits since the hand last came by. The only part that a hit writes.
    mark: u8,
    /// Times asked for, as of `epoch`; a stay in the window counts as one.
    count: u8,
    epoch: u8,
    /// Whether it had a ghost when it was inserted.
    returned: bool,
}

pub(crate) struct GhostClock {
    tuning: Tuning,
    budget: u64,
    /// What the window may weigh.
    window_budget: f64,
    links: Links,
    window: List,
    main: List,
    entries: Vec<Entry>,
    ghosts: Ghosts,
    /// Weight evicted so far from the window and from main.
    evicted: [u64; 2],
    /// Counts are halved from epoch to epoch.
    epoch: u8,
    ticks: usize,
    filled: bool,
}

impl GhostClock {
    pub(crate) fn new(budget: u64, objects: usize, tuning: Tuning) -> Self {
        let out = Entry {
            place: Place::Out,
            mark: 0,
            count: 0,
            epoch: 0,
            returned: false,
        };
        Self {
            tuning,
            budget,
            window_budget: (budget as f64 * tuning.window.0 as f64 / 100.0).max(1.0),
            links: Links::new(objects),
            window: List::new(),
            main: List::new(),
            entries: vec![out; objects],
            ghosts: Ghosts::new(),
            evicted: [0; 2],
            epoch: 0,
            ticks: 0,
            filled: !tuning.fill_main,
        }
    }

    fn used(&self) -> u64 {
        self.window.weight + self.main.weight
    }

    /// How often an object was asked for, recent times weighing more.
    fn count(&self, id: u32) -> u8 {
        let entry = &self.entries[id as usize];
        aged(entry.count, self.epoch.wrapping_sub(entry.epoch))
    }

    fn add_count(&mut self, id: u32) {
        let count = self.count(id);
        let epoch = self.epoch;
        let entry = &mut self.entries[id as usize];
        entry.epoch = epoch;
        entry.count = count;
        if count < 15 {
            entry.count += 1;
            self.ticks += 1;
        }
        if self.ticks >= self.tuning.half_life * (self.window.len + self.main.len).max(1) {
            self.ticks = 0;
            self.epoch = self.epoch.wrapping_add(1);
        }
    }

    /// Moves main's hand to an entry without a mark, or gives up after so many steps.
    fn victim(&mut self) -> Option<u32> {
        for _ in 0..self.tuning.steps {
            let id = self.main.oldest()?;
            if self.entries[id as usize].mark == 0 {
                break;
            }
            self.add_count(id);
            self.entries[id as usize].mark -= 1;
            self.links.renew(&mut self.main, id);
        }
        self.main.oldest()
    }

    /// Whether main should rather have an object that was asked for `count` times than its victim.
    fn wins(&self, count: u8, victim: u32) -> bool {
        let victim = self.count(victim);
        self.tuning.margin == 0 || count > victim + victim / self.tuning.margin
    }

    /// Evicts something.
    fn evict(&mut self) {
        if self.window.weight as f64 > self.window_budget || self.main.len == 0 {
            for step in 0.. {
                let Some(id) = self.links.pop(&mut self.window) else {
                    break;
                };
                if self.entries[id as usize].mark > 0 && step < self.tuning.steps {
                    self.add_count(id);
                    self.enter_main(id);
                    if self.window.weight as f64 <= self.window_budget {
                        break;
                    }
                    continue;
                }
                if self.entries[id as usize].returned
                    && let Some(victim) = self.victim()
                    && self.wins(self.count(id), victim)
                {
                    self.evict_from_main(victim);
                    self.enter_main(id);
                } else {
                    self.bury(id, false);
                }
                return;
            }
        }
        if let Some(victim) = self.victim() {
            self.evict_from_main(victim);
        }
    }

    fn enter_main(&mut self, id: u32) {
        let entry = &mut self.entries[id as usize];
        entry.place = Place::Main;
        entry.mark = 0;
        self.links.push(&mut self.main, id);
    }

    fn evict_from_main(&mut self, id: u32) {
        self.links.remove(&mut self.main, id);
        self.bury(id, true);
    }

    fn bury(&mut self, id: u32, from_main: bool) {
        let count = self.count(id);
        self.entries[id as usize].place = Place::Out;
        self.evicted[usize::from(from_main)] += self.links.weight(id);
        let stamp = self.stamp(from_main);
        self.ghosts
            .reserve(self.tuning.ghosts * (self.window.len + self.main.len).max(1));
        self.ghosts.insert(
            id,
            Ghost {
                count,
                epoch: self.epoch,
                from_main,
                stamp,
            },
        );
    }

    /// How far the evictions of a queue have come, in half units of nearness.
    fn stamp(&self, from_main: bool) -> u8 {
        let unit = ((self.budget as f64 * self.tuning.near / 200.0) as u64).max(1);
        (self.evicted[usize::from(from_main)] / unit) as u8
    }

    /// Lets the return of an evicted object move the border between window and main.
    fn adapt(&mut self, ghost: Ghost, weight: u64) {
        if !self.tuning.adaptive {
            return;
        }
        let age = f64::from(self.stamp(ghost.from_main).wrapping_sub(ghost.stamp));
        let pull = weight as f64 / 2.0 * (2.0 / age.max(2.0)).powi(2);
        let window = if ghost.from_main {
            self.window_budget - pull
        } else {
            self.window_budget + pull
        };
        let (_, min, max) = self.tuning.window;
        let percent = self.budget as f64 / 100.0;
        self.window_budget = window
            .min(max as f64 * percent)
            .max(min as f64 * percent)
            .max(1.0);
    }
}

/// A count that was right so many epochs ago. Four bits of the distance are known.
fn aged(count: u8, epochs: u8) -> u8 {
    count >> (epochs & 15).min(7)
}

impl Policy for GhostClock {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let entry = &mut self.entries[id as usize];
        if entry.place != Place::Out {
            entry.mark = (entry.mark + 1).min(self.tuning.mark_max);
            return true;
        }
        if weight > self.budget {
            return false;
        }
        self.links.set_weight(id, weight);

        let ghost = self.ghosts.take(id);
        if let Some(ghost) = ghost {
            self.adapt(ghost, weight);
        }
        let entry = &mut self.entries[id as usize];
        entry.mark = 0;
        entry.returned = ghost.is_some();
        (entry.count, entry.epoch) =
            ghost.map_or((0, self.epoch), |ghost| (ghost.count, ghost.epoch));
        let before = self.count(id);
        self.add_count(id);
        let count = if self.tuning.eager {
            self.count(id)
        } else {
            before
        };

        if ghost.is_some()
            && self.filled
            && let Some(victim) = self.victim()
            && self.wins(count, victim)
        {
            while self.used() + weight > self.budget {
                match self.victim() {
                    Some(victim) => self.evict_from_main(victim),
                    None => self.evict(),
                }
            }
            self.enter_main(id);
            return false;
        }

        while self.used() + weight > self.budget {
            self.filled = true;
            self.evict();
        }
        if self.filled {
            self.entries[id as usize].place = Place::Window;
            self.links.push(&mut self.window, id);
        } else {
            self.enter_main(id);
        }
        false
    }
}
