use std::time::Duration;

use super::freshness::Freshness;
use super::random::Random;

/// What a run is like from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A budget for a few entries only, so that values are evicted all the time.
    pub tiny: bool,
    /// The bytes of the log of changes, if it is so short that nodes forget what has changed.
    pub short_log: Option<usize>,
    /// Whether every value that is fetched becomes hot.
    pub mirrors: bool,
    /// The longest time that a message takes, when nothing is wrong.
    pub delay: Duration,
    /// The longest time that a getter takes.
    pub getter: Duration,
    /// How many of a hundred calls of the getter fail, and how many hang.
    pub failing: u32,
    pub hanging: u32,
    /// How many of a hundred messages arrive twice, and how many arrive although their sender gave up.
    pub doubled: u32,
    pub late: u32,
    /// How many of a hundred messages take some seconds more than the others, mostly.
    pub straying: u32,
    /// How many of a hundred messages are served, and their answers lost.
    pub unanswered: u32,
    /// Whether nobody says so when a message comes to where no node runs: its sender waits in vain.
    pub half_open: bool,
    /// How long a value lives.
    pub life: Option<Duration>,
    /// By how much a node's time of day may be off, each time it looks.
    pub clock_error: Duration,
    /// Whether nodes compare what they know now and then, also if nothing has failed.
    pub exchanges: bool,
    /// Whether clients write a key one after the other, each when the last one has told the cache. Those that do not, do not
    /// set values: a value may then be older than a change that the cache knows already.
    pub takes_turns: bool,
    /// Whether the nodes hold each other's values on standby.
    pub standby: bool,
    pub freshness: Freshness,
    /// How the nodes talk.
    pub speech: Speech,
}

/// What a protocol can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// All of it.
    Native,
    /// No names of changes, and not what a node knows of them.
    Dialect {
        /// Whether it can tell a node to clear a group.
        clears: bool,
    },
}

impl Settings {
    pub fn of(random: &mut Random, freshness: Freshness) -> Self {
        let ms = Duration::from_millis;
        Self {
            tiny: random.chance(20),
            short_log: random.pick(&[
                None,
                None,
                None,
                Some(2 << 10),
                Some(1 << 10),
                Some(1 << 10),
            ]),
            mirrors: random.chance(70),
            delay: random.pick(&[ms(1), ms(20), ms(200)]),
            getter: random.pick(&[ms(1), ms(50), ms(500)]),
            failing: random.pick(&[0, 0, 5]),
            hanging: random.pick(&[0, 0, 0, 2]),
            doubled: random.pick(&[0, 0, 10]),
            late: random.pick(&[0, 50, 100]),
            straying: random.pick(&[0, 0, 5]),
            unanswered: random.pick(&[0, 0, 5]),
            half_open: random.chance(30),
            life: random.pick(&[
                None,
                None,
                None,
                Some(ms(200)),
                Some(ms(2_000)),
                Some(ms(20_000)),
            ]),
            clock_error: Duration::from_secs(600),
            exchanges: random.chance(60),
            takes_turns: random.chance(60),
            standby: random.chance(30),
            freshness,
            speech: Speech::Native,
        }
    }

    /// The same without faults, but for messages that arrive twice.
    pub fn calm(self) -> Self {
        Self {
            failing: 0,
            hanging: 0,
            late: 0,
            straying: 0,
            unanswered: 0,
            ..self
        }
    }

    pub fn names_changes(&self) -> bool {
        self.speech == Speech::Native
    }
}
