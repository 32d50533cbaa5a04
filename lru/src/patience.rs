//! When main gives way to a new working set.
//!
//! The policy protects main against newcomers, and is right to do so in a scan and in a loop. It is wrong
//! if nobody asks for the entries of main any more. The three look alike while they begin: newcomers
//! come, and hardly anything is hit. Call this a *silence*. Its length is the share of the shard's bytes
//! that came as newcomers while there was hardly any room, less three average entries for each hit. So a
//! silence does not grow if more than a quarter of the requests are hits.
//!
//! * If a silence lasts longer than the *patience* of the shard, main gives way: each newcomer takes the
//!   place of main's oldest entry, whatever its mark, until no entry is left that is older than the
//!   silence. At first, patience is as short as the smallest window. So the newcomers that came before
//!   are still in the window.
//! * A shard learns patience. A silence that ends while main has not given way shows how long main has to
//!   wait for its next hit. Patience becomes at least twice that.
//! * The same holds if giving way was wrong: entries that gave way come back before those that took their
//!   place have been hit, or the silence goes on although a set that fits would have been read once by
//!   then. The latter is how a shard recognizes scans and loops that are too long for its ghosts.
//! * Patience is forgotten slowly, and only while there are hits. So a loop, in which each silence follows
//!   upon the last one, is not forgotten.
//! * Main gives way only if the entries that came with the last time, or when the shard was first full,
//!   have been hit as often as there are of them. So the first round of a loop changes nothing.
//!
//! What was tried, in points of the simulator's mean over the 36 rows of [`ghost_clock`](crate::ghost_clock),
//! the 54 rows of other workloads, and the 48 rows of workloads that the constants were not chosen for:
//!
//! | | 36 rows | 54 rows | 48 rows |
//! |---|--:|--:|--:|
//! | main never gives way | 48.52 | 48.62 | 50.90 |
//! | this rule | 48.52 | 48.76 | 50.88 |
//! | main also gives way before the last set has been hit | 48.35 | 48.76 | 50.88 |
//! | any hit ends a silence | 48.37 | 48.67 | 50.84 |
//!
//! The last two rows were measured while other constants were still a little different.
//!
//! If main never gives way, hardly any key of a new set is hit in its second round. With this rule, all keys are.
//! The rule has its price where a scan comes for the first time: main loses as many bytes as the scan reads,
//! and loads them once more. After a load with misses or scans, a shard is patient, and the first entries of
//! a new set are lost until the silence exceeds its patience.
//!
//! A shard sees hits by the counters that readers have anyway, so a hit does no more than before.

use crate::Class;

/// How many newcomers a hit outweighs.
const WORTH: f64 = 3.0;
/// The least silence in which main gives way.
const SILENCE_MIN: f64 = 0.009;
/// The longest silence that is told apart from longer ones.
const SILENCE_MAX: f64 = 4.0;
/// A silence in which main should have stayed raises patience to its length times this factor.
const DOUBT: f64 = 2.5;
/// How much patience falls for each newcomer that comes while there are hits, as a share of its charge.
const FORGET: f64 = 1.0 / 8.0;
/// Giving way was wrong if so much of what gave way is asked for again.
const REGRET: f64 = 1.0 / 32.0;
/// Giving way was wrong if the silence lasts longer than this.
const FIT: f64 = 1.5;

/// Measures silences. Lengths are shares of the bytes in the shard.
#[derive(Debug)]
pub(crate) struct Patience {
    /// The reading of the hit counter when the policy last looked.
    heard: u64,
    silence: f64,
    /// The share of the last newcomer: one newcomer alone is no silence.
    share: f64,
    patience: f64,
    /// Whether main has given way in this silence.
    yielding: bool,
    takeover: Takeover,
}

/// The last time that main gave way. Before that, the time when the shard was first full.
#[derive(Clone, Copy, Debug)]
struct Takeover {
    /// How far main's evictions had come at first and at last.
    stamps: [[u8; 2]; Class::COUNT],
    /// How many entries of main are older than the takeover.
    left: [usize; Class::COUNT],
    /// How many entries came with it.
    loaded: u64,
    /// Hits since it began.
    hits: u64,
    /// What gave way, and how much of that came back too early.
    evicted: f64,
    regretted: f64,
    /// How long the silence was at most.
    silence: f64,
}

impl Takeover {
    const NONE: Self = Self {
        stamps: [[0; 2]; Class::COUNT],
        left: [0; Class::COUNT],
        loaded: 0,
        hits: 0,
        evicted: 0.0,
        regretted: 0.0,
        silence: 0.0,
    };

    /// Whether the entries that came were hit as often as there are of them.
    fn has_paid(&self) -> bool {
        self.hits >= self.loaded
    }
}

impl Patience {
    /// The patience of a shard that has learned nothing yet. `heard` is the reading of the hit counter.
    pub(crate) const fn since(heard: u64) -> Self {
        Self {
            heard,
            silence: 0.0,
            share: 0.0,
            patience: 0.0,
            yielding: false,
            takeover: Takeover::NONE,
        }
    }

    /// Reads the hit counter, and returns how many hits there were since it was last read. `entry` is the
    /// share of an average entry.
    pub(crate) fn hear(&mut self, counter: u64, entry: f64) -> u64 {
        let hits = counter.saturating_sub(self.heard);
        self.heard = counter;
        self.takeover.hits = self.takeover.hits.saturating_add(hits);
        if hits > 0 && self.silence > 0.0 {
            if !self.yielding {
                self.doubt(self.silence);
            }
            self.silence = (self.silence - hits as f64 * WORTH * entry).max(0.0);
            self.yielding &= self.is_silent();
        }
        hits
    }

    /// Counts a newcomer, which comes after so many hits.
    pub(crate) fn newcomer(&mut self, share: f64, hits: u64) {
        self.share = share;
        if hits > 0 && self.silence == 0.0 {
            self.patience = (self.patience - share * FORGET).max(0.0);
        }
        self.silence = (self.silence + share).min(SILENCE_MAX);
        if self.yielding && self.silence > FIT {
            self.doubt(self.silence);
            self.yielding = false;
        }
    }

    /// The shard is full for the first time since it was empty.
    pub(crate) fn filled(&mut self, entries: usize) {
        self.takeover.loaded = entries as u64;
    }

    /// Whether main may soon give way. Until then, entries without hits must not get in front of others.
    pub(crate) fn may_yield(&self) -> bool {
        self.silence > self.patience.max(self.share) && self.takeover.has_paid()
    }

    /// Whether main gives way to newcomers.
    pub(crate) fn yields(&self) -> bool {
        self.is_silent() && (self.yielding || self.takeover.has_paid())
    }

    /// How many of `main` entries are older than the takeover that goes on, or would begin now.
    pub(crate) fn left(&self, class: Class, main: usize) -> usize {
        if self.yielding {
            self.takeover.left[class as usize].min(main)
        } else {
            main
        }
    }

    /// Main gives way from now on, unless it does so already. `main` is how many entries each main has,
    /// `stamps` is how far its evictions have come.
    pub(crate) fn give_way(&mut self, main: [usize; Class::COUNT], stamps: [u8; Class::COUNT]) {
        if !self.yielding {
            self.yielding = true;
            self.takeover = Takeover {
                stamps: stamps.map(|stamp| [stamp; 2]),
                left: main,
                ..Takeover::NONE
            };
        }
        self.takeover.silence = self.takeover.silence.max(self.silence);
    }

    /// Counts an entry of main that gives way.
    pub(crate) fn given(&mut self, class: Class, share: f64) {
        let left = &mut self.takeover.left[class as usize];
        *left = left.saturating_sub(1);
        self.takeover.evicted += share;
    }

    /// Main has evicted an entry, and its evictions have come so far.
    pub(crate) fn evicted(&mut self, class: Class, stamp: u8) {
        if self.yielding {
            self.takeover.stamps[class as usize][1] = stamp;
        }
    }

    /// Counts an entry that takes the place of one that gave way.
    pub(crate) fn loaded(&mut self) {
        self.takeover.loaded += 1;
    }

    /// An entry that main evicted at `stamp` is asked for again.
    pub(crate) fn returns(&mut self, class: Class, stamp: u8, now: u8, share: f64) {
        let takeover = &mut self.takeover;
        let age = now.wrapping_sub(stamp);
        let [first, last] = takeover.stamps[class as usize].map(|stamp| now.wrapping_sub(stamp));
        if takeover.has_paid() || !(last..=first).contains(&age) {
            return;
        }
        takeover.regretted += share;
        if takeover.regretted >= takeover.evicted * REGRET {
            let silence = takeover.silence;
            self.doubt(silence);
        }
    }

    fn is_silent(&self) -> bool {
        self.silence > self.patience.max(SILENCE_MIN).max(self.share)
    }

    fn doubt(&mut self, silence: f64) {
        self.patience = self.patience.max(DOUBT * silence);
    }
}
