//! What is promised.
//!
//! - Nobody gets a version that has not been written.
//! - Nobody gets a value past its life, which the time that messages took is added to, and the window in which stale values are
//!   served; or that of last resorts, unless all is well or the get is a peek.
//! - A change that has returned binds the nodes that it has told: a get that is called there afterwards sees it, or a later
//!   one. A node that starts again has to be told again.
//! - Where nodes have different lists of members, and nothing else is wrong, a change that has returned binds also the
//!   members that only those have on their lists who were told: they pass it on.
//! - Once everything has been well for long enough, it binds all nodes, if one that was told has not stopped since. If
//!   nodes do not compare what they know now and then, that has to be the one that began it.
//!
//! - A value that was set, by a node that knew of all earlier changes, is not loaded by its owner, and by nobody while everything
//!   is well, unless its key may have changed since. So no older change that arrives late or once more undoes a set.
//!
//! Over a dialect, a node that knows of a change cannot say so when it asks others. There a change binds if it returned
//! without an error, and then all nodes for good: if they all have the same members, and no set arrives when its sender has
//! given it up. The plans see to that.
//!
//! What can be checked while a cluster runs is checked in [`world`](super::world): *time limit*, *counts*, *budget*,
//! *loaded once* and *all are told*. The rules here are *stale*, *expired* and *sets stay*. The page of promises and
//! `MUTATIONS.md` call them so.

use std::collections::HashMap;
use std::time::Duration;

use super::history::{Called, Event, Read, Told};
use super::plan::{Action, Plan, Tell, What};

/// The first rule that a history breaks, if it breaks one, and the place of the event that breaks it.
pub fn check(plan: &Plan, history: &[(Duration, Event)]) -> Result<(), (usize, String)> {
    let mut known = Known {
        names_changes: plan.settings.names_changes(),
        stale_window: plan.settings.freshness.stale,
        longest_window: plan.longest_window(),
        exchanges: plan.settings.exchanges,
        changes: HashMap::new(),
        settled: None,
        sets: HashMap::new(),
        sent: HashMap::new(),
        stopped: HashMap::new(),
    };
    let keeps_sets = keeps_sets(plan);
    for (place, (at, event)) in history.iter().enumerate() {
        let verdict = match event {
            Event::Told(told) => {
                if keeps_sets(told) {
                    known.set(*at, told);
                }
                known.told(*at, place, told);
                Ok(())
            }
            Event::Gone { node } => {
                known.gone(*at, *node);
                Ok(())
            }
            Event::Settled => {
                known.settled = Some(place);
                Ok(())
            }
            Event::Read(read) => known.allows(read),
            Event::Broken(rule) => Err(rule.clone()),
            &Event::Load { node, key, version } => {
                let began = at.saturating_sub(plan.settings.getter);
                let is_well = plan.is_calm() || known.settled.is_some();
                known.needs(key, version, began, (!is_well).then_some(node))
            }
            Event::Message { to, what, .. } => {
                known.sent(*to, what);
                Ok(())
            }
            Event::Fault(_) => Ok(()),
        };
        verdict.map_err(|rule| (place, rule))?;
    }
    Ok(())
}

/// Which changes are sets whose values stay, in the circumstances of the plan.
fn keeps_sets(plan: &Plan) -> impl Fn(&Told) -> bool {
    let settings = &plan.settings;
    let loses = settings.tiny || settings.life.is_some() || settings.short_log.is_some();
    let loses = loses || settings.straying > 0 || settings.unanswered > 0;
    let tells = |action: &Action| match &action.what {
        What::Write { keys, tell, .. } => Some((keys.clone(), *tell)),
        _ => None,
    };
    let tells: Vec<_> = plan.actions.iter().filter_map(tells).collect();
    // A clear does not wait for who is writing another key, nor does a write for one that was abandoned.
    let clears = tells.iter().any(|(_, tell)| *tell == Tell::Clear);
    let stays = |action: &Action| {
        let what = &action.what;
        what.is_of_a_client() || matches!(what, What::Cut { .. } | What::Heal | What::Slow { .. })
    };
    let keeps = plan.actions.iter().all(stays) && settings.names_changes() && !loses && !clears;
    move |told| {
        let is_abandoned = |(keys, tell): &(Vec<usize>, Tell)| {
            matches!(tell, Tell::Abandoned(_)) && keys.contains(&told.versions[0].0)
        };
        let has_set = told.tell == Tell::Set && told.not_told.is_empty();
        keeps && has_set && !tells.iter().any(is_abandoned)
    }
}

/// What the promises are counted from.
struct Known {
    names_changes: bool,
    /// How long any get may be served a value past its life, and how long one that would fail otherwise.
    stale_window: Duration,
    longest_window: Duration,
    exchanges: bool,
    /// Changes that have returned, by key.
    changes: HashMap<usize, Vec<Returned>>,
    settled: Option<usize>,
    /// The value of each key that was set last.
    sets: HashMap<usize, Set>,
    /// The owner to which a set has gone, by what it said.
    sent: HashMap<String, usize>,
    /// When a node has stopped last.
    stopped: HashMap<usize, Duration>,
}

struct Set {
    version: u64,
    owner: usize,
    /// When it had returned.
    at: Duration,
}

struct Returned {
    at: Duration,
    /// The place in the history.
    place: usize,
    version: u64,
    told: Vec<usize>,
    /// Those that have not stopped since. A node that starts again has to be told again, by one of these.
    know: Vec<usize>,
    is_complete: bool,
    node: usize,
}

impl Known {
    fn told(&mut self, at: Duration, place: usize, told: &Told) {
        if matches!(told.tell, Tell::Abandoned(_)) {
            return; // nobody has waited for it to return
        }
        // Who has stopped before the change returned may have been told before that.
        let has_stopped = |node: &&usize| {
            let stopped = self.stopped.get(node);
            stopped.is_some_and(|stopped| *stopped >= told.called)
        };
        let know = told.told.iter().filter(|node| !has_stopped(node));
        let know: Vec<_> = know.copied().collect();
        for &(key, version) in &told.versions {
            self.changes.entry(key).or_default().push(Returned {
                at,
                place,
                version,
                told: told.told.clone(),
                know: know.clone(),
                is_complete: told.not_told.is_empty(),
                node: told.node,
            });
        }
    }

    fn set(&mut self, at: Duration, told: &Told) {
        for &(key, version) in &told.versions {
            let mut earlier = self.changes.get(&key).into_iter().flatten();
            match earlier.all(|change| change.told.contains(&told.node)) {
                true => {
                    let sent = self.sent.get(&format!("set k{key} to k{key}={version}"));
                    let owner = *sent.unwrap_or(&told.node);
                    self.sets.insert(key, Set { version, owner, at })
                }
                false => self.sets.remove(&key),
            };
        }
    }

    fn sent(&mut self, to: usize, what: &str) {
        let words = what.splitn(5, ' ').take(4);
        if what.starts_with("set ") {
            self.sent.insert(words.collect::<Vec<_>>().join(" "), to);
        }
    }

    /// Whether there is a reason to load a version, with a call that began then, by a node or by anybody.
    fn needs(
        &self,
        key: usize,
        version: u64,
        began: Duration,
        by: Option<usize>,
    ) -> Result<(), String> {
        let set = self.sets.get(&key).filter(|set| set.version == version);
        let set = set.filter(|set| began > set.at && by.is_none_or(|by| by == set.owner));
        set.map_or(Ok(()), |set| {
            let at = set.at;
            Err(format!(
                "version {version} of k{key} was loaded although it had been set by {at:.3?}"
            ))
        })
    }

    fn gone(&mut self, at: Duration, node: usize) {
        self.stopped.insert(node, at);
        for change in self.changes.values_mut().flatten() {
            change.know.retain(|know| *know != node);
        }
    }

    fn allows(&self, read: &Read) -> Result<(), String> {
        let &Read {
            node,
            key,
            called,
            is_peek,
            written,
            ref outcome,
        } = read;
        let &Ok(held) = outcome else { return Ok(()) };
        let version = held.version;
        if version > written {
            return Err(format!("version {version} of k{key} has not been written"));
        }
        let window = if is_peek {
            self.stale_window
        } else {
            self.longest_window
        };
        let until = held.until.map(|until| until + window);
        if let Some(until) = until.filter(|until| called.at > *until) {
            return Err(format!(
                "n{node} served version {version} of k{key} to a get that was called at {:.3?}, which should have expired by {until:.3?}",
                called.at
            ));
        }
        let changes = self.changes.get(&key).into_iter().flatten();
        let latest = changes
            .filter(|change| self.binds(change, node, called))
            .max_by_key(|change| change.version);
        match latest.filter(|change| change.version > version) {
            Some(change) => Err(format!(
                "n{node} served version {version} of k{key} to a get that was called at {:.3?}, but n{} had told {:?} of version {} by {:.3?}",
                called.at, change.node, change.told, change.version, change.at
            )),
            None => Ok(()),
        }
    }

    /// Whether a get that was called then has to see the change.
    fn binds(&self, change: &Returned, node: usize, called: Called) -> bool {
        let has_returned = change.place < called.place;
        if !self.names_changes {
            return has_returned && change.is_complete;
        }
        let knows = has_returned && change.know.contains(&node);
        let is_settled = self.settled.is_some_and(|settled| settled < called.place);
        let is_known = match self.exchanges {
            true => !change.know.is_empty(),
            false => change.know.contains(&change.node),
        };
        knows || (is_settled && is_known)
    }
}
