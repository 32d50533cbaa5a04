use std::mem;
use std::task::Waker;

/// The wakers of those who wait for one flight, at most one per caller.
///
/// A caller remembers where its waker lies in a [`Slot`], so that registering again and leaving cost O(1) however many
/// others wait. Draining the set outdates all slots at once: they carry the round in which they were given out.
///
/// No method drops a waker: a waker may be the last owner of a task, and dropping it would run that task's destructor
/// under the lock that guards this set. Replaced and removed wakers are handed back for that reason.
#[derive(Debug, Default)]
pub(crate) struct WakerSet {
    /// `None` where a caller has left.
    wakers: Vec<Option<Waker>>,
    /// The indices of the `None`s, so that callers coming and going during a long flight do not make it grow.
    free: Vec<usize>,
    /// How often the set has been drained.
    round: u64,
}

/// Where a caller's waker lies. The default is a slot that no set has given out.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    place: Option<(u64, usize)>,
}

impl WakerSet {
    /// Whether `slot` holds a waker that wakes the same task as `waker`.
    pub(crate) fn holds(&self, slot: &Slot, waker: &Waker) -> bool {
        self.index(slot)
            .and_then(|index| self.wakers[index].as_ref())
            .is_some_and(|held| held.will_wake(waker))
    }

    /// Puts `waker` into `slot`, and hands back the one it replaces.
    pub(crate) fn register(&mut self, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        if let Some(index) = self.index(slot) {
            return self.wakers[index].replace(waker);
        }
        let index = match self.free.pop() {
            Some(index) => {
                self.wakers[index] = Some(waker);
                index
            }
            None => {
                self.wakers.push(Some(waker));
                self.wakers.len() - 1
            }
        };
        slot.place = Some((self.round, index));
        None
    }

    /// Empties `slot`, and hands back what it held.
    pub(crate) fn remove(&mut self, slot: &mut Slot) -> Option<Waker> {
        let index = self.index(slot)?;
        slot.place = None;
        self.free.push(index);
        self.wakers[index].take()
    }

    /// Takes all wakers out.
    pub(crate) fn drain(&mut self) -> Drained {
        if self.wakers.is_empty() {
            return Drained(Vec::new());
        }
        self.round += 1;
        self.free.clear();
        Drained(mem::take(&mut self.wakers))
    }

    fn index(&self, slot: &Slot) -> Option<usize> {
        slot.place.and_then(|(round, index)| (round == self.round).then_some(index))
    }
}

/// Wakers on their way out of a [`WakerSet`], to be woken once its lock is released.
#[derive(Debug)]
#[must_use = "whoever registered these would wait for ever"]
pub(crate) struct Drained(Vec<Option<Waker>>);

impl Drained {
    pub(crate) fn wake(self) {
        self.0.into_iter().flatten().for_each(Waker::wake);
    }
}
