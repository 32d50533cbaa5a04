use std::collections::HashMap;
use std::time::Instant;

use super::super::gather::NodeView;
use super::super::report::{Counters, Memory, Place};
use super::super::sums::Sums;

/// The last reading of each node.
#[derive(Debug, Default)]
pub(super) struct Readings {
    last: HashMap<Place, (Instant, Counters)>,
    /// Those of this round, which become the last ones.
    new: HashMap<Place, (Instant, Counters)>,
}

/// What a node does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    /// What has been counted since the last reading; since the node's start in the first one.
    pub(super) counted: Counters,
    /// In how many seconds.
    pub(super) seconds: f64,
    pub(super) memory: Memory,
}

impl Readings {
    /// Compares a node with its last reading.
    pub(super) fn rates(&mut self, node: &NodeView, now: Instant) -> Rates {
        let Sums { counters, memory } = Sums::of(&node.groups);
        let (counted, seconds) = match self.last.get(&node.member) {
            Some((at, last)) => (counters.since(last), (now - *at).as_secs_f64()),
            None => (counters, node.uptime),
        };
        self.new.insert(node.member.clone(), (now, counters));
        Rates {
            counted,
            seconds,
            memory,
        }
    }

    /// Ends a round: nodes that were not read in it are forgotten.
    pub(super) fn end_round(&mut self) {
        self.last = std::mem::take(&mut self.new);
    }
}

impl Rates {
    /// A count per second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 {
            count as f64 / self.seconds
        } else {
            0.0
        }
    }
}
