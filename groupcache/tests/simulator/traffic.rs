use std::time::Duration;

use super::plan::{Tell, What};
use super::random::Random;

/// What clients mostly do.
#[derive(Clone, Copy)]
pub struct Habits {
    nodes: usize,
    keys: usize,
    /// How many of a hundred operations are writes.
    writes: u32,
    /// How many of a hundred reads are peeks, and gets of several keys.
    peeks: u32,
    many: u32,
    /// How many of a hundred writes end with a set, a clear, and a removal of several keys.
    sets: u32,
    clears: u32,
    groups: u32,
}

impl Habits {
    pub fn of(random: &mut Random, nodes: usize, keys: usize, may_set: bool) -> Self {
        Self {
            nodes,
            keys,
            writes: random.pick(&[10, 28, 28, 50]),
            peeks: random.pick(&[5, 5, 40]),
            many: random.pick(&[8, 8, 40]),
            sets: random.pick(&[10, 30, 60]) * u32::from(may_set),
            clears: random.pick(&[0, 5, 30]),
            groups: random.pick(&[10, 10, 30]),
        }
    }
}

/// Something that a client does.
pub fn traffic(random: &mut Random, habits: Habits) -> What {
    match random.chance(habits.writes) {
        true => write(random, habits),
        false => read(random, habits),
    }
}

fn read(random: &mut Random, habits: Habits) -> What {
    let (node, key) = (random.below(habits.nodes), random.below(habits.keys));
    if random.chance(habits.peeks) {
        What::Peek { node, key }
    } else if random.chance(habits.many) {
        let keys = some(random, habits.keys);
        What::GetMany { node, keys }
    } else if random.chance(3) {
        What::WarmUp { node, key }
    } else {
        What::Get { node, key }
    }
}

fn write(random: &mut Random, habits: Habits) -> What {
    let (node, key) = (random.below(habits.nodes), random.below(habits.keys));
    let (keys, tell) = if random.chance(habits.clears) {
        (some(random, habits.keys), Tell::Clear)
    } else if random.chance(habits.sets) {
        (vec![key], Tell::Set)
    } else if random.chance(habits.groups) {
        (some(random, habits.keys), Tell::Remove)
    } else if random.chance(8) {
        let patience = random.wait(Duration::from_secs(1));
        (vec![key], Tell::Abandoned(patience))
    } else {
        (vec![key], Tell::Remove)
    };
    What::Write { node, keys, tell }
}

fn some(random: &mut Random, keys: usize) -> Vec<usize> {
    let mut some: Vec<_> = (0..keys).filter(|_| random.chance(40)).collect();
    if some.is_empty() {
        some.push(random.below(keys));
    }
    some
}
