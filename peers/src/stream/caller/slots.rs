use std::task::Waker;

use bytes::Bytes;

use crate::Error;

/// The calls under way on a connection, by id. An id is used again only after the final frame of its
/// call has come, so a frame with any other id breaks the rules.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

/// What the other side answered: the kind of the message, and the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) message: Bytes,
}

#[derive(Debug)]
enum Slot {
    Free,
    /// The caller waits since that tick.
    Waiting {
        caller: Waker,
        since: u32,
    },
    /// The final frame has come.
    Ended(Result<Answer, Error>),
    /// The caller is to get an error; the final frame has not come.
    Failed {
        error: Error,
        since: u32,
    },
    /// Nobody waits; the final frame has not come.
    Abandoned {
        since: u32,
    },
}

/// What a look at a call found.
#[derive(Debug)]
pub(super) enum Look {
    Waiting,
    Ended(Result<Answer, Error>),
}

/// What has to be done after time has passed.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    /// Calls that have failed now, each with its caller.
    pub(super) failed: Vec<(u32, Waker)>,
    /// Whether the other side withholds the end of a call that was cancelled long ago.
    pub(super) is_withheld: bool,
}

impl Slots {
    /// The number of calls whose final frame has not come, or whose caller has not taken it.
    pub(super) fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Begins a call.
    pub(super) fn begin(&mut self, caller: Waker, since: u32) -> u32 {
        let slot = Slot::Waiting { caller, since };
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = slot;
            return id;
        }
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    /// The caller looks at its call, and is woken when there is more to see.
    pub(super) fn look(&mut self, id: u32, caller: &Waker) -> Look {
        let slot = &mut self.slots[id as usize];
        if let Slot::Waiting { caller: known, .. } = slot {
            known.clone_from(caller);
            return Look::Waiting;
        }
        match std::mem::replace(slot, Slot::Free) {
            Slot::Ended(result) => {
                self.free.push(id);
                Look::Ended(result)
            }
            Slot::Failed { error, since } => {
                *slot = Slot::Abandoned { since };
                Look::Ended(Err(error))
            }
            // A caller looks only at a call of its own.
            Slot::Free | Slot::Waiting { .. } | Slot::Abandoned { .. } => Look::Waiting,
        }
    }

    /// The caller has gone away. Says whether the other side has to be told.
    pub(super) fn abandon(&mut self, id: u32, now: u32) -> bool {
        let slot = &mut self.slots[id as usize];
        match slot {
            Slot::Waiting { .. } => {
                *slot = Slot::Abandoned { since: now };
                true
            }
            Slot::Failed { since, .. } => {
                let since = *since;
                *slot = Slot::Abandoned { since };
                false
            }
            Slot::Ended(_) => {
                self.release(id);
                false
            }
            Slot::Free | Slot::Abandoned { .. } => false,
        }
    }

    /// The final frame of a call has come: its answer, or `None` if it was cancelled. Returns the
    /// caller to be woken.
    pub(super) fn end(&mut self, id: u32, answer: Option<Answer>) -> Result<Option<Waker>, Error> {
        let nobodys = || Error::malformed(format!("an answer to call {id}, which nobody made"));
        let slot = self.slots.get_mut(id as usize).ok_or_else(nobodys)?;
        match (&mut *slot, answer) {
            (Slot::Waiting { .. }, Some(answer)) => {
                match std::mem::replace(slot, Slot::Ended(Ok(answer))) {
                    Slot::Waiting { caller, .. } => Ok(Some(caller)),
                    _ => Ok(None),
                }
            }
            (Slot::Failed { .. }, _) => {
                if let Slot::Failed { error, .. } = std::mem::replace(slot, Slot::Free) {
                    *slot = Slot::Ended(Err(error));
                }
                Ok(None)
            }
            (Slot::Abandoned { .. }, _) => {
                self.release(id);
                Ok(None)
            }
            (Slot::Waiting { .. }, None) => Err(Error::malformed(format!(
                "the end of call {id}, which nobody cancelled"
            ))),
            (Slot::Free | Slot::Ended(_), _) => Err(nobodys()),
        }
    }

    /// The call fails before its final frame comes. Returns the caller to be woken.
    pub(super) fn fail(&mut self, id: u32, error: Error, now: u32) -> Option<Waker> {
        let slot = self.slots.get_mut(id as usize)?;
        if !matches!(slot, Slot::Waiting { .. }) {
            return None;
        }
        let failed = Slot::Failed { error, since: now };
        match std::mem::replace(slot, failed) {
            Slot::Waiting { caller, .. } => Some(caller),
            _ => None,
        }
    }

    /// Nothing of the call was sent: there will be no final frame.
    pub(super) fn withdrawn(&mut self, id: u32) {
        let Some(slot) = self.slots.get_mut(id as usize) else {
            return;
        };
        match std::mem::replace(slot, Slot::Free) {
            Slot::Abandoned { .. } => self.free.push(id),
            Slot::Failed { error, .. } => *slot = Slot::Ended(Err(error)),
            other => *slot = other,
        }
    }

    /// Fails the calls that have waited for `limit` ticks.
    pub(super) fn expire(&mut self, now: u32, limit: u32, error: impl Fn() -> Error) -> Overdue {
        let mut overdue = Overdue::default();
        for (id, slot) in (0..).zip(&mut self.slots) {
            match slot {
                Slot::Waiting { since, caller } if now.wrapping_sub(*since) > limit => {
                    overdue.failed.push((id, caller.clone()));
                    *slot = Slot::Failed {
                        error: error(),
                        since: now,
                    };
                }
                Slot::Failed { since, .. } | Slot::Abandoned { since }
                    if now.wrapping_sub(*since) > limit =>
                {
                    overdue.is_withheld = true;
                }
                _ => {}
            }
        }
        overdue
    }

    /// The callers that wait. Each looks once more, at the end of the connection.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waker> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Waiting { caller, .. } => Some(caller),
            _ => None,
        })
    }

    /// Forgets spare memory.
    pub(super) fn shrink(&mut self) {
        if self.in_use() == 0 {
            *self = Self::default();
        }
    }

    fn release(&mut self, id: u32) {
        self.slots[id as usize] = Slot::Free;
        self.free.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            kind: 32,
            message: Bytes::from_static(b"v"),
        }
    }

    fn begin(slots: &mut Slots) -> u32 {
        slots.begin(Waker::noop().clone(), 0)
    }

    fn look(slots: &mut Slots, id: u32) -> Option<Result<Answer, String>> {
        match slots.look(id, Waker::noop()) {
            Look::Waiting => None,
            Look::Ended(result) => Some(result.map_err(|error| error.to_string())),
        }
    }

    fn late() -> Error {
        Error::overloaded("late")
    }

    #[test]
    fn an_id_is_free_once_its_answer_was_taken() {
        let mut slots = Slots::default();
        let (one, other) = (begin(&mut slots), begin(&mut slots));
        assert_ne!(one, other);
        assert_eq!(look(&mut slots, one), None);
        assert!(slots.end(one, Some(answer())).unwrap().is_some());
        assert_eq!(slots.in_use(), 2, "nobody has taken the answer");
        assert_eq!(look(&mut slots, one), Some(Ok(answer())));
        assert_eq!((slots.in_use(), begin(&mut slots)), (1, one));
    }

    #[test]
    fn an_abandoned_call_keeps_its_id_until_its_final_frame() {
        for last in [Some(answer()), None] {
            let mut slots = Slots::default();
            let id = begin(&mut slots);
            assert!(slots.abandon(id, 0), "the other side has to be told");
            assert_eq!(slots.in_use(), 1);
            assert!(slots.end(id, last).unwrap().is_none());
            assert_eq!(slots.in_use(), 0);
        }
        // One that was answered is only forgotten.
        let mut slots = Slots::default();
        let id = begin(&mut slots);
        slots.end(id, Some(answer())).unwrap();
        assert!(!slots.abandon(id, 0));
        assert_eq!(slots.in_use(), 0);
    }

    #[test]
    fn a_late_call_fails_and_keeps_its_id_until_its_final_frame() {
        let mut slots = Slots::default();
        let id = begin(&mut slots);
        assert!(slots.expire(8, 8, late).failed.is_empty());
        let overdue = slots.expire(9, 8, late);
        assert_eq!((overdue.failed.len(), overdue.is_withheld), (1, false));
        let failed = look(&mut slots, id).unwrap().unwrap_err();
        assert_eq!(failed, late().to_string());
        assert_eq!(slots.in_use(), 1);
        assert!(slots.expire(18, 8, late).is_withheld, "since long ago");
        assert!(slots.end(id, None).unwrap().is_none());
        assert_eq!(slots.in_use(), 0);
    }

    #[test]
    fn a_call_of_which_nothing_was_sent_has_no_final_frame() {
        let mut slots = Slots::default();
        let (failed, abandoned, waiting) =
            (begin(&mut slots), begin(&mut slots), begin(&mut slots));
        slots.fail(failed, late(), 0);
        slots.abandon(abandoned, 0);
        for id in [failed, abandoned, waiting] {
            slots.withdrawn(id);
        }
        assert_eq!(look(&mut slots, failed), Some(Err(late().to_string())));
        assert_eq!((look(&mut slots, waiting), slots.in_use()), (None, 1));
    }

    #[test]
    fn a_frame_that_nobody_waits_for_is_a_fault_and_changes_nothing() {
        let mut slots = Slots::default();
        assert!(slots.end(0, Some(answer())).is_err());
        let id = begin(&mut slots);
        assert!(slots.end(id, None).is_err(), "nobody has cancelled it");
        assert!(slots.end(id, Some(answer())).unwrap().is_some());
        assert!(slots.end(id, Some(answer())).is_err());
        assert_eq!(look(&mut slots, id), Some(Ok(answer())));
    }
}
