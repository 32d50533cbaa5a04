//! What a ring accepts, refuses and shares.

use consistenthash::{Error, HashFn, Labels, MAX_POINTS, Ring, Scheme, Ties};

fn refused(scheme: Scheme, members: &[&str]) -> Error {
    Ring::new(scheme, members.to_vec()).unwrap_err()
}

#[test]
fn an_empty_ring_is_refused() {
    let error = refused(Scheme::native(), &[]);
    assert!(error.is_no_members());
    assert_eq!(error.to_string(), "a ring needs at least one member");
}

#[test]
fn zero_replicas_are_refused() {
    let error = refused(Scheme::golang().replicas(0), &["a"]);
    assert!(error.is_no_replicas());
}

#[test]
fn a_duplicate_is_refused_by_name() {
    for scheme in [Scheme::native(), Scheme::golang()] {
        let error = refused(scheme, &["a", "http://b", "c", "http://b"]);
        assert!(error.is_duplicate_member());
        assert!(!error.is_no_members() && !error.is_no_replicas() && !error.is_too_many_points());
        assert_eq!(error.to_string(), "member \"http://b\" is listed twice");
    }
}

#[test]
fn too_many_points_are_refused_before_they_are_made() {
    for replicas in [MAX_POINTS as u32 / 2 + 1, u32::MAX] {
        let error = refused(Scheme::native().replicas(replicas), &["a", "b"]);
        assert!(error.is_too_many_points());
        assert!(
            error.to_string().contains(&MAX_POINTS.to_string()),
            "{error}"
        );
    }
}

#[test]
fn a_clone_is_the_same_ring_and_needs_no_clone_of_its_members() {
    struct Uncloneable(&'static [u8]);
    impl AsRef<[u8]> for Uncloneable {
        fn as_ref(&self) -> &[u8] {
            self.0
        }
    }
    let ring = Ring::new(Scheme::native(), [Uncloneable(b"a"), Uncloneable(b"b")]).unwrap();
    let clone = ring.clone();
    assert!(std::ptr::eq(ring.owner(b"key"), clone.owner(b"key")));
    assert_eq!(clone.len(), 2);
}

#[test]
fn a_ring_crosses_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Ring<String>>();
}

#[test]
fn equal_rings_have_one_fingerprint_and_others_have_others() {
    let of = |scheme: Scheme, names: &[&str]| Ring::new(scheme, names).unwrap().fingerprint();
    let native = Scheme::native();
    let known = of(native, &["a", "b", "c"]);
    assert_eq!(
        known,
        of(native, &["c", "a", "b"]),
        "the order does not count"
    );
    let changed = Ring::new(native, ["a", "b"]).unwrap();
    let changed = changed.with_members(["b", "c", "a"]).unwrap();
    assert_eq!(known, changed.fingerprint(), "neither does the way to it");
    let mut others = vec![
        of(native, &["a", "b"]),
        of(native, &["a", "b", "d"]),
        of(native, &["a", "bc"]),
        of(native.replicas(50), &["a", "b", "c"]),
        of(native.hash(HashFn::Fnv1a), &["a", "b", "c"]),
        of(native.labels(Labels::NumberThenName), &["a", "b", "c"]),
        of(native.ties(Ties::LastListed), &["a", "b", "c"]),
        of(native.hash(HashFn::Custom64(|_| 7)), &["a", "b", "c"]),
        of(native.hash(HashFn::Custom64(|_| 8)), &["a", "b", "c"]),
        known,
    ];
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 10);
}

#[test]
fn a_fingerprint_is_what_its_docs_say() {
    let mut text = 50_u32.to_le_bytes().to_vec();
    text.push(1);
    for name in ["a", "node-b"] {
        text.extend_from_slice(&(name.len() as u32).to_le_bytes());
        text.extend_from_slice(name.as_bytes());
        let first = [name.as_bytes(), &[0; 4]].concat();
        for hashed in [name.as_bytes(), &first] {
            text.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(hashed).to_le_bytes());
        }
    }
    let ring = Ring::new(Scheme::native().replicas(50), ["node-b", "a"]).unwrap();
    assert_eq!(ring.fingerprint(), xxhash_rust::xxh3::xxh3_64(&text));
}

#[test]
fn the_owner_of_a_keys_position_is_the_keys_owner() {
    let ring = Ring::new(Scheme::golang(), ["a", "b", "c"]).unwrap();
    for n in 0..100 {
        let key = format!("key-{n}");
        let owner = ring.owner_index_at(ring.position(key.as_bytes()));
        assert_eq!(owner, ring.owner_index(key.as_bytes()));
    }
}

#[test]
fn a_lonely_member_owns_everything() {
    let ring = Ring::new(Scheme::mailgun().replicas(1), ["only"]).unwrap();
    assert_eq!(*ring.owner(b""), "only");
    assert_eq!(ring.shares(), [1.0]);
    assert_eq!(ring.ranges().collect::<Vec<_>>(), [(0..=u64::MAX, &"only")]);
    assert_eq!(ring.owners(b"any").collect::<Vec<_>>(), [&"only"]);
}

#[test]
fn a_member_that_lost_each_point_owns_nothing() {
    let scheme = Scheme::native().replicas(3).hash(HashFn::Custom64(|_| 7));
    let ring = Ring::new(scheme, ["b", "c", "a"]).unwrap();
    assert_eq!(ring.shares(), [0.0, 1.0, 0.0]);
    assert_eq!(ring.owners(b"key").collect::<Vec<_>>(), [&"c"]);
    assert_eq!(ring.members(), ["b", "c", "a"]);
}

#[test]
fn owners_names_each_of_many_members_once() {
    let ring = Ring::new(Scheme::native(), (0..200).map(|i| format!("node-{i}"))).unwrap();
    let owners = ring.owners(b"key");
    assert_eq!(owners.len(), 200);
    let mut names: Vec<_> = owners.collect();
    assert_eq!(names[0], ring.owner(b"key"));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 200);
}

#[test]
fn a_ring_that_grows_and_shrinks_stays_the_ring_that_would_be_built() {
    let scheme = Scheme::native().replicas(100);
    let names: Vec<_> = (0..100).map(|i| format!("node-{i}")).collect();
    let mut ring = Ring::new(scheme, &names[..1]).unwrap();
    for len in (2..=100).chain((1..100).rev()) {
        ring = ring.with_members(&names[..len]).unwrap();
        let built = Ring::new(scheme, &names[..len]).unwrap();
        assert!(ring.ranges().eq(built.ranges()), "{len} members");
        assert_eq!(ring.members(), built.members());
    }
}

#[test]
fn a_changed_list_that_is_no_list_is_refused_and_the_ring_stays() {
    let ring = Ring::new(Scheme::native(), ["a", "b", "c", "d"]).unwrap();
    assert!(ring.with_members([]).unwrap_err().is_no_members());
    let twice = ring.with_members(["a", "b", "c", "d", "a"]);
    assert!(twice.unwrap_err().is_duplicate_member());
    assert_eq!(ring.members(), ["a", "b", "c", "d"]);
}
