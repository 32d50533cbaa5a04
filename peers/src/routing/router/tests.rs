use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{BoxFuture, GetRequest, PeerClient, Protocol, Reply};

/// A transport that opens no connection, and counts its calls.
#[derive(Clone, Debug, Default)]
struct Dials(Arc<AtomicUsize>);

impl Dials {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Transport for Dials {
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        if member.url().contains("undiallable") {
            return Err(Error::invalid_member(member.url(), "nobody there"));
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Silent))
    }
}

#[derive(Debug)]
struct Silent;

impl PeerClient for Silent {
    fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async { Err(Error::not_found("")) })
    }
}

fn member(name: &str) -> Member {
    Member::with_id(name, format!("http://{name}")).unwrap()
}

fn members(names: &[&str]) -> Vec<Member> {
    names.iter().map(|name| member(name)).collect()
}

fn router() -> (Router, Dials) {
    let dials = Dials::default();
    let router = Router::new(
        member("self"),
        Protocol::Native.scheme(),
        Arc::new(dials.clone()),
        CircuitOptions::default(),
    );
    (router, dials)
}

#[test]
fn without_members_nobody_owns_anything() {
    let (router, _) = router();
    assert!(router.routes().owner(b"k").is_none());
    assert_eq!(router.routes().owners(b"k").count(), 0);
}

#[test]
fn the_node_itself_is_not_dialled() {
    let (router, dials) = router();
    router.set_members(members(&["self", "a"])).unwrap();
    assert_eq!(dials.count(), 1);
    let routes = router.snapshot();
    let this: Vec<_> = routes.peers().iter().map(Peer::is_self).collect();
    assert_eq!(this, [true, false]);
}

#[test]
fn peers_that_stay_keep_their_clients_and_a_new_url_gets_a_new_one() {
    let (router, dials) = router();
    router.set_members(members(&["a", "b"])).unwrap();
    router.set_members(members(&["b", "c"])).unwrap();
    assert_eq!(dials.count(), 3);
    router
        .set_members(vec![Member::with_id("b", "http://elsewhere").unwrap()])
        .unwrap();
    assert_eq!(dials.count(), 4);
}

#[test]
fn a_member_listed_twice_counts_once_and_one_id_with_two_urls_is_refused() {
    let (router, _) = router();
    router.set_members(members(&["a", "b", "a"])).unwrap();
    assert_eq!(router.members(), members(&["a", "b"]));
    let clash = vec![member("a"), Member::with_id("a", "http://b").unwrap()];
    let error = router.set_members(clash).unwrap_err();
    assert!(
        error.is_configuration() && error.to_string().contains("\"a\""),
        "{error}"
    );
    assert_eq!(router.members(), members(&["a", "b"]));
}

#[test]
fn a_member_that_cannot_be_dialled_changes_nothing() {
    let (router, _) = router();
    router.set_members(members(&["a"])).unwrap();
    assert!(router.add_member(member("undiallable")).is_err());
    assert_eq!(router.members(), members(&["a"]));
}

#[test]
fn members_that_no_list_could_have_are_named_with_the_reason() {
    let (router, _) = router();
    router.set_members(members(&["a"])).unwrap();
    let double = Member::with_id("other", "http://self").unwrap();
    let list = [
        member("a"),
        member("self"),
        member("undiallable"),
        double.clone(),
    ];
    let refused = router.refused(&list);
    let names: Vec<&Member> = refused.iter().map(|(member, _)| member).collect();
    assert_eq!(names, [&member("undiallable"), &double]);
    assert!(refused[0].1.to_string().contains("nobody there"));
    assert_eq!(router.members(), members(&["a"]), "nothing is set");
}

#[test]
fn a_snapshot_outlives_the_change_that_replaced_it() {
    let (router, _) = router();
    router.set_members(members(&["a"])).unwrap();
    let before = router.snapshot();
    router.set_members(members(&["b"])).unwrap();
    assert_eq!(before.owner(b"k").unwrap().member(), &member("a"));
    assert_eq!(router.routes().owner(b"k").unwrap().member(), &member("b"));
}

#[test]
fn members_added_at_the_same_time_all_get_in() {
    let (router, _) = router();
    let names: Vec<_> = (0..8).map(|n| format!("m{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| router.add_member(member(name)).unwrap());
        }
    });
    let mut ids: Vec<_> = router
        .members()
        .iter()
        .map(|member| member.id().to_owned())
        .collect();
    ids.sort();
    assert_eq!(ids, names);
    assert!(router.remove_member("m3").unwrap());
    assert!(!router.remove_member("m3").unwrap());
    assert_eq!(router.members().len(), 7);
}

#[test]
fn a_member_that_has_moved_is_replaced_in_its_place() {
    let (router, dials) = router();
    router.set_members(members(&["a", "b", "c"])).unwrap();
    let before = router.snapshot();
    let moved = Member::with_id("b", "http://elsewhere").unwrap();
    router.add_member(moved.clone()).unwrap();
    router.add_member(moved.clone()).unwrap();
    assert_eq!(router.members(), [member("a"), moved.clone(), member("c")]);
    assert_eq!(dials.count(), 4, "one new address");
    let owner = |routes: &Routes| routes.owner(b"k").unwrap().member().id().to_owned();
    assert_eq!(owner(&before), owner(&router.routes()));

    let stays = |router: &Router, id: &str| {
        let circuit = |routes: &Routes| {
            let peer = routes.peers().iter().find(|peer| peer.member().id() == id);
            std::ptr::from_ref(peer.unwrap().circuit().unwrap())
        };
        circuit(&before) == circuit(&router.routes())
    };
    assert!(stays(&router, "a") && stays(&router, "c"));
    assert!(!stays(&router, "b"), "health is that of an address");

    let own = Member::with_id("self", "http://elsewhere").unwrap();
    assert!(router.add_member(own).unwrap_err().is_configuration());
}

#[test]
fn a_member_is_removed_by_id_by_url_or_by_both() {
    let (router, _) = router();
    let moved = Member::with_id("b", "http://elsewhere").unwrap();
    router
        .set_members(vec![member("a"), moved.clone()])
        .unwrap();
    for late in ["b=http://b", "http://b", "b=http://elsewhere:80", "c", ""] {
        assert!(!router.remove_member(late).unwrap(), "{late}");
    }
    assert!(router.remove_member(" http://elsewhere/").unwrap());
    assert_eq!(router.members(), members(&["a"]));
    router.add_member(moved.clone()).unwrap();
    assert!(router.remove_member("b=http://elsewhere").unwrap());
    router.add_member(moved).unwrap();
    assert!(router.remove_member("b").unwrap());
    assert_eq!(router.members(), members(&["a"]));
}

#[test]
fn an_id_counts_before_a_url() {
    let (router, _) = router();
    let plain = Member::new("http://a").unwrap();
    let other = Member::with_id("other", "http://a").unwrap();
    let moved = Member::with_id("http://a", "http://b").unwrap();
    router.set_members(vec![plain, other.clone()]).unwrap();
    router.add_member(moved).unwrap();
    assert!(router.remove_member("http://a").unwrap());
    assert_eq!(router.members(), [other]);
}

#[tokio::test(start_paused = true)]
async fn the_former_owner_is_remembered_for_the_hand_off_window() {
    let (router, _) = router();
    let router = router.handoff(Duration::from_secs(30));
    router.set_members(members(&["a"])).unwrap();
    router.set_members(members(&["b"])).unwrap();
    assert_eq!(router.former_owners(b"k")[0].member(), &member("a"));
    tokio::time::advance(Duration::from_secs(29)).await;
    router.set_members(members(&["b"])).unwrap();
    assert!(
        !router.former_owners(b"k").is_empty(),
        "no change, no new window"
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(router.former_owners(b"k").is_empty());
}

#[tokio::test(start_paused = true)]
async fn to_a_new_node_the_former_owner_is_its_successor() {
    let (router, _) = router();
    let router = router.handoff(Duration::from_secs(30));
    router.set_members(members(&["self", "a"])).unwrap();
    assert_eq!(router.former_owners(b"k")[0].member(), &member("a"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_alone_counts_as_new_when_it_learns_of_others() {
    let (router, _) = router();
    let router = router.handoff(Duration::from_secs(30));
    router.set_members(members(&["self"])).unwrap();
    router.set_members(members(&["self", "a"])).unwrap();
    assert_eq!(router.former_owners(b"k")[0].member(), &member("a"));
}

#[tokio::test(start_paused = true)]
async fn the_owners_before_each_change_of_the_window_are_remembered_the_latest_first() {
    let (router, _) = router();
    let router = router.handoff(Duration::from_secs(30));
    let former = |router: &Router| -> Vec<String> {
        let owners = router.former_owners(b"k");
        let ids = owners.iter().map(|peer| peer.member().id().to_owned());
        ids.collect()
    };
    router.set_members(members(&["a"])).unwrap();
    tokio::time::advance(Duration::from_secs(31)).await;
    for name in ["b", "a", "c", "d", "self"] {
        router.set_members(members(&[name])).unwrap();
        tokio::time::advance(Duration::from_secs(6)).await;
    }
    let ids = |names: &[&str]| -> Vec<String> {
        members(names).iter().map(|it| it.id().to_owned()).collect()
    };
    assert_eq!(former(&router), ids(&["d", "c"]));
    tokio::time::advance(Duration::from_secs(18)).await;
    assert_eq!(former(&router), ids(&["d"]));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(former(&router).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_owns_nothing_until_it_has_started_again() {
    let (router, _) = router();
    router.set_members(members(&["self", "a"])).unwrap();
    let owners = |router: &Router| router.routes().peers().len();
    assert!(router.note_start("a", 7, false), "its first start");
    assert!(!router.note_start("a", 7, false) && !router.note_start("b", 7, true));
    assert!(!router.note_start("a", 7, true));
    assert_eq!(owners(&router), 1);
    assert_eq!(
        router.peer("a").unwrap().member(),
        &member("a"),
        "it still answers"
    );
    router.add_member(member("b")).unwrap();
    assert_eq!(owners(&router), 2, "a list that has it makes no difference");
    assert!(
        !router.note_start("a", 7, false),
        "said before it left, and come late"
    );
    assert_eq!(owners(&router), 2);
    assert!(router.note_start("a", 8, false));
    assert_eq!(owners(&router), 3);
    assert!(!router.note_start("a", 7, true), "that was the one before");
    assert_eq!(owners(&router), 3);
    assert!(router.remove_member("a").unwrap());
    router.add_member(member("a")).unwrap();
    assert!(router.note_start("a", 8, false), "it has been away");
    router.note_start("a", 8, true);
    assert_eq!(router.listed().len(), 3, "it is listed all the time");
    assert_eq!(ids(&router.leaving()), ["a"]);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(
        ids(&router.off_the_ring()),
        ["a"],
        "as long as it is listed"
    );
    assert!(router.left_lately().is_empty());
    let moved = Member::with_id("a", "http://elsewhere").unwrap();
    router.add_member(moved).unwrap();
    assert_eq!((owners(&router), router.leaving().len()), (3, 0));
    router.note_start("a", 8, true);
    router.remove_member("a").unwrap();
    assert_eq!(
        (router.leaving().len(), ids(&router.off_the_ring())),
        (0, vec!["a"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_former_owner_that_was_slow_is_left_alone_for_pauses_that_grow() {
    let (router, _) = router();
    let router = router.handoff(Duration::from_secs(3600));
    router.set_members(members(&["a"])).unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    router.set_members(members(&["b"])).unwrap();
    for millis in [250, 500, 1000, 2000, 4000, 5000, 5000] {
        let former = router.former_owners(b"k").remove(0);
        router.pause_former(&former);
        tokio::time::advance(Duration::from_millis(millis - 1)).await;
        assert!(router.former_owners(b"k").is_empty());
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    router.pause_former(&router.former_owners(b"k")[0]);
    router.set_members(members(&["a"])).unwrap();
    assert!(!router.former_owners(b"k").is_empty(), "b, this time");
}

#[test]
fn this_node_has_one_id_and_one_url() {
    let (router, _) = router();
    let elsewhere = Member::with_id("self", "http://elsewhere").unwrap();
    assert!(
        router
            .set_members(vec![elsewhere])
            .unwrap_err()
            .is_configuration()
    );
    let other_name = Member::with_id("other", "http://self").unwrap();
    let error = router.add_member(other_name).unwrap_err();
    assert!(
        error.to_string().contains("own URL under another id"),
        "{error}"
    );
    let error = router.add_member(member("SELF:80")).unwrap_err();
    assert!(error.is_configuration(), "{error}");
    assert!(router.members().is_empty());
}

#[tokio::test]
async fn without_a_hand_off_window_the_past_is_forgotten() {
    let (router, _) = router();
    router.set_members(members(&["a"])).unwrap();
    router.set_members(members(&["b"])).unwrap();
    assert!(router.former_owners(b"k").is_empty());
}

fn ids(peers: &[Peer]) -> Vec<&str> {
    let mut ids: Vec<&str> = peers.iter().map(|peer| peer.member().id()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(start_paused = true)]
async fn peers_that_come_and_go_are_remembered_for_a_minute() {
    let (router, _) = router();
    router.set_members(members(&["self", "a", "b"])).unwrap();
    assert_eq!(ids(&router.joined_lately()), ["a", "b"]);
    router.set_members(members(&["self", "b", "c"])).unwrap();
    tokio::time::advance(Duration::from_secs(40)).await;
    router.set_members(members(&["self", "b", "d"])).unwrap();
    assert_eq!(ids(&router.joined_lately()), ["b", "d"]);
    assert_eq!(ids(&router.left_lately()), ["a", "c"]);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(ids(&router.joined_lately()), ["d"]);
    assert_eq!(ids(&router.left_lately()), ["c"]);
    router.add_member(member("c")).unwrap();
    assert_eq!(ids(&router.joined_lately()), ["c", "d"]);
    assert!(router.left_lately().is_empty(), "it is back");
}

#[test]
fn nodes_that_list_the_same_members_have_the_same_hash() {
    let hash = |names: &[&str]| {
        let (router, _) = router();
        router.set_members(members(names)).unwrap();
        router.routes().members_hash()
    };
    assert_eq!(hash(&["a", "b", "self"]), hash(&["self", "b", "a"]));
    assert_ne!(hash(&["a", "b", "self"]), hash(&["a", "self"]));
    assert_eq!(hash(&[]), 0);
}
