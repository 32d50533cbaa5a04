use std::fmt;
use std::sync::Arc;

use byteview::ByteView;

use crate::rates::Rate;
use crate::store::{Listeners, Storage};
use crate::{Candidate, Key, SystemClock};

/// Makes [`Candidate`]s, for tests of a [`Promoter`](crate::Promoter) and for simulations.
///
/// ```
/// use groupcache::testing::{Candidates, Demand};
/// use groupcache::{ByRate, ByteView, Key, Promoter};
///
/// let (candidates, promoter) = (Candidates::new(), ByRate::per_minute(10.0));
/// let (key, value) = (Key::from("k"), ByteView::from("v"));
/// let rare = Demand { local_minute_qps: 9.0, ..Demand::default() };
/// assert!(!promoter.promote(&candidates.candidate(&key, &value, rare)));
/// ```
pub struct Candidates {
    roomy: Storage,
    full: Storage,
}

/// What a promoter is to learn of a [`Candidate`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// What [`Candidate::owner_minute_qps`] returns, if it makes sense.
    pub owner_minute_qps: Option<f64>,
    /// What [`Candidate::local_minute_qps`] returns.
    pub local_minute_qps: f64,
    /// What [`Candidate::seen_before`] returns.
    pub seen_before: bool,
    /// What [`Candidate::members`] returns, if it is not zero.
    pub members: usize,
    /// What [`Candidate::has_room`] returns.
    pub has_room: bool,
}

impl Default for Demand {
    /// The first fetch of a key on the only node, without room for a mirror.
    fn default() -> Self {
        Self {
            owner_minute_qps: None,
            local_minute_qps: 1.0,
            seen_before: false,
            members: 1,
            has_room: false,
        }
    }
}

impl Candidates {
    /// A maker of candidates.
    pub fn new() -> Self {
        let store = |budget| {
            let (policy, packing, aging) = Default::default();
            Storage::built_in(
                budget,
                8,
                policy,
                packing,
                aging,
                Arc::new(SystemClock),
                Listeners::default(),
            )
        };
        Self {
            roomy: store(usize::MAX),
            full: store(0),
        }
    }

    /// A candidate with this demand.
    pub fn candidate<'a>(
        &'a self,
        key: &'a Key,
        value: &'a ByteView,
        demand: Demand,
    ) -> Candidate<'a> {
        Candidate {
            key,
            value,
            owner_minute_qps: demand.owner_minute_qps,
            local: Rate {
                per_minute: demand.local_minute_qps,
                seen_before: demand.seen_before,
            },
            members: demand.members,
            store: if demand.has_room {
                &self.roomy
            } else {
                &self.full
            },
        }
    }
}

impl Default for Candidates {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_tells_the_promoter_what_was_asked_for() {
        let (candidates, key, value) = (Candidates::new(), Key::from("k"), ByteView::from("v"));
        for has_room in [true, false] {
            let demand = Demand {
                owner_minute_qps: Some(7.0),
                local_minute_qps: 3.0,
                seen_before: true,
                members: 5,
                has_room,
            };
            let candidate = candidates.candidate(&key, &value, demand);
            assert_eq!(candidate.owner_minute_qps(), Some(7.0));
            assert_eq!(candidate.local_minute_qps(), 3.0);
            assert!(candidate.seen_before());
            assert_eq!(candidate.members(), 5);
            assert_eq!(candidate.has_room(), has_room);
        }
    }
}
