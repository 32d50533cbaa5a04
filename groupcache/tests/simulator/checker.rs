use std::collections::HashMap;
use std::time::Duration;

use super::history::{Event, Read, Told};
use super::plan::Tell;

/// The first rule that a history breaks, if it breaks one, and the place of the event that breaks it.
pub fn check(history: &[(Duration, Event)]) -> Result<(), (usize, String)> {
    let mut known = Known::default();
    for (place, (at, event)) in history.iter().enumerate() {
        let verdict = match event {
            Event::Told(told) => {
                known.told(*at, told);
                Ok(())
            }
            Event::Crash { node } => {
                known.crashed(*node);
                Ok(())
            }
            Event::Settled => {
                known.settled = Some(*at);
                Ok(())
            }
            Event::Read(read) => known.allows(read),
            Event::Broken(rule) => Err(rule.clone()),
            Event::Load { .. } | Event::Message { .. } | Event::Fault(_) => Ok(()),
        };
        verdict.map_err(|rule| (place, rule))?;
    }
    Ok(())
}

/// What the promises are counted from.
#[derive(Default)]
struct Known {
    /// Changes that have returned, by key.
    changes: HashMap<usize, Vec<Returned>>,
    settled: Option<Duration>,
}

struct Returned {
    at: Duration,
    version: u64,
    told: Vec<usize>,
    /// Those that have not crashed since. A node that starts again has to be told again, by one of these.
    know: Vec<usize>,
    node: usize,
}

impl Known {
    fn told(&mut self, at: Duration, told: &Told) {
        if matches!(told.tell, Tell::Abandoned(_)) {
            return; // nobody has waited for it to return
        }
        for &(key, version) in &told.versions {
            self.changes.entry(key).or_default().push(Returned {
                at,
                version,
                told: told.told.clone(),
                know: told.told.clone(),
                node: told.node,
            });
        }
    }

    fn crashed(&mut self, node: usize) {
        for change in self.changes.values_mut().flatten() {
            change.know.retain(|know| *know != node);
        }
    }

    fn allows(&self, read: &Read) -> Result<(), String> {
        let &Read {
            node,
            key,
            called,
            written,
            ref outcome,
        } = read;
        let &Ok(version) = outcome else { return Ok(()) };
        if version > written {
            return Err(format!("version {version} of k{key} has not been written"));
        }
        let bound = |change: &&Returned| {
            let knows = change.know.contains(&node) && change.at <= called;
            let settled = self.settled.is_some_and(|settled| settled <= called);
            knows || (settled && !change.know.is_empty())
        };
        let changes = self.changes.get(&key).into_iter().flatten();
        let latest = changes.filter(bound).max_by_key(|change| change.version);
        match latest.filter(|change| change.version > version) {
            Some(change) => Err(format!(
                "n{node} served version {version} of k{key} to a get that was called at {called:.3?}, but n{} had told {:?} of version {} by {:.3?}",
                change.node, change.told, change.version, change.at
            )),
            None => Ok(()),
        }
    }
}
