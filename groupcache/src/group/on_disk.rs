//! A group's disk, from its start to its end.
//!
//! # What is served again after a restart
//!
//! An entry on disk may be served if no change of its key was made since it was written. Changes that reached this node took the
//! entry out, on disk too, before they were made. So what matters is which changes did not: those of the time when the node was
//! down, and those that it had yet to hear of.
//!
//! Every node knows which changes it has made, as a version vector, and has a log of the latest ones ([`peers::Coherence`]). So this
//! node writes down, beside its entries, the vector of what it has made, and with which start of which member it had compared.
//! After a restart it asks all members, those of then and those of now, for what that vector lacks. It makes these changes on disk,
//! and only then serves from it. That is a proof if:
//!
//! - **every member of then** answers, and has not been started again since: what it knew then, it knows now;
//! - **every member of now** answers, and so tells what it knows beyond;
//! - **no log** has dropped a change of this group that the vector lacks.
//!
//! A change that some node made while this one was down, and that returned `Ok`, had reached all members on the ring of that
//! node. If one of them is a member of then, it tells us. If none is, that node did not have one member in common with us, and
//! all that have heard of the change may be gone: nothing is promised of such changes to running nodes either.
//!
//! A node without other members, then and now, knows all changes itself. If others appear later, it had not heard of them, and so
//! its group is cleared. In all other cases the tier drops its entries: a member that is gone or was started again may have been
//! the only one to know of a change.
//!
//! Changes that arrive are made on disk as always, also while this is under way. The node hears of many of them again, since its own
//! log is new. Those in the vector of then, or in that of an answer, have taken out what they must of the entries from before the
//! start. They take out only what was written since (`Reach`).

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use peers::{Knowledge, Peer};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::inner::Inner;
use crate::store::{Disk, Heard, Reach};

/// How often it is written down what the node has heard.
const EVERY: Duration = Duration::from_secs(1);

/// The pause before a member is asked again that did not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest time that one question takes.
const QUESTION: Duration = Duration::from_secs(5);

/// Why it cannot be proved that entries are up to date.
enum Doubt {
    /// It is not known what the node had heard when they were written.
    NothingHeard,
    /// There are other nodes, and with their protocol they cannot say what has changed.
    NoNames,
    /// The node was alone, and others have come meanwhile.
    NotAlone,
    /// The node had yet to compare with this member.
    NotCompared(Box<str>),
    /// The member was started again.
    StartedAgain(Box<str>),
    /// The member of then is none any more, or a member does not answer.
    Silent(Box<str>),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingHeard => f.write_str("it is not known what this node had heard"),
            Self::NoNames => f.write_str("the protocol does not say what has changed"),
            Self::NotAlone => f.write_str("this node was alone, and is not any more"),
            Self::NotCompared(id) => write!(f, "this node had yet to compare with {id}"),
            Self::StartedAgain(id) => write!(f, "{id} was started again"),
            Self::Silent(id) => write!(f, "{id} does not answer, or is no member any more"),
        }
    }
}

/// Opens the disk of a group, and looks after it as long as the group lives.
///
/// `is_listed` says whether changes that reach the node reach this group.
pub(super) async fn look_after(
    group: Weak<Inner>,
    is_listed: impl Fn(&Arc<Inner>) -> bool + Send + Sync,
) {
    // A node that proved alone that nothing has changed did not know the others, if there are any.
    let mut was_alone = {
        let Some(inner) = group.upgrade() else { return };
        let Some(disk) = inner.store.below().disk() else {
            return;
        };
        disk.begin().await;
        inner.restore(disk).await;
        let is_alone = disk.len() > 0 && inner.others().is_empty();
        if let Some(heard) = inner.heard(&is_listed) {
            let disk = Arc::clone(disk);
            _ = tokio::task::spawn_blocking(move || disk.write_heard(heard)).await;
        }
        disk.open_up();
        is_alone
    };
    loop {
        sleep(EVERY).await;
        let Some(inner) = group.upgrade() else { return };
        let Some(disk) = inner.store.below().disk().cloned() else {
            return;
        };
        if was_alone && !inner.others().is_empty() {
            was_alone = false;
            let group = &inner.name;
            tracing::info!(%group, "a group is cleared: its disk was restored alone, and there are others");
            inner.forget_all(Reach::All);
        }
        let heard = inner.heard(&is_listed);
        let written = tokio::task::spawn_blocking(move || {
            disk.tidy();
            if let Some(heard) = heard {
                disk.write_heard(heard);
            }
        });
        _ = written.await;
    }
}

impl Inner {
    /// What this node has heard; `None` if not all of it has reached this group.
    fn heard(self: &Arc<Self>, is_listed: impl Fn(&Arc<Self>) -> bool) -> Option<Heard> {
        // In this order: what was made by then was made by this group too, if it is listed still.
        let made = self.coherence.summary().made;
        let starts = |peer: &Peer| {
            let start = self.coherence.start_of(peer.member());
            (peer.member().id().into(), start.unwrap_or_default())
        };
        let mut members: Vec<_> = self.others().iter().map(starts).collect();
        members.sort();
        is_listed(self).then_some(Heard { members, made })
    }

    pub(super) fn disk_report(&self) -> Option<crate::DiskReport> {
        let disk = self.store.below().disk()?;
        let others = self.others();
        let has_compared = |peer: &Peer| self.coherence.start_of(peer.member()).is_some();
        Some(crate::DiskReport {
            is_restorable: others.is_empty()
                || self.names_changes && others.iter().all(has_compared),
            ..disk.report()
        })
    }

    pub(super) fn has_disk(&self) -> bool {
        self.store.below().disk().is_some()
    }

    /// All members but this node, with those that leave.
    fn others(&self) -> Vec<Peer> {
        let routes = self.router.snapshot();
        let others = routes.peers().iter().filter(|peer| !peer.is_self());
        others.cloned().chain(self.router.leaving()).collect()
    }

    /// Ends the disk in order.
    pub(crate) async fn close_disk(self: &Arc<Self>, is_listed: impl Fn(&Arc<Self>) -> bool) {
        if let Some(disk) = self.store.below().disk() {
            disk.close(self.heard(is_listed)).await;
        }
    }

    /// Has the disk forget what has changed since its entries were written, or all of it if that cannot be known.
    async fn restore(&self, disk: &Disk) {
        if disk.len() == 0 || disk.is_over() {
            return;
        }
        let (group, entries) = (&self.name, disk.len());
        match self.prove(disk).await {
            Ok(()) => {
                let left = disk.len();
                tracing::info!(%group, entries, left, "the entries on disk were restored");
            }
            Err(doubt) => {
                tracing::info!(%group, entries, %doubt, "the entries on disk are dropped");
                disk.drop_entries();
            }
        }
    }

    async fn prove(&self, disk: &Disk) -> Result<(), Doubt> {
        let deadline = Instant::now() + disk.restore_timeout();
        let heard = disk.heard().ok_or(Doubt::NothingHeard)?;
        if let Some((id, _)) = heard.members.iter().find(|(_, start)| *start == 0) {
            return Err(Doubt::NotCompared(id.clone()));
        }
        // Nobody's name, and the start of nobody: the others must not take this for what the node itself says.
        let asked = Knowledge {
            origin: RandomState::new().hash_one("a question").max(1),
            made: heard.made.clone(),
            ..Knowledge::default()
        };
        // What reached the node before it had this group.
        self.forget_changes(disk, &self.coherence.lacking(&asked));
        let mut answered: Vec<Box<str>> = Vec::new();
        loop {
            let others = self.others();
            let is_alone = others.is_empty() && heard.members.is_empty();
            if !self.names_changes && !is_alone {
                return Err(Doubt::NoNames);
            }
            if heard.members.is_empty() && !others.is_empty() {
                return Err(Doubt::NotAlone);
            }
            let is_left = |id: &str| answered.iter().all(|answered| **answered != *id);
            let left = others.iter().filter(|peer| is_left(peer.member().id()));
            let answers = join_all(left.map(async |peer| {
                let answer = timeout(QUESTION, peer.sync(asked.clone()));
                let answer = timeout_at(deadline, answer).await.ok()?.ok()?.ok()?;
                Some((Box::from(peer.member().id()), answer))
            }));
            for (id, answer) in answers.await.into_iter().flatten() {
                let then = heard.members.iter().find(|(member, _)| *member == id);
                if then.is_some_and(|(_, start)| *start != answer.origin) {
                    return Err(Doubt::StartedAgain(id));
                }
                // What is not meant for this question may leave something out.
                if answer.complete_for == asked.origin {
                    self.forget_changes(disk, &answer);
                    answered.push(id);
                }
            }
            let now = self.others();
            let of_now = now.iter().map(|peer| peer.member().id());
            let of_then = heard.members.iter().map(|(id, _)| &**id);
            let has_answered = |id: &str| answered.iter().any(|answered| **answered == *id);
            let silent = of_now.chain(of_then).find(|id| !has_answered(id));
            let Some(silent) = silent else { return Ok(()) };
            if Instant::now() + PAUSE >= deadline {
                return Err(Doubt::Silent(silent.into()));
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes the changes of this group on disk that somebody knows of, who has told all that was asked for.
    fn forget_changes(&self, disk: &Disk, known: &Knowledge) {
        let unnamed = &mut known.unnamed.iter();
        if unnamed.any(|unnamed| *unnamed.group == *self.name) {
            return disk.drop_entries();
        }
        for change in &known.changes {
            if *change.group == *self.name {
                match &change.key {
                    Some(key) => disk.forget(key, Reach::All),
                    None => disk.drop_entries(),
                }
            }
        }
        disk.settle();
        // They stay, when the node hears of these changes again.
        disk.note_known(&known.made);
    }
}
