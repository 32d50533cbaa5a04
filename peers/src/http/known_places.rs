use std::borrow::Cow;

use crate::{Error, KnownChange};

/// The known changes of a get of several keys without those of the keys that were refused, at the places that the other keys
/// have without them. Both lists are in the order of their places.
pub(crate) fn known_places<'a>(
    known: &'a [(u32, KnownChange)],
    refused: &[(usize, Error)],
) -> Cow<'a, [(u32, KnownChange)]> {
    if known.is_empty() || refused.is_empty() {
        return known.into();
    }
    let moved = known.iter().filter_map(|&(place, change)| {
        let before = refused.partition_point(|(at, _)| *at < place as usize);
        let is_refused = refused
            .get(before)
            .is_some_and(|(at, _)| *at == place as usize);
        (!is_refused).then_some((place - before as u32, change))
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChangeId;

    #[test]
    fn changes_stay_with_their_keys() {
        let change = |number| KnownChange {
            id: ChangeId { origin: 1, number },
            all: false,
        };
        let known = [
            (0, change(0)),
            (2, change(2)),
            (2, change(3)),
            (3, change(4)),
        ];
        let refused = |places: &[usize]| -> Vec<_> {
            let places = places.iter();
            places.map(|place| (*place, Error::getter("no"))).collect()
        };
        assert_eq!(*known_places(&known, &refused(&[])), known);
        let moved = [
            (0, change(0)),
            (1, change(2)),
            (1, change(3)),
            (2, change(4)),
        ];
        assert_eq!(*known_places(&known, &refused(&[1])), moved);
        let moved = [(0, change(4))];
        assert_eq!(*known_places(&known, &refused(&[0, 1, 2])), moved);
        assert_eq!(*known_places(&known, &refused(&[0, 2, 3])), []);
    }
}
