use std::mem;
use std::sync::{Arc, Weak};

use super::record::{DiskKey, Queued};

/// How many records are looked at in each round.
const MOST: usize = 8;

/// After so many rounds in which no record was there that should be, the disk takes no writes.
const ROUNDS: u32 = 3;

/// Some of the records that were given to the engine, to see whether they are on disk. The engine itself does not say: what it
/// cannot write, because the disk is full for example, it logs and lets go.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// Given to the engine since the last round, or not let go by then.
    waiting: Vec<(DiskKey, u64, Weak<Queued>)>,
    /// Let go before the last round: by now they are written.
    due: Vec<(DiskKey, u64)>,
    failed_rounds: u32,
}

impl Probes {
    /// A record for that place was given to the engine.
    pub(super) fn note(&mut self, key: &DiskKey, place: u64, queued: &Arc<Queued>) {
        if self.waiting.len() < MOST {
            let waiting = (key.clone(), place, Arc::downgrade(queued));
            self.waiting.push(waiting);
        }
    }

    /// Looks whether the records are there, as `is_there` says; those that are not young may have given way already. Returns
    /// whether the disk takes no writes any more.
    pub(super) fn look(
        &mut self,
        is_there: impl Fn(&DiskKey) -> bool,
        is_young: impl Fn(u64) -> bool,
    ) -> bool {
        let mut due = mem::take(&mut self.due);
        due.retain(|(_, place)| is_young(*place));
        let is_let_go = |queued: &Weak<Queued>| queued.strong_count() == 0;
        let waiting = &mut self.waiting;
        let let_go = waiting.extract_if(.., |(_, _, queued)| is_let_go(queued));
        self.due.extend(let_go.map(|(key, place, _)| (key, place)));
        if due.iter().any(|(key, _)| is_there(key)) {
            self.failed_rounds = 0;
        } else if !due.is_empty() {
            self.failed_rounds += 1;
        }
        self.failed_rounds >= ROUNDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(probes: &mut Probes) {
        let queued = Queued::claim(&Arc::default(), 1, 1).unwrap();
        probes.note(&DiskKey("k".into()), 7, &queued);
    }

    #[test]
    fn a_disk_takes_no_writes_when_none_was_there_several_times() {
        let mut probes = Probes::default();
        for round in 0..4 {
            note(&mut probes);
            assert_eq!(probes.look(|_| false, |_| true), round == 3, "{round}");
        }
        assert!(!probes.look(|_| true, |_| true));
        assert!(!probes.look(|_| false, |_| true), "nothing was written");
    }

    #[test]
    fn what_may_have_given_way_already_is_not_missed() {
        let mut probes = Probes::default();
        for _ in 0..10 {
            note(&mut probes);
            assert!(!probes.look(|_| false, |place| place > 7));
        }
    }

    #[test]
    fn what_waits_to_be_written_is_not_missed() {
        let mut probes = Probes::default();
        let queued = Queued::claim(&Arc::default(), 1, 1).unwrap();
        probes.note(&DiskKey("k".into()), 7, &queued);
        for _ in 0..10 {
            assert!(!probes.look(|_| false, |_| true));
        }
    }
}
