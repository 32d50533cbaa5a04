use std::fmt;
use std::time::Duration;

use super::faults::faults;
use super::freshness::Freshness;
use super::random::Random;
use super::settings::{Settings, Speech};
use super::traffic::{Habits, traffic};

/// What happens in a run: everything but the outcome. A plan follows from its seed, and a smaller one from a larger one by
/// leaving actions out.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub nodes: usize,
    pub keys: usize,
    pub settings: Settings,
    /// In the order of their times.
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug)]
pub struct Action {
    pub at: Duration,
    pub what: What,
}

/// Nodes and keys are numbers from zero.
#[derive(Clone, Debug)]
pub enum What {
    /// A client on a node asks for a key.
    Get {
        node: usize,
        key: usize,
    },
    /// The same, but only for what is in memory.
    Peek {
        node: usize,
        key: usize,
    },
    GetMany {
        node: usize,
        keys: Vec<usize>,
    },
    WarmUp {
        node: usize,
        key: usize,
    },
    /// A client writes to the database, and then tells the cache.
    Write {
        node: usize,
        keys: Vec<usize>,
        tell: Tell,
    },
    /// Nothing passes from one node to another.
    Cut {
        from: usize,
        to: usize,
    },
    Heal,
    /// Messages between two nodes, both ways, take longer.
    Slow {
        one: usize,
        other: usize,
        by: Duration,
    },
    Crash {
        node: usize,
    },
    /// A node is not there from the beginning.
    Absent {
        node: usize,
    },
    /// A node that does not run starts, with empty memory.
    Start {
        node: usize,
    },
    /// A node ends and does not come back.
    Leave {
        node: usize,
    },
    /// A node says that it leaves, and hands its values over. It runs until it ends.
    Retire {
        node: usize,
    },
    /// A node's list of members gets or loses another one.
    Add {
        node: usize,
        member: usize,
    },
    Remove {
        node: usize,
        member: usize,
    },
}

/// How a writer tells the cache of what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    Remove,
    Set,
    Clear,
    /// By a removal, for whose end the client does not wait this long.
    Abandoned(Duration),
}

/// How long the weather is bad.
pub const STORM: Duration = Duration::from_secs(60);

/// Most clusters are small. A key of a large one is changed by more nodes than are remembered of it.
const SIZES: [usize; 10] = [2, 3, 3, 3, 4, 4, 5, 5, 6, 10];

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut random = Random::of(&[seed, 1]);
        let nodes = random.pick(&SIZES);
        let keys = random.pick(&[1, 3, 12]);
        let keys = 1 + random.below(keys);
        let freshness = Freshness::of(&mut Random::of(&[seed, 5]));
        let settings = Settings::of(&mut random, freshness);
        let habits = Habits::of(&mut random, nodes, keys, settings.takes_turns);
        let mut actions = faults(&mut random, nodes, moment);
        for _ in 0..30 + random.below(300) {
            let at = moment(&mut random);
            let what = traffic(&mut random, habits);
            actions.push(Action { at, what });
        }
        actions.sort_by_key(|action| action.at);
        Self {
            seed,
            nodes,
            keys,
            settings,
            actions,
        }
    }

    /// The same without faults, but for messages that arrive twice.
    pub fn calm(mut self) -> Self {
        self.actions.retain(|action| action.what.is_of_a_client());
        self.settings = self.settings.calm();
        self
    }

    /// The same over a protocol that does not name changes, and without what it has no answer to: other members, and sets
    /// that arrive late.
    pub fn dialect(mut self) -> Self {
        self.actions
            .retain(|action| !action.what.is_of_the_members());
        let clears = Random::of(&[self.seed, 4]).chance(50);
        self.settings.speech = Speech::Dialect { clears };
        self.settings.takes_turns = true;
        self
    }

    /// Whether every message arrives soon, and nobody but clients does anything.
    pub fn is_calm(&self) -> bool {
        let mut actions = self.actions.iter();
        self.is_quiet() && actions.all(|action| action.what.is_of_a_client())
    }

    /// Whether every message arrives soon, and nothing happens but that nodes join, and disagree about who is a
    /// member.
    pub fn is_quiet(&self) -> bool {
        let is_quiet = |action: &Action| {
            let what = &action.what;
            let is_of_lists = matches!(what, What::Add { .. } | What::Remove { .. });
            let joins = matches!(what, What::Absent { .. } | What::Start { .. });
            what.is_of_a_client() || is_of_lists || joins
        };
        // Who was listed before it ran is taken for dead for a while.
        let is_early = |action: &Action| match action.what {
            What::Add { member, .. } => self.starts_after(member, action.at),
            _ => false,
        };
        let settings = &self.settings;
        let is_whole = settings.straying == 0 && settings.unanswered == 0;
        let mut actions = self.actions.iter();
        is_whole && actions.all(|action| is_quiet(action) && !is_early(action))
    }

    fn starts_after(&self, number: usize, at: Duration) -> bool {
        let mut later = self.actions.iter().filter(|action| action.at > at);
        later.any(|action| matches!(action.what, What::Start { node } if node == number))
    }

    /// How long a value may be served past its life. In calm weather nothing fails but loads that wait for their turns too long.
    pub fn longest_window(&self) -> Duration {
        let Freshness {
            stale,
            last_resort,
            max_loads,
            ..
        } = self.settings.freshness;
        let getter_is_well = self.settings.failing == 0 && self.settings.hanging == 0;
        match self.is_calm() && getter_is_well && max_loads.is_none() {
            true => stale,
            false => stale.max(last_resort),
        }
    }

    /// The nodes that are not there from the beginning.
    pub fn absent(&self) -> Vec<usize> {
        let absent = |action: &Action| match action.what {
            What::Absent { node } => Some(node),
            _ => None,
        };
        self.actions.iter().filter_map(absent).collect()
    }
}

impl What {
    /// Whether a client does it, through a node.
    pub fn is_of_a_client(&self) -> bool {
        matches!(
            self,
            Self::Get { .. }
                | Self::Peek { .. }
                | Self::GetMany { .. }
                | Self::WarmUp { .. }
                | Self::Write { .. }
        )
    }

    /// Whether it changes who is a member.
    fn is_of_the_members(&self) -> bool {
        matches!(
            self,
            Self::Absent { .. } | Self::Leave { .. } | Self::Add { .. } | Self::Remove { .. }
        )
    }

    /// Whether it speaks of a node.
    pub fn is_about(&self, number: usize) -> bool {
        match *self {
            Self::Get { node, .. }
            | Self::Peek { node, .. }
            | Self::GetMany { node, .. }
            | Self::WarmUp { node, .. }
            | Self::Write { node, .. }
            | Self::Crash { node }
            | Self::Absent { node }
            | Self::Retire { node }
            | Self::Start { node }
            | Self::Leave { node } => node == number,
            Self::Cut { from, to } => from == number || to == number,
            Self::Slow { one, other, .. } => one == number || other == number,
            Self::Add { node, member } | Self::Remove { node, member } => {
                node == number || member == number
            }
            Self::Heal => false,
        }
    }
}

fn moment(random: &mut Random) -> Duration {
    Duration::from_millis(random.below(STORM.as_millis() as usize) as u64)
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { from, to } => write!(f, "nothing passes from n{from} to n{to}"),
            Self::Heal => write!(f, "everything passes again"),
            Self::Slow { one, other, by } => write!(f, "n{one} and n{other} are {by:?} apart"),
            Self::Crash { node } => write!(f, "n{node} crashes"),
            Self::Absent { node } => write!(f, "n{node} is not there yet"),
            Self::Start { node } => write!(f, "n{node} starts"),
            Self::Leave { node } => write!(f, "n{node} ends for good"),
            Self::Retire { node } => write!(f, "n{node} leaves in order"),
            Self::Add { node, member } => write!(f, "n{node} learns of its member n{member}"),
            Self::Remove { node, member } => write!(f, "n{node} drops its member n{member}"),
            traffic => write!(f, "{traffic:?}"),
        }
    }
}
