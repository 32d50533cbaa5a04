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
    waiting: Vec<(DiskKey, Weak<Queued>)>,
    /// Let go before the last round: by now they are written.
    due: Vec<DiskKey>,
    failed_rounds: u32,
}

impl Probes {
    /// A record was given to the engine.
    pub(super) fn note(&mut self, key: &DiskKey, queued: &Arc<Queued>) {
        if self.waiting.len() < MOST {
            self.waiting.push((key.clone(), Arc::downgrade(queued)));
        }
    }

    /// Looks whether the records are there, as `is_there` says. Returns whether the disk takes no writes any more.
    pub(super) fn look(&mut self, is_there: impl Fn(&DiskKey) -> bool) -> bool {
        let due = mem::take(&mut self.due);
        let is_let_go = |queued: &Weak<Queued>| queued.strong_count() == 0;
        let let_go = self.waiting.extract_if(.., |(_, queued)| is_let_go(queued));
        self.due.extend(let_go.map(|(key, _)| key));
        if due.iter().any(is_there) {
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
        probes.note(&DiskKey("k".into()), &queued);
    }

    #[test]
    fn a_disk_takes_no_writes_when_none_was_there_several_times() {
        let mut probes = Probes::default();
        for round in 0..4 {
            note(&mut probes);
            assert_eq!(probes.look(|_| false), round == 3, "{round}");
        }
        assert!(!probes.look(|_| true));
        assert!(!probes.look(|_| false), "nothing was written");
    }

    #[test]
    fn what_waits_to_be_written_is_not_missed() {
        let mut probes = Probes::default();
        let queued = Queued::claim(&Arc::default(), 1, 1).unwrap();
        probes.note(&DiskKey("k".into()), &queued);
        for _ in 0..10 {
            assert!(!probes.look(|_| false));
        }
    }
}
