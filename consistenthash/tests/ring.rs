//! What a ring accepts, refuses and shares.

use consistenthash::{Error, HashFn, MAX_POINTS, Ring, Scheme};

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
