use std::collections::HashMap;
use std::hash::Hash;

/// What most have; of several that are as frequent, the first. Nobody can tell which one is right, but with this one the
/// fewest nodes have to change.
pub(super) fn majority<T: Copy + Eq + Hash>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut counts: HashMap<T, (usize, usize)> = HashMap::new();
    for (place, item) in items.into_iter().enumerate() {
        counts.entry(item).or_insert((0, place)).0 += 1;
    }
    let most = counts.into_iter();
    let most = most.max_by_key(|(_, (count, place))| (*count, std::cmp::Reverse(*place)));
    most.map(|(item, _)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_wins_and_among_equals_the_first() {
        assert_eq!(majority([1, 2, 2, 3]), Some(2));
        assert_eq!(majority([3, 1, 1, 3]), Some(3));
        assert_eq!(majority(Vec::<u8>::new()), None);
    }
}
