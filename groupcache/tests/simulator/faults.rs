use std::collections::HashSet;
use std::time::Duration;

use super::plan::{Action, What};
use super::random::Random;

/// How many kinds of faults there are.
const KINDS: usize = 9;

/// The kind by which nodes that run well disagree about who is a member.
const LISTS: usize = 3;

/// The kind by which nodes start later than the others, which hear of them then.
const JOINS: usize = 4;

/// The same, but some may hear of them before that.
const EARLY: usize = 5;

/// The longest time from a fault to its end.
const LONGEST: Duration = Duration::from_secs(40);

/// The longest time from the first node that hears of a change of the members to the last one, where that is quick, and where
/// it is slow.
const DISAGREEMENTS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(25)];

/// Some faults, of at most two kinds.
pub fn faults(
    random: &mut Random,
    nodes: usize,
    moment: impl Fn(&mut Random) -> Duration,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let count = random.pick(&[0, 6, 12, 20]);
    let kinds = match random.below(100) {
        0..10 => [LISTS; 2],
        10..25 => [JOINS; 2],
        _ => [random.below(KINDS), random.below(KINDS)],
    };
    let mut joined = HashSet::new();
    for _ in 0..count {
        let fault = Fault::of(random, nodes, &moment);
        let kind = random.pick(&kinds);
        // Who has joined is not absent again.
        if !matches!(kind, JOINS | EARLY) || joined.insert(fault.node) {
            actions.append(&mut fault.actions(random, kind));
        }
    }
    actions
}

/// A node and another one that something happens to, and when.
struct Fault {
    nodes: usize,
    node: usize,
    other: usize,
    at: Duration,
    end: Duration,
    disagreement: Duration,
}

impl Fault {
    fn of(random: &mut Random, nodes: usize, moment: impl Fn(&mut Random) -> Duration) -> Self {
        let (node, at) = (random.below(nodes), moment(random));
        Self {
            nodes,
            node,
            other: (node + 1 + random.below(nodes - 1)) % nodes,
            at,
            end: at + random.wait(LONGEST),
            disagreement: random.pick(&DISAGREEMENTS),
        }
    }

    fn actions(&self, random: &mut Random, kind: usize) -> Vec<Action> {
        let &Self {
            node,
            other,
            at,
            end,
            ..
        } = self;
        let then = |at, what| Action { at, what };
        match kind {
            0 => self.both_ways(random),
            // What passes the other way still does: requests arrive, and their answers do not.
            1 => vec![
                then(
                    at,
                    What::Cut {
                        from: node,
                        to: other,
                    },
                ),
                then(end, What::Heal),
            ],
            2 => vec![
                then(at, What::Crash { node }),
                then(end, What::Start { node }),
            ],
            LISTS => self.away(random),
            JOINS => self.joins(random, self.at),
            EARLY => self.joins(random, self.at.saturating_sub(self.disagreement)),
            7 => self.restarts(random),
            // Two nodes stay.
            6 if node > 1 => self.leaves(random),
            _ => {
                let by = random.wait(Duration::from_secs(10));
                let slow = |by| What::Slow {
                    one: node,
                    other,
                    by,
                };
                vec![then(at, slow(by)), then(end, slow(Duration::ZERO))]
            }
        }
    }

    /// A node and some of the others, or a node and all others, no longer reach each other.
    fn both_ways(&self, random: &mut Random) -> Vec<Action> {
        let (at, node, all) = (self.at, self.node, random.chance(50));
        let mut actions = Vec::new();
        for to in self.others().filter(|to| all || *to == self.other) {
            for (from, to) in [(node, to), (to, node)] {
                let what = What::Cut { from, to };
                actions.push(Action { at, what });
            }
        }
        let (at, what) = (self.end, What::Heal);
        actions.push(Action { at, what });
        actions
    }

    /// A member leaves the lists of all or of some nodes, and comes back. It runs all the time.
    fn away(&self, random: &mut Random) -> Vec<Action> {
        let mut actions = self.drop_by_others(random, 80);
        actions.append(&mut self.add_by_others(random));
        actions
    }

    /// A node is not there from the beginning. It starts and serves its own clients, and the others hear of it one after the
    /// other from a moment on.
    fn joins(&self, random: &mut Random, listed: Duration) -> Vec<Action> {
        let (node, start) = (self.node, self.at);
        let mut actions = vec![
            Action {
                at: Duration::ZERO,
                what: What::Absent { node },
            },
            Action {
                at: start,
                what: What::Start { node },
            },
        ];
        for other in self.others() {
            actions.push(Action {
                at: listed + random.up_to(self.disagreement),
                what: What::Add {
                    node: other,
                    member: node,
                },
            });
        }
        for _ in 0..5 {
            actions.push(Action {
                at: start + random.up_to(self.disagreement),
                what: What::Get { node, key: 0 },
            });
        }
        actions
    }

    /// A node leaves in order, ends a while later, and starts again.
    fn restarts(&self, random: &mut Random) -> Vec<Action> {
        let (node, at) = (self.node, self.at);
        let leaves = random.up_to(self.disagreement);
        let crash = at + leaves;
        let then = |at, what| Action { at, what };
        vec![
            then(at, What::Retire { node }),
            then(crash, What::Crash { node }),
            then(crash + random.up_to(LONGEST), What::Start { node }),
        ]
    }

    /// A node leaves for good: the others drop it, and it ends before, meanwhile or after that.
    fn leaves(&self, random: &mut Random) -> Vec<Action> {
        let mut actions = self.drop_by_others(random, 100);
        actions.push(Action {
            at: self.at + random.wait(2 * self.disagreement),
            what: What::Leave { node: self.node },
        });
        actions
    }

    fn drop_by_others(&self, random: &mut Random, percent: u32) -> Vec<Action> {
        let mut actions = Vec::new();
        for node in self.others() {
            if random.chance(percent) {
                actions.push(Action {
                    at: self.at + random.wait(self.disagreement),
                    what: What::Remove {
                        node,
                        member: self.node,
                    },
                });
            }
        }
        actions
    }

    fn add_by_others(&self, random: &mut Random) -> Vec<Action> {
        let add = |node| Action {
            at: self.end + random.wait(self.disagreement),
            what: What::Add {
                node,
                member: self.node,
            },
        };
        self.others().map(add).collect()
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        let node = self.node;
        (0..self.nodes).filter(move |of| *of != node)
    }
}
