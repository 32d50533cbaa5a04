//! A store so simple that it is plainly right: a list that is searched linearly.

// Each test that includes this module uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::time::{Duration, Instant};

use lru::{Cause, Class, Evicted, Meta, Removed, Stats};

pub type Key = u8;
pub type Value = u32;

/// An entry that left, and why.
pub type Left = (Key, Value, Cause);

#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub key: Key,
    pub value: Value,
    pub meta: Meta,
    /// Grows with every entry that comes. Orders entries with the same expiry.
    age: u64,
}

#[derive(Debug)]
pub struct Model {
    /// Least recently used first.
    pub entries: Vec<Entry>,
    pub budget: usize,
    pub hot_ratio: usize,
    pub now: Instant,
    pub stats: Stats,
    /// Whether an overwrite replaces the entry before it makes room, as in `Lru`. `Cache` makes room first.
    pub replaces_first: bool,
    age: u64,
}

impl Model {
    pub fn new(budget: usize, now: Instant) -> Self {
        let (entries, stats) = (Vec::new(), Stats::default());
        Self {
            entries,
            budget,
            hot_ratio: 8,
            now,
            stats,
            replaces_first: false,
            age: 0,
        }
    }

    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.meta.charge).sum()
    }

    pub fn bytes_of(&self, class: Class) -> usize {
        self.of(class).map(|entry| entry.meta.charge).sum()
    }

    /// The entries of a class, least recently used first.
    pub fn of(&self, class: Class) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.meta.class == class)
    }

    pub fn peek(&self, key: Key) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.key == key && !self.is_expired(entry))
    }

    pub fn get(&mut self, key: Key) -> Option<Entry> {
        self.reclaim(key);
        let Some(at) = self.position(key) else {
            self.stats.misses += 1;
            return None;
        };
        self.stats.hits += 1;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        Some(entry)
    }

    pub fn insert(&mut self, key: Key, value: Value, meta: Meta) -> Option<Vec<Left>> {
        if meta.charge > self.budget {
            self.stats.oversize += 1;
            return None;
        }
        let mut left = Vec::from_iter(self.reclaim(key));
        self.age += 1;
        let new = Entry {
            key,
            value,
            meta,
            age: self.age,
        };
        if self.replaces_first
            && let Some(at) = self.position(key)
        {
            left.push(self.take(at, Cause::Replaced));
            self.entries.push(new);
            self.make_room(None, &mut left);
            return Some(left);
        }
        self.make_room(Some(&new), &mut left);
        if let Some(at) = self.position(key) {
            left.push(self.take(at, Cause::Replaced));
        } else {
            self.stats.inserts += 1;
        }
        self.entries.push(new);
        Some(left)
    }

    pub fn remove(&mut self, key: Key) -> Option<Value> {
        self.reclaim(key);
        let at = self.position(key)?;
        Some(self.take(at, Cause::Removed).1)
    }

    pub fn pop_oldest(&mut self) -> Option<Left> {
        (!self.entries.is_empty()).then(|| self.take(0, Cause::Removed))
    }

    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let all = self.entries.len();
        self.entries.retain(keep);
        self.stats.removals += (all - self.entries.len()) as u64;
    }

    pub fn clear(&mut self) {
        self.stats.cleared += self.entries.len() as u64;
        self.retain(|_| false);
    }

    pub fn set_budget(&mut self, budget: usize) -> Vec<Left> {
        self.budget = budget;
        let mut left = Vec::new();
        self.make_room(None, &mut left);
        left
    }

    pub fn remove_expired(&mut self) -> Vec<Left> {
        std::iter::from_fn(|| self.take_expired()).collect()
    }

    fn make_room(&mut self, new: Option<&Entry>, left: &mut Vec<Left>) {
        loop {
            let old = new.and_then(|new| self.position(new.key));
            // The bytes of a class, as if the newcomer had been stored already.
            let bytes_of = |class| {
                let is_in = |entry: &&Entry| entry.meta.class == class;
                let all = self.bytes_of(class) + new.filter(is_in).map_or(0, |new| new.meta.charge);
                all - old
                    .map(|at| &self.entries[at])
                    .filter(is_in)
                    .map_or(0, |old| old.meta.charge)
            };
            let (main, hot) = (bytes_of(Class::Main), bytes_of(Class::Hot));
            if main + hot <= self.budget {
                return;
            }
            if let Some(expired) = self.take_expired() {
                left.push(expired);
                continue;
            }
            let class = if hot * self.hot_ratio > main {
                Class::Hot
            } else {
                Class::Main
            };
            let others = || (0..self.entries.len()).filter(|&at| Some(at) != old);
            let victim = others()
                .find(|&at| self.entries[at].meta.class == class)
                .or_else(|| others().next())
                .expect("something fills the budget");
            left.push(self.take(victim, Cause::Capacity));
        }
    }

    fn is_expired(&self, entry: &Entry) -> bool {
        entry.meta.expires.is_some_and(|at| at <= self.now)
    }

    fn position(&self, key: Key) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn reclaim(&mut self, key: Key) -> Option<Left> {
        let at = self.position(key)?;
        self.is_expired(&self.entries[at])
            .then(|| self.take(at, Cause::Expired))
    }

    fn take_expired(&mut self) -> Option<Left> {
        let expired = (0..self.entries.len()).filter(|&at| self.is_expired(&self.entries[at]));
        let soonest =
            expired.min_by_key(|&at| (self.entries[at].meta.expires, self.entries[at].age))?;
        Some(self.take(soonest, Cause::Expired))
    }

    fn take(&mut self, at: usize, cause: Cause) -> Left {
        match cause {
            Cause::Replaced => self.stats.overwrites += 1,
            Cause::Expired => self.stats.expired += 1,
            Cause::Capacity => self.stats.evictions += 1,
            Cause::Removed => self.stats.removals += 1,
            cause => panic!("a cause the model does not know: {cause:?}"),
        }
        let entry = self.entries.remove(at);
        (entry.key, entry.value, cause)
    }
}

pub fn left(removed: &Removed<Key, Value>) -> Left {
    (removed.key, removed.value, removed.cause)
}

pub fn all_left(evicted: &Evicted<Key, Value>) -> Vec<Left> {
    evicted.iter().map(left).collect()
}

pub fn meta(charge: usize, class: Class, ttl: Option<u64>, now: Instant) -> Meta {
    let expires = ttl.map(|ttl| now + Duration::from_millis(ttl));
    Meta::new(charge).class(class).expires(expires)
}
