//! The header `Range`.
//!
//! It is read here, and not by a crate, because none of those at hand tells all that is malformed, which a server ignores,
//! from what no object of this length has, which it refuses.

use std::ops::Range;

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// The header is malformed, of another unit, or asks for more than is worth the while: the whole object is sent.
    Ignored,
    /// The object has none of the ranges.
    Unsatisfiable,
    /// Those that the object has, none of them empty, in the order of the request.
    Parts(Vec<Range<u64>>),
}

impl Ranges {
    /// The ranges of an object of this length.
    ///
    /// More than `most` ranges, or ranges that overlap so that they are longer than the object, are ignored: they would cost
    /// more than the whole object, and nobody but an attacker needs them.
    pub(super) fn of(header: &str, len: u64, most: usize) -> Self {
        let Some((unit, set)) = header.split_once('=') else {
            return Self::Ignored;
        };
        // Clients ask for a part without knowing that there is nothing. They get all of it.
        if len == 0 {
            return Self::Ignored;
        }
        if !unit.eq_ignore_ascii_case("bytes") {
            return Self::Ignored;
        }
        let blank = [' ', '\t'];
        // A list may have empty elements.
        let specs = set.split(',').map(|spec| spec.trim_matches(blank));
        let specs = specs.filter(|spec| !spec.is_empty());
        let (mut parts, mut total, mut count) = (Vec::new(), 0_u64, 0);
        for spec in specs {
            count += 1;
            let Some(range) = part(spec, len) else {
                return Self::Ignored;
            };
            if count > most {
                return Self::Ignored;
            }
            if !range.is_empty() {
                total = total.saturating_add(range.end - range.start);
                parts.push(range);
            }
        }
        match (count, parts.len()) {
            (0, _) => Self::Ignored,
            (_, 0) => Self::Unsatisfiable,
            _ if total > len => Self::Ignored,
            _ => Self::Parts(parts),
        }
    }
}

/// The part of the object that one range names, empty if it has none of it; none if the range is malformed.
fn part(spec: &str, len: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(len.saturating_sub(number(last)?)..len);
    }
    let first = number(first)?;
    if last.is_empty() {
        return Some(first.min(len)..len);
    }
    let last = number(last)?;
    // A number that is larger than all numbers is still less than one of them.
    if last < first {
        return None;
    }
    Some(first.min(len)..last.saturating_add(1).min(len))
}

/// A number, or the largest there is if it is larger.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::single_range_in_vec_init,
        reason = "a list of one range is what is meant"
    )]

    use proptest::prelude::*;

    use super::Ranges::{Ignored, Parts, Unsatisfiable};
    use super::*;

    fn of_ten(header: &str) -> Ranges {
        Ranges::of(header, 10, 4)
    }

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (header, expected) in [
            ("bytes=0-0", vec![0..1]),
            ("bytes=0-9", vec![0..10]),
            ("bytes=5-", vec![5..10]),
            ("bytes=-3", vec![7..10]),
            ("bytes=-30", vec![0..10]),
            ("bytes=8-100", vec![8..10]),
            ("bytes=008-0009", vec![8..10]),
            ("bytes=8-99999999999999999999999", vec![8..10]),
            ("Bytes=1-2", vec![1..3]),
            ("bytes=1-2, 4-5 ,\t-1", vec![1..3, 4..6, 9..10]),
            ("bytes=,1-2,,4-5,", vec![1..3, 4..6]),
            ("bytes=1-2,50-60", vec![1..3]),
            ("bytes=6-7,0-1", vec![6..8, 0..2]),
        ] {
            assert_eq!(of_ten(header), Parts(expected), "{header}");
        }
    }

    #[test]
    fn a_malformed_header_or_another_unit_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=3-2",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=0x1-2",
            "bytes=1 - 2",
            "bytes =1-2",
            "bytes=1-2,x",
            "lines=1-2",
            "bytes=--1",
            "bytes=1-2-3",
            "bytes=1-2;",
        ] {
            assert_eq!(of_ten(header), Ignored, "{header}");
        }
    }

    #[test]
    fn ranges_that_the_object_does_not_have_are_refused() {
        for header in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=99999999999999999999-",
            "bytes=10-,20-30",
        ] {
            assert_eq!(of_ten(header), Unsatisfiable, "{header}");
        }
        assert_eq!(Ranges::of("bytes=0-", 0, 4), Ignored);
        assert_eq!(Ranges::of("bytes=-1", 0, 4), Ignored);
    }

    #[test]
    fn too_many_ranges_and_more_bytes_than_the_object_has_are_ignored() {
        assert_eq!(of_ten("bytes=0-0,2-2,4-4,6-6,8-8"), Ignored);
        assert_eq!(of_ten("bytes=0-0,20-20,40-40,60-60,80-80"), Ignored);
        assert_eq!(of_ten("bytes=0-,0-"), Ignored);
        assert_eq!(of_ten("bytes=0-5,4-9"), Ignored);
        assert_eq!(of_ten("bytes=0-4,5-9"), Parts(vec![0..5, 5..10]));
    }

    proptest! {
        #[test]
        fn parts_are_within_the_object_whatever_the_header(header in "bytes=[0-9, -]{0,20}", len: u64) {
            if let Parts(parts) = Ranges::of(&header, len, 8) {
                prop_assert!(parts.len() <= 8);
                for part in parts {
                    prop_assert!(part.start < part.end && part.end <= len);
                }
            }
        }

        #[test]
        fn a_range_has_the_bytes_of_the_slice(len in 1_u64..100, first in 0_u64..120, count in 0_u64..120) {
            let last = first + count;
            let bytes: Vec<u64> = (0..len).collect();
            let slice: Vec<u64> = bytes.iter().copied().filter(|at| (first..=last).contains(at)).collect();
            match Ranges::of(&format!("bytes={first}-{last}"), len, 1) {
                Parts(parts) => prop_assert_eq!(parts[0].clone().collect::<Vec<_>>(), slice),
                other => prop_assert!(slice.is_empty() && other == Unsatisfiable),
            }
        }
    }
}
