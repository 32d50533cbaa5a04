//! Checks every row recorded from the real programs; see testdata/README.md.

use std::collections::HashMap;

use consistenthash::{HashFn, Ring, Scheme};
use serde_json::Value;

#[test]
fn golang_owns_the_same_keys() {
    agrees_with(Scheme::golang(), include_str!("../testdata/golang.json"));
}

#[test]
fn mailgun_owns_the_same_keys() {
    agrees_with(Scheme::mailgun(), include_str!("../testdata/mailgun.json"));
}

#[test]
fn groupcache_go_owns_the_same_keys() {
    agrees_with(
        Scheme::groupcache_go(),
        include_str!("../testdata/groupcache-go.json"),
    );
}

#[test]
fn ipronko_owns_the_same_keys() {
    agrees_with(Scheme::ipronko(), include_str!("../testdata/ipronko.json"));
}

#[test]
fn galaxycache_owns_the_same_keys() {
    agrees_with(
        Scheme::galaxycache(),
        include_str!("../testdata/galaxycache.json"),
    );
}

#[test]
fn shared_points_have_the_same_owner() {
    let recorded = parse(include_str!("../testdata/collisions.json"));
    let mut rows = HashMap::new();
    for case in array(&recorded["cases"]) {
        let keys = keys(&case["keys"]);
        let name = text(&case["scheme"]);
        let scheme = match name {
            "golang" => Scheme::golang(),
            "mailgun" => Scheme::mailgun(),
            "galaxycache" => Scheme::galaxycache(),
            // Undefined in groupcache-go; the next test checks our rule.
            "groupcache-go" => continue,
            other => panic!("no scheme is called {other}"),
        };
        *rows.entry(name).or_insert(0) += check(scheme, case, &keys);
    }
    assert_eq!(
        rows,
        HashMap::from([("golang", 272), ("mailgun", 72), ("galaxycache", 272)])
    );
}

/// groupcache-go's unstable sort leaves a shared point to either of the two peers. Our ring gives
/// the point always to the greater of the two, never to a third peer.
#[test]
fn groupcache_go_shared_points_do_not_depend_on_order() {
    let (lesser, greater) = ("10.0.0.5:8080", "110.0.0.5:8080");
    let recorded = parse(include_str!("../testdata/collisions.json"));
    let mut rows = 0;
    for case in array(&recorded["cases"]) {
        if case["scheme"] != "groupcache-go" {
            continue;
        }
        let peers = peers(case);
        let ring = Ring::new(scheme_of(Scheme::groupcache_go(), case), peers.clone()).unwrap();
        for (key, owner) in keys(&case["keys"]).iter().zip(owners(case)) {
            assert!([lesser, greater].contains(&peers[owner]), "{}", case["id"]);
            assert_eq!(*ring.owner(key), greater, "{}, key {key:02x?}", case["id"]);
            rows += 1;
        }
    }
    assert_eq!(rows, 72);
}

fn agrees_with(scheme: Scheme, recorded: &str) {
    let keys = keys(&parse(include_str!("../testdata/keys.json")));
    assert_eq!(keys.len(), 602);
    let recorded = parse(recorded);
    let rows: usize = array(&recorded["cases"])
        .iter()
        .map(|case| check(scheme, case, &keys))
        .sum();
    assert_eq!(rows, 77 * 602);
}

/// Checks the owner of each key and returns the number of keys.
fn check(scheme: Scheme, case: &Value, keys: &[Vec<u8>]) -> usize {
    let peers = peers(case);
    // The Go programs accept a peer twice. The later mention then wins each of the peer's points,
    // so the ring is that of the list without the earlier mention.
    let distinct = peers
        .iter()
        .enumerate()
        .filter(|(at, peer)| !peers[at + 1..].contains(peer))
        .map(|(_, peer)| *peer);
    let ring = Ring::new(scheme_of(scheme, case), distinct).unwrap();
    let owners = owners(case);
    assert_eq!(owners.len(), keys.len());
    for (key, owner) in keys.iter().zip(&owners) {
        assert_eq!(
            *ring.owner(key),
            peers[*owner],
            "{}, key {key:02x?}",
            case["id"]
        );
    }
    owners.len()
}

fn scheme_of(scheme: Scheme, case: &Value) -> Scheme {
    let scheme = scheme.replicas(case["replicas"].as_u64().unwrap().try_into().unwrap());
    match case.get("hash").map(text) {
        None => scheme,
        Some("fnv1a32") => scheme.hash(HashFn::Fnv1a32),
        Some("fnv1a64") => scheme.hash(HashFn::Fnv1a),
        Some(other) => panic!("no hash is called {other}"),
    }
}

fn peers(case: &Value) -> Vec<&str> {
    array(&case["peers"]).iter().map(text).collect()
}

fn owners(case: &Value) -> Vec<usize> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    text(&case["owners"])
        .chars()
        .map(|digit| DIGITS.find(digit).unwrap())
        .collect()
}

fn keys(list: &Value) -> Vec<Vec<u8>> {
    array(list)
        .iter()
        .map(|hex| {
            let digits: Vec<u8> = text(hex)
                .chars()
                .map(|d| d.to_digit(16).unwrap().try_into().unwrap())
                .collect();
            digits
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect()
        })
        .collect()
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
