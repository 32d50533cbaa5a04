use std::task::Waker;

use crate::slab::Slab;

/// The wakers of the callers that wait for one flight, at most one per caller.
///
/// A caller keeps the place of its waker in a [`Slot`]. So registering again and leaving cost O(1),
/// however many others wait, and callers that come and go during a long flight leave nothing
/// behind. A slot carries the round in which it was given out, so draining the set invalidates all
/// slots at once.
///
/// No method drops a waker. A waker may be the last owner of a task, and dropping it would run that
/// task's destructor under the lock that guards this set. The methods return replaced and removed
/// wakers instead.
#[derive(Debug)]
pub(crate) struct WakerSet {
    /// Allocated on first use, because most flights are over before they need a waker.
    wakers: Option<Box<Slab<Waker>>>,
    /// How often the set has been drained.
    round: u64,
}

/// The place of a caller's waker. The default is a slot that no set has given out.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    place: Option<(u64, usize)>,
}

impl WakerSet {
    pub(crate) const fn new() -> Self {
        Self {
            wakers: None,
            round: 0,
        }
    }

    /// Whether `slot` holds a waker that wakes the same task as `waker`.
    pub(crate) fn holds(&self, slot: &Slot, waker: &Waker) -> bool {
        let held = self.index(slot).zip(self.wakers.as_ref());
        held.and_then(|(index, wakers)| wakers.get(index))
            .is_some_and(|held| held.will_wake(waker))
    }

    /// Puts `waker` into `slot`, and returns the waker that it replaces.
    pub(crate) fn register(&mut self, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        let replaced = self.remove(slot);
        slot.place = Some((
            self.round,
            self.wakers.get_or_insert_default().insert(waker),
        ));
        replaced
    }

    /// Empties `slot`, and returns the waker that it held.
    pub(crate) fn remove(&mut self, slot: &mut Slot) -> Option<Waker> {
        let index = self.index(slot)?;
        slot.place = None;
        self.wakers.as_mut()?.remove(index)
    }

    /// Takes all wakers out.
    pub(crate) fn drain(&mut self) -> Drained {
        self.round += 1;
        Drained(self.wakers.take())
    }

    fn index(&self, slot: &Slot) -> Option<usize> {
        slot.place
            .and_then(|(round, index)| (round == self.round).then_some(index))
    }
}

/// Wakers taken out of a [`WakerSet`], to be woken once the lock is released.
#[derive(Debug, Default)]
#[must_use = "whoever registered these would wait for ever"]
pub(crate) struct Drained(Option<Box<Slab<Waker>>>);

impl Drained {
    pub(crate) fn wake(self) {
        if let Some(wakers) = self.0 {
            wakers.into_values().for_each(Waker::wake);
        }
    }
}
