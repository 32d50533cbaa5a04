use std::fmt;
use std::time::Duration;

use super::random::Random;

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

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A budget for a few entries only, so that values are evicted all the time.
    pub tiny: bool,
    /// A log of a few changes only, so that nodes forget what has changed.
    pub short_log: bool,
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
    /// A node that crashed starts again, with empty memory.
    Restart {
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

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut random = Random::of(&[seed, 1]);
        let nodes = 2 + random.below(4);
        let keys = 1 + random.below(12);
        let settings = Settings::of(&mut random);
        let mut actions = Vec::new();
        for _ in 0..30 + random.below(300) {
            let at = moment(&mut random);
            let what = traffic(&mut random, nodes, keys);
            actions.push(Action { at, what });
        }
        let faults = [0, 0, 3, 6, 12][random.below(5)];
        let kinds = [1 + random.below(5), 1 + random.below(5)];
        for _ in 0..faults {
            let at = moment(&mut random);
            let kind = random.pick(&kinds);
            fault(&mut random, nodes, at, kind, &mut actions);
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
}

impl Plan {
    /// The same without faults.
    pub fn calm(mut self) -> Self {
        self.actions.retain(|action| action.what.is_of_a_client());
        self.settings = Settings {
            failing: 0,
            hanging: 0,
            doubled: 0,
            late: 0,
            ..self.settings
        };
        self
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
}

impl Settings {
    fn of(random: &mut Random) -> Self {
        let ms = Duration::from_millis;
        Self {
            tiny: random.chance(20),
            short_log: random.chance(30),
            mirrors: random.chance(70),
            delay: random.pick(&[ms(1), ms(20), ms(200)]),
            getter: random.pick(&[ms(1), ms(50), ms(500)]),
            failing: random.pick(&[0, 0, 5]),
            hanging: random.pick(&[0, 0, 0, 2]),
            doubled: random.pick(&[0, 0, 10]),
            late: random.pick(&[0, 50, 100]),
        }
    }
}

fn moment(random: &mut Random) -> Duration {
    Duration::from_millis(random.below(STORM.as_millis() as usize) as u64)
}

fn traffic(random: &mut Random, nodes: usize, keys: usize) -> What {
    let (node, key) = (random.below(nodes), random.below(keys));
    match random.below(100) {
        0..60 => What::Get { node, key },
        60..64 => What::Peek { node, key },
        64..70 => What::GetMany {
            node,
            keys: some(random, keys),
        },
        70..72 => What::WarmUp { node, key },
        72..84 => What::Write {
            node,
            keys: vec![key],
            tell: Tell::Remove,
        },
        84..92 => What::Write {
            node,
            keys: vec![key],
            tell: Tell::Set,
        },
        92..95 => What::Write {
            node,
            keys: some(random, keys),
            tell: Tell::Remove,
        },
        95..97 => What::Write {
            node,
            keys: vec![key],
            tell: Tell::Abandoned(random.wait(Duration::from_secs(1))),
        },
        _ => What::Write {
            node,
            keys: some(random, keys),
            tell: Tell::Clear,
        },
    }
}

fn some(random: &mut Random, keys: usize) -> Vec<usize> {
    let mut some: Vec<_> = (0..keys).filter(|_| random.chance(40)).collect();
    if some.is_empty() {
        some.push(random.below(keys));
    }
    some
}

/// Adds a fault, and mostly its end.
fn fault(random: &mut Random, nodes: usize, at: Duration, kind: usize, actions: &mut Vec<Action>) {
    let node = random.below(nodes);
    let other = (node + 1 + random.below(nodes - 1)) % nodes;
    let end = at + random.wait(Duration::from_secs(40));
    let mut then = |at, what| actions.push(Action { at, what });
    match kind {
        // A node and some of the others, or a node and all others, no longer reach each other.
        1 => {
            let all = random.chance(50);
            for to in (0..nodes).filter(|to| *to != node && (all || *to == other)) {
                then(at, What::Cut { from: node, to });
                then(at, What::Cut { from: to, to: node });
            }
            then(end, What::Heal);
        }
        2 => {
            then(
                at,
                What::Cut {
                    from: node,
                    to: other,
                },
            );
            then(end, What::Heal);
        }
        3 => {
            then(at, What::Crash { node });
            then(end, What::Restart { node });
        }
        // Members leave the ring of all or of some nodes, and come back.
        4 => {
            for of in (0..nodes).filter(|of| *of != node) {
                if random.chance(80) {
                    let late = random.wait(Duration::from_secs(2));
                    then(
                        at + late,
                        What::Remove {
                            node: of,
                            member: node,
                        },
                    );
                }
                let late = random.wait(Duration::from_secs(2));
                then(
                    end + late,
                    What::Add {
                        node: of,
                        member: node,
                    },
                );
            }
        }
        _ => {
            let by = random.wait(Duration::from_secs(10));
            then(
                at,
                What::Slow {
                    one: node,
                    other,
                    by,
                },
            );
            then(
                end,
                What::Slow {
                    one: node,
                    other,
                    by: Duration::ZERO,
                },
            );
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { from, to } => write!(f, "nothing passes from n{from} to n{to}"),
            Self::Heal => write!(f, "everything passes again"),
            Self::Slow { one, other, by } => write!(f, "n{one} and n{other} are {by:?} apart"),
            Self::Crash { node } => write!(f, "n{node} crashes"),
            Self::Restart { node } => write!(f, "n{node} starts again"),
            Self::Add { node, member } => write!(f, "n{node} learns of its member n{member}"),
            Self::Remove { node, member } => write!(f, "n{node} drops its member n{member}"),
            traffic => write!(f, "{traffic:?}"),
        }
    }
}
