//! The policy of the store: a FIFO window, a CLOCK, and ghosts with counts.
//!
//! A hit adds one to a two-bit mark of the entry and does nothing else. Everything below happens when an object is
//! inserted.
//!
//! * A new object goes to the *window*, a FIFO. At the end of the window, an object that was hit moves on to *main*, a
//!   CLOCK. Any other object is evicted, unless it wins a contest (below).
//! * An evicted object leaves a *ghost* behind, of four bytes. The ghost holds a fingerprint, how often the object was
//!   asked for, and when it was evicted from which queue. There are three ghosts to an entry.
//! * An object that returns while its ghost is there was perhaps evicted too early. It may *contest* the place of the
//!   entry under main's hand, and wins if its count is larger by more than a fifth. It contests twice: on its return,
//!   and at the end of the window. On its return, the present request does not count, because the entry under the hand
//!   may be about to be asked for as well. In a loop, that entry is the very next one. If the request counted, a loop
//!   longer than the cache would keep evicting the entry that it needs next. A scan never gets to main, because it has
//!   no ghosts.
//! * Entries and ghosts hold the counts, so there is no frequency sketch. Counts are halved, lazily, as requests are
//!   counted.
//! * Ghosts also decide how large the window is. An object that returns soon after it left the window would have been
//!   hit in a slightly larger window. The same holds for main. Each such return moves the border by half the object's
//!   weight. The pull of a later return falls with the square of the distance.
//! * Until the budget is reached for the first time, objects go straight to main. So main is full when a loop begins.
//! * If newcomers come and hardly anything is hit, main gives way to them, because they may be a new working set.
//!
//! The ideas are from S3-FIFO (a small FIFO, lazy promotion), Clock-PRO and ARC (ghosts decide the border), and TinyLFU
//! (a newcomer must be asked for more often than its victim).

use std::iter;

use super::Policy;
use super::ghosts::{Ghost, Ghosts};
use super::lists::{Links, List};
use super::patience::{Patience, Rule};

/// The constants of the policy. They are in a struct so that a run can vary each and show its effect.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    /// The value at which the mark of an entry saturates.
    pub(crate) mark_max: u8,
    /// How many ghosts are kept for each entry, and how many at least.
    pub(crate) ghosts: usize,
    pub(crate) least_ghosts: usize,
    /// Counts are halved whenever so many have been added per entry.
    pub(crate) half_life: usize,
    /// An object wins a contest if its count exceeds `1 + 1 / margin` times the victim's count. Zero: it always wins.
    pub(crate) margin: u8,
    /// How many entries a queue moves at most in one search for a victim. Then it takes the next one.
    pub(crate) steps: usize,
    /// The initial size of the window, and its lower and upper bound, in percent of the budget.
    pub(crate) window: (u64, u64, u64),
    /// A return counts fully if less than this has been evicted from the queue since the object left, in percent of
    /// the budget.
    pub(crate) near: f64,
    /// Whether the window's size follows the ghosts.
    pub(crate) adaptive: bool,
    /// Whether main is filled before the window.
    pub(crate) fill_main: bool,
    /// Whether the request with which an object returns counts in its first contest.
    pub(crate) eager: bool,
    /// When main gives way to a new working set.
    pub(crate) rule: Rule,
}

impl Tuning {
    pub(crate) const DEFAULT: Self = Self {
        mark_max: 2,
        ghosts: 3,
        least_ghosts: 64,
        half_life: 10,
        margin: 5,
        steps: 16,
        window: (1, 1, 90),
        near: 5.0,
        adaptive: true,
        fill_main: true,
        eager: false,
        rule: Rule::DEFAULT,
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
    /// Hits since the hand last came by. A hit writes this field only.
    mark: u8,
    /// How often the object was asked for, as of `epoch`. All hits during a stay in the window count as one.
    count: u8,
    epoch: u8,
    /// Whether the object had a ghost when it was inserted.
    returned: bool,
}

pub(crate) struct GhostClock {
    tuning: Tuning,
    budget: u64,
    /// The most that the window may weigh.
    window_budget: f64,
    links: Links,
    window: List,
    main: List,
    entries: Vec<Entry>,
    ghosts: Ghosts,
    /// Weight evicted so far from the window and from main.
    evicted: [u64; 2],
    /// The number of the epoch. Counts are halved from epoch to epoch.
    epoch: u8,
    ticks: usize,
    filled: bool,
    /// Hits since the last newcomer.
    hits: u64,
    patience: Patience,
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
            hits: 0,
            patience: Patience::new(tuning.rule),
        }
    }

    fn used(&self) -> u64 {
        self.window.weight + self.main.weight
    }

    fn share(&self, weight: u64) -> f64 {
        weight as f64 / self.used().max(1) as f64
    }

    /// The share of an average entry.
    fn entry(&self) -> f64 {
        1.0 / (self.window.len + self.main.len).max(1) as f64
    }

    /// How often an object was asked for: its count, halved once for each epoch since.
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

    /// Moves main's hand to an entry without a mark, and returns that entry. After `tuning.steps` steps, returns the
    /// entry under the hand whatever its mark.
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

    /// Whether an object that was asked for `count` times wins the contest with main's victim.
    fn wins(&self, count: u8, victim: u32) -> bool {
        let victim = self.count(victim);
        self.tuning.margin == 0 || count > victim + victim / self.tuning.margin
    }

    /// The next entry of main that gives way to a new working set: one that was asked for twice, if one of the oldest
    /// was, or else the oldest.
    fn stale(&self) -> Option<u32> {
        if !self.patience.yields() || !self.patience.has_more() {
            return None;
        }
        let oldest = self.main.oldest()?;
        let twice = |&id: &u32| self.count(id) + self.entries[id as usize].mark > 1;
        iter::successors(Some(oldest), |&id| self.links.newer(id))
            .take(self.tuning.steps)
            .find(twice)
            .or(Some(oldest))
    }

    /// Evicts one object, if there is any. Returns whether main gave way.
    fn evict(&mut self) -> bool {
        if let Some(stale) = self.stale() {
            let share = self.share(self.links.weight(stale));
            self.patience.give_way(self.main.len, self.stamp(true));
            self.patience.given(share);
            self.evict_from_main(stale);
            return true;
        }
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
                return false;
            }
        }
        let oldest = self.main.oldest();
        let oldest = oldest.filter(|_| self.patience.may_yield());
        if let Some(victim) = oldest.or_else(|| self.victim()) {
            self.evict_from_main(victim);
        }
        false
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
        if from_main {
            self.patience.evicted(stamp);
        }
        self.ghosts.reserve(
            (self.tuning.ghosts * (self.window.len + self.main.len)).max(self.tuning.least_ghosts),
        );
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

    /// How far the evictions of a queue have come, in units of half of `tuning.near`. Wraps.
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

/// A count, halved once for each epoch since. Only four bits of this distance are known.
fn aged(count: u8, epochs: u8) -> u8 {
    count >> (epochs & 15).min(7)
}

impl Policy for GhostClock {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let entry = &mut self.entries[id as usize];
        if entry.place != Place::Out {
            entry.mark = (entry.mark + 1).min(self.tuning.mark_max);
            self.hits += 1;
            return true;
        }
        if weight > self.budget {
            return false;
        }
        self.links.set_weight(id, weight);

        let hits = std::mem::take(&mut self.hits);
        self.patience.hear(hits, self.entry());
        if !self.filled && self.used() + weight > self.budget {
            self.filled = true;
            self.patience.filled(self.main.len);
        }
        if self.filled {
            self.patience.newcomer(self.share(weight), hits);
        }
        let ghost = self.ghosts.take(id);
        if let Some(ghost) = ghost {
            if ghost.from_main {
                let (now, share) = (self.stamp(true), self.share(weight));
                self.patience.returns(ghost.stamp, now, share);
            }
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
            && self.stale().is_none()
            && let Some(victim) = self.victim()
            && self.wins(count, victim)
        {
            while self.used() + weight > self.budget {
                match self.victim() {
                    Some(victim) => self.evict_from_main(victim),
                    None => {
                        self.evict();
                    }
                }
            }
            self.enter_main(id);
            return false;
        }

        let mut gave_way = true;
        while self.used() + weight > self.budget {
            gave_way &= self.evict();
        }
        if !self.filled {
            self.enter_main(id);
        } else if gave_way && self.patience.yields() {
            self.patience.give_way(self.main.len, self.stamp(true));
            self.patience.loaded();
            self.enter_main(id);
        } else {
            self.entries[id as usize].place = Place::Window;
            self.links.push(&mut self.window, id);
        }
        false
    }
}
