//! Compares the ring with a naive ring, and checks the promises of the native scheme.

use std::collections::BTreeMap;

use consistenthash::{HashFn, Labels, Ring, Scheme, Ties};
use md5::{Digest, Md5};
use proptest::prelude::*;
use proptest::sample::subsequence;
use xxhash_rust::xxh3::xxh3_64;

/// The simplest ring. Hashes are `i128`, which holds both the signed and the unsigned hashes that
/// the Go programs compare.
struct Naive<'a> {
    hash: fn(&[u8]) -> i128,
    points: BTreeMap<i128, &'a str>,
}

impl<'a> Naive<'a> {
    fn new(rules: &Rules, replicas: u32, members: &[&'a str]) -> Self {
        let mut members = members.to_vec();
        if rules.greatest_name_wins {
            members.sort();
        }
        let mut points = BTreeMap::new();
        for member in members {
            for number in 0..replicas {
                points.insert((rules.hash)(&(rules.label)(member, number)), member);
            }
        }
        Self {
            hash: rules.hash,
            points,
        }
    }

    fn owners(&self, key: &[u8]) -> Vec<&'a str> {
        let hash = (self.hash)(key);
        let round = self.points.range(hash..).chain(self.points.range(..hash));
        let mut owners = Vec::new();
        for (_, member) in round {
            if !owners.contains(member) {
                owners.push(*member);
            }
        }
        owners
    }
}

/// A scheme, and the same rules for the naive ring.
#[derive(Debug)]
struct Rules {
    scheme: Scheme,
    hash: fn(&[u8]) -> i128,
    label: fn(&str, u32) -> Vec<u8>,
    greatest_name_wins: bool,
}

fn all_rules() -> Vec<Rules> {
    let decimal = |name: &str, number: u32| format!("{number}{name}").into_bytes();
    let md5 = |name: &str, number: u32| {
        let digest = Md5::digest(format!("{number}{name}"));
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into_bytes()
    };
    let binary =
        |name: &str, number: u32| [name.as_bytes(), number.to_le_bytes().as_slice()].concat();
    let crc32: fn(&[u8]) -> i128 = |bytes| crc32fast::hash(bytes).into();
    let fnv1: fn(&[u8]) -> i128 = |bytes| {
        let step = |h: u64, b: &u8| h.wrapping_mul(1_099_511_628_211) ^ u64::from(*b);
        i128::from(
            bytes
                .iter()
                .fold(14_695_981_039_346_656_037, step)
                .cast_signed(),
        )
    };
    let xxh3: fn(&[u8]) -> i128 = |bytes| xxh3_64(bytes).into();

    let rules = |scheme, hash, label, greatest_name_wins| Rules {
        scheme,
        hash,
        label,
        greatest_name_wins,
    };
    vec![
        rules(Scheme::native(), xxh3, binary, true),
        rules(Scheme::golang(), crc32, decimal, false),
        rules(Scheme::galaxycache(), crc32, decimal, true),
        rules(Scheme::mailgun(), fnv1, md5, false),
        rules(Scheme::ipronko(), fnv1, md5, false),
        rules(Scheme::groupcache_go(), fnv1, md5, true),
        // Points crowd at one end of the circle, and many coincide.
        rules(
            Scheme::golang().hash(HashFn::Custom32(|bytes| crc32fast::hash(bytes) % 97)),
            |bytes| i128::from(crc32fast::hash(bytes) % 97),
            decimal,
            false,
        ),
        rules(
            Scheme::native().hash(HashFn::Custom64(|bytes| xxh3_64(bytes) % 97)),
            |bytes| i128::from(xxh3_64(bytes) % 97),
            binary,
            true,
        ),
        // Points crowd around zero, where the unsigned circle is cut open but the signed is not.
        rules(
            Scheme::mailgun()
                .labels(Labels::NumberThenName)
                .hash(HashFn::Custom64(|bytes| {
                    (xxh3_64(bytes) % 400).wrapping_sub(200)
                })),
            |bytes| i128::from(xxh3_64(bytes) % 400) - 200,
            decimal,
            false,
        ),
        // Both extremes of the circle carry points and keys.
        rules(
            Scheme::native()
                .ties(Ties::LastListed)
                .hash(HashFn::Custom64(|bytes| {
                    0_u64.wrapping_sub(xxh3_64(bytes) % 3)
                })),
            |bytes| i128::from(0_u64.wrapping_sub(xxh3_64(bytes) % 3)),
            binary,
            false,
        ),
    ]
}

/// Up to 24 members with related names, in any order.
fn members() -> impl Strategy<Value = Vec<&'static str>> {
    const NAMES: [&str; 24] = [
        "a",
        "b",
        "c",
        "1a",
        "11a",
        "2",
        "22",
        "10.0.0.5",
        "110.0.0.5",
        "0.0.0.5",
        "http://a:80",
        "http://a:80/",
        "http://b:80",
        "x",
        "y",
        "z",
        "",
        "é",
        "A",
        "node-1",
        "node-2",
        "node-3",
        "node-4",
        "node-5",
    ];
    subsequence(&NAMES, 1..=NAMES.len()).prop_shuffle()
}

fn keys() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = "[a-c0-9:/]{0,20}".prop_map(String::into_bytes);
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::vec(prop_oneof![text, bytes], 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_scheme_agrees_with_the_naive_ring(
        members in members(),
        replicas in 1_u32..60,
        keys in keys(),
    ) {
        for rules in all_rules() {
            let naive = Naive::new(&rules, replicas, &members);
            let ring = Ring::new(rules.scheme.replicas(replicas), members.clone()).unwrap();
            for key in &keys {
                let expected = naive.owners(key);
                let owners = ring.owners(key);
                prop_assert_eq!(owners.len(), expected.len(), "{:?}", rules);
                let owners: Vec<_> = owners.copied().collect();
                prop_assert_eq!(&owners, &expected, "{:?}, key {:?}", rules, key);
                prop_assert_eq!(*ring.owner(key), expected[0]);
                prop_assert_eq!(ring.members()[ring.owner_index(key)], expected[0]);
            }
        }
    }

    #[test]
    fn ranges_cover_the_circle_and_name_the_owners(
        members in members(),
        replicas in 1_u32..60,
        keys in keys(),
    ) {
        for rules in all_rules() {
            let ring = Ring::new(rules.scheme.replicas(replicas), members.clone()).unwrap();
            let ranges: Vec<_> = ring.ranges().collect();
            prop_assert_eq!(*ranges[0].0.start(), 0);
            prop_assert_eq!(*ranges[ranges.len() - 1].0.end(), u64::MAX);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].0.end() + 1, *pair[1].0.start());
                prop_assert_ne!(pair[0].1, pair[1].1);
            }
            for key in &keys {
                let at = ring.position(key);
                let (_, owner) = ranges.iter().find(|(range, _)| range.contains(&at)).unwrap();
                prop_assert_eq!(ring.owner(key), *owner, "{:?}, key {:?}", rules, key);
            }
        }
    }

    #[test]
    fn shares_sum_to_one_and_match_the_ranges(members in members(), replicas in 1_u32..60) {
        for rules in all_rules() {
            let ring = Ring::new(rules.scheme.replicas(replicas), members.clone()).unwrap();
            let shares = ring.shares();
            prop_assert_eq!(shares.len(), ring.len());
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", shares);
            for (member, share) in ring.members().iter().zip(shares) {
                let owned = ring.ranges().filter(|(_, owner)| *owner == member);
                let width: f64 = owned.map(|(range, _)| (range.end() - range.start()) as f64).sum();
                prop_assert!((share - width / 2_f64.powi(64)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_changed_ring_is_the_ring_that_would_be_built(
        lists in prop::collection::vec(members().prop_shuffle(), 2..6),
        replicas in 1_u32..60,
        keys in keys(),
    ) {
        for rules in all_rules() {
            let scheme = rules.scheme.replicas(replicas);
            let mut changed = Ring::new(scheme, lists[0].clone()).unwrap();
            for list in &lists[1..] {
                changed = changed.with_members(list.clone()).unwrap();
                same(&changed, &Ring::new(scheme, list.clone()).unwrap(), &keys)?;
            }
        }
    }

    #[test]
    fn members_that_come_and_go_leave_the_ring_that_would_be_built(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3), 1..40),
        replicas in 1_u32..60,
        keys in keys(),
    ) {
        for rules in all_rules() {
            let scheme = rules.scheme.replicas(replicas);
            let mut list: Vec<String> = (0..8).map(|i| format!("node-{i}")).collect();
            let mut ring = Ring::new(scheme, list.clone()).unwrap();
            for (number, (index, kind)) in changes.iter().enumerate() {
                let at = index.index(list.len());
                match kind {
                    // Labels such as "1" + "10.0.0.5" and "11" + "0.0.0.5" are equal.
                    0 => {
                        let prefix = ["", "1", "11"][number % 3];
                        list.insert(at, format!("{prefix}0.0.0.{}", number / 3));
                    }
                    1 if list.len() > 1 => drop(list.remove(at)),
                    _ => list.rotate_left(at),
                }
                ring = ring.with_members(list.clone()).unwrap();
            }
            same(&ring, &Ring::new(scheme, list).unwrap(), &keys)?;
        }
    }

    #[test]
    fn order_of_the_list_is_irrelevant_without_last_listed(
        (listed, shuffled) in members().prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
        keys in keys(),
    ) {
        for rules in all_rules().into_iter().filter(|rules| rules.greatest_name_wins) {
            let one = Ring::new(rules.scheme.replicas(30), listed.clone()).unwrap();
            let other = Ring::new(rules.scheme.replicas(30), shuffled.clone()).unwrap();
            for key in &keys {
                prop_assert!(one.owners(key).eq(other.owners(key)), "{:?}", rules);
            }
        }
    }
}

fn same<M: AsRef<[u8]> + PartialEq + std::fmt::Debug>(
    one: &Ring<M>,
    other: &Ring<M>,
    keys: &[Vec<u8>],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.members(), other.members());
    prop_assert!(one.ranges().eq(other.ranges()));
    for key in keys {
        prop_assert_eq!(one.owner_index(key), other.owner_index(key));
        prop_assert_eq!(one.owners(key).len(), other.owners(key).len());
        prop_assert!(one.owners(key).eq(other.owners(key)), "key {:?}", key);
    }
    Ok(())
}

proptest! {
    // Each case builds rings of up to 60,000 points.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_added_member_takes_its_share_and_moves_nothing_else(
        n in 1_usize..30,
        cluster in "[a-z]{0,8}",
        seed in any::<u64>(),
    ) {
        let mut members: Vec<_> = (0..n).map(|i| format!("{cluster}{i}")).collect();
        let before = Ring::new(Scheme::native(), members.clone()).unwrap();
        let new = format!("{cluster}{n}");
        members.push(new.clone());
        let after = Ring::new(Scheme::native(), members).unwrap();

        // The share is the exact fraction of all positions. The sample shows that only the new
        // member's keys move.
        prop_assert!(after.shares()[n] <= 1.15 / (n + 1) as f64);
        for i in 0..5_000_u64 {
            let key = (seed ^ i).to_le_bytes();
            if before.owner(&key) != after.owner(&key) {
                prop_assert_eq!(after.owner(&key), &new);
            }
        }
    }

    #[test]
    fn the_next_owner_inherits_when_the_first_is_removed(n in 2_usize..20, key in any::<[u8; 8]>()) {
        let members: Vec<_> = (0..n).map(|i| format!("node-{i}")).collect();
        let full = Ring::new(Scheme::native(), members.clone()).unwrap();
        let heirs: Vec<_> = full.owners(&key).skip(1).cloned().collect();
        let gone = full.owner(&key);
        let rest = members.into_iter().filter(|member| member != gone);
        let without = Ring::new(Scheme::native(), rest).unwrap();
        prop_assert!(without.owners(&key).eq(&heirs));
    }

    #[test]
    fn the_fullest_of_ten_native_members_holds_at_most_1_10_of_the_mean(
        prefix in "[ -~]{0,20}",
        suffix in "[ -~]{0,20}",
    ) {
        let ring = Ring::new(
            Scheme::native(),
            (0..10).map(|i| format!("{prefix}{i}{suffix}")),
        ).unwrap();
        let fullest = ring.shares().into_iter().fold(0.0, f64::max);
        prop_assert!(fullest <= 0.110, "{}", fullest);
    }
}
