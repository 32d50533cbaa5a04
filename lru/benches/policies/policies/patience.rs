//! When main gives way to a new working set; see [`GhostClock`](super::GhostClock).

/// The constants of the rule.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    /// Whether main ever gives way.
    pub(crate) yields: bool,
    /// How many newcomers a hit outweighs.
    pub(crate) worth: f64,
    /// The least silence in which main gives way, and the longest that is told apart, in percent of the budget.
    pub(crate) bounds: (f64, f64),
    /// A silence in which main should have stayed raises patience to its length times so much.
    pub(crate) doubt: f64,
    /// How much patience falls for each newcomer while there are hits, as a share of the newcomer's weight.
    pub(crate) forget: f64,
    /// A takeover was wrong if so much of what it evicted is asked for again.
    pub(crate) regret: f64,
    /// A takeover was wrong if the silence goes on for so long, in percent of the budget.
    pub(crate) fit: f64,
}

impl Rule {
    pub(crate) const DEFAULT: Self = Self {
        yields: true,
        worth: 3.0,
        bounds: (0.9, 400.0),
        doubt: 2.5,
        forget: 1.0 / 8.0,
        regret: 1.0 / 32.0,
        fit: 150.0,
    };
}

/// Measures silences. Lengths are shares of the budget.
pub(super) struct Patience {
    rule: Rule,
    silence: f64,
    /// The share of the last newcomer: one newcomer alone is no silence.
    share: f64,
    patience: f64,
    /// Whether main gives way in this silence.
    pub(super) yielding: bool,
    takeover: Takeover,
}

/// The last time that main gave way.
#[derive(Clone, Copy, Default)]
struct Takeover {
    /// How far main's evictions had come at the first and at the last eviction.
    stamps: [u8; 2],
    /// How many of main's entries are older than the takeover.
    left: usize,
    loaded: usize,
    /// Hits since.
    hits: u64,
    evicted: f64,
    regretted: f64,
    silence: f64,
}

impl Patience {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            silence: 0.0,
            share: 0.0,
            patience: 0.0,
            yielding: false,
            takeover: Takeover::default(),
        }
    }

    /// Takes note of the hits since the last call. `entry` is the share of an average entry.
    pub(super) fn hear(&mut self, hits: u64, entry: f64) {
        if hits == 0 {
            return;
        }
        self.takeover.hits += hits;
        if self.silence > 0.0 {
            if !self.yielding {
                self.doubt(self.silence);
            }
            self.silence = (self.silence - hits as f64 * self.rule.worth * entry).max(0.0);
            self.yielding &= self.is_silent();
        }
    }

    /// Takes note of a newcomer, which comes after `hits` hits.
    pub(super) fn newcomer(&mut self, share: f64, hits: u64) {
        self.share = share;
        if hits > 0 && self.silence == 0.0 {
            self.patience = (self.patience - share * self.rule.forget).max(0.0);
        }
        self.silence = (self.silence + share).min(self.rule.bounds.1 / 100.0);
        if self.yielding && self.silence > self.rule.fit / 100.0 {
            self.doubt(self.silence);
            self.yielding = false;
        }
    }

    /// Takes note that the budget is reached for the first time.
    pub(super) fn filled(&mut self, entries: usize) {
        self.takeover.loaded = entries;
    }

    /// Whether main may soon give way. Until then, entries without hits must not get in front of others.
    pub(super) fn may_yield(&self) -> bool {
        self.rule.yields && self.silence > self.patience.max(self.share) && self.has_paid()
    }

    /// Whether main gives way to newcomers.
    pub(super) fn yields(&self) -> bool {
        self.rule.yields && self.is_silent() && (self.yielding || self.has_paid())
    }

    /// Whether main has entries left to give.
    pub(super) fn has_more(&self) -> bool {
        !self.yielding || self.takeover.left > 0
    }

    /// Takes note that main, of so many entries, gives way.
    pub(super) fn give_way(&mut self, main: usize, stamp: u8) {
        if !self.yielding {
            self.yielding = true;
            self.takeover = Takeover {
                stamps: [stamp; 2],
                left: main,
                ..Takeover::default()
            };
        }
        self.takeover.silence = self.takeover.silence.max(self.silence);
    }

    /// Takes note of an entry of main that gives way.
    pub(super) fn given(&mut self, share: f64) {
        self.takeover.left = self.takeover.left.saturating_sub(1);
        self.takeover.evicted += share;
    }

    /// Takes note of how far main's evictions have come.
    pub(super) fn evicted(&mut self, stamp: u8) {
        if self.yielding {
            self.takeover.stamps[1] = stamp;
        }
    }

    pub(super) fn loaded(&mut self) {
        self.takeover.loaded += 1;
    }

    /// Takes note that an entry which main evicted at `stamp` is asked for again.
    pub(super) fn returns(&mut self, stamp: u8, now: u8, share: f64) {
        let age = now.wrapping_sub(stamp);
        let takeover = &mut self.takeover;
        let [first, last] = takeover.stamps.map(|stamp| now.wrapping_sub(stamp));
        if takeover.hits >= takeover.loaded as u64 || !(last..=first).contains(&age) {
            return;
        }
        takeover.regretted += share;
        if takeover.regretted >= takeover.evicted * self.rule.regret {
            self.doubt(self.takeover.silence);
        }
    }

    fn is_silent(&self) -> bool {
        self.silence
            > self
                .patience
                .max(self.rule.bounds.0 / 100.0)
                .max(self.share)
    }

    /// Whether the entries that came with the last takeover, or when the budget was first reached, were asked for again.
    fn has_paid(&self) -> bool {
        self.takeover.hits >= self.takeover.loaded as u64
    }

    fn doubt(&mut self, silence: f64) {
        self.patience = self.patience.max(self.rule.doubt * silence);
    }
}
