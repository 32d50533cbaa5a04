/// Which member sits on which seat.
///
/// A point names a seat, not a place in the list of members. A member keeps its seat for as long as it is a
/// member, so that its points stay as they are when the list is in another order or others have left.
#[derive(Debug)]
pub(crate) struct Seats {
    /// By seat: the index of its member, or [`VACANT`].
    members: Box<[u32]>,
}

const VACANT: u32 = u32::MAX;

impl Seats {
    /// The seats of `members` members in the order of their list.
    pub(crate) fn in_order(members: usize) -> Self {
        Self {
            members: (0..members as u32).collect(),
        }
    }

    /// How many seats there are, with those that are vacant.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The index of the member on an occupied seat.
    #[inline]
    pub(crate) fn member(&self, seat: usize) -> usize {
        self.members[seat] as usize
    }

    /// The seats of another list of members. `kept` has, for each of them, the seat that it has had; `None`
    /// takes a seat that nobody keeps.
    pub(crate) fn reassigned(&self, kept: &[Option<u32>]) -> Self {
        let mut members = vec![VACANT; self.len()];
        for (member, seat) in (0..).zip(kept) {
            if let Some(seat) = seat {
                members[*seat as usize] = member;
            }
        }
        let mut at = 0;
        let newcomers = (0..).zip(kept).filter(|(_, seat)| seat.is_none());
        for (member, _) in newcomers {
            while members.get(at).is_some_and(|member| *member != VACANT) {
                at += 1;
            }
            match members.get_mut(at) {
                Some(seat) => *seat = member,
                None => members.push(member),
            }
        }
        Self {
            members: members.into(),
        }
    }

    /// Each occupied seat with the index of its member.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = (u32, usize)> {
        let seats = (0..).zip(&self.members);
        let seats = seats.filter(|(_, member)| **member != VACANT);
        seats.map(|(seat, member)| (seat, *member as usize))
    }
}
