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
    /// Most flights have one caller, for whom nothing is allocated.
    first: Option<Waker>,
    /// The others', allocated on first use.
    more: Option<Box<Slab<Waker>>>,
    /// How often the set has been drained.
    round: u64,
}

/// The place of a caller's waker. The default is a slot that no set has given out.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    place: Option<(u64, Place)>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    More(usize),
}

impl WakerSet {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            more: None,
            round: 0,
        }
    }

    /// Whether `slot` holds a waker that wakes the same task as `waker`.
    pub(crate) fn holds(&self, slot: &Slot, waker: &Waker) -> bool {
        let held = match self.place(slot) {
            None => None,
            Some(Place::First) => self.first.as_ref(),
            Some(Place::More(index)) => self.more.as_ref().and_then(|more| more.get(index)),
        };
        held.is_some_and(|held| held.will_wake(waker))
    }

    /// Puts `waker` into `slot`, and returns the waker that it replaces.
    pub(crate) fn register(&mut self, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        let replaced = self.remove(slot);
        let place = match &self.first {
            None => {
                self.first = Some(waker);
                Place::First
            }
            Some(_) => Place::More(self.more.get_or_insert_default().insert(waker)),
        };
        slot.place = Some((self.round, place));
        replaced
    }

    /// Empties `slot`, and returns the waker that it held.
    pub(crate) fn remove(&mut self, slot: &mut Slot) -> Option<Waker> {
        let place = self.place(slot)?;
        slot.place = None;
        match place {
            Place::First => self.first.take(),
            Place::More(index) => self.more.as_mut()?.remove(index),
        }
    }

    /// Takes all wakers out.
    pub(crate) fn drain(&mut self) -> Drained {
        self.round += 1;
        Drained {
            first: self.first.take(),
            more: self.more.take(),
        }
    }

    fn place(&self, slot: &Slot) -> Option<Place> {
        slot.place
            .and_then(|(round, place)| (round == self.round).then_some(place))
    }
}

/// Wakers taken out of a [`WakerSet`], to be woken once the lock is released.
#[derive(Debug, Default)]
#[must_use = "whoever registered these would wait for ever"]
pub(crate) struct Drained {
    first: Option<Waker>,
    more: Option<Box<Slab<Waker>>>,
}

impl Drained {
    pub(crate) fn wake(self) {
        self.first.into_iter().for_each(Waker::wake);
        if let Some(more) = self.more {
            more.into_values().for_each(Waker::wake);
        }
    }
}
