use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{FRONTEND, OWNER, Server, frontends, pipe};

#[test]
fn a_key_says_how_the_frontend_answers() {
    let node = Server::start(FRONTEND, &[]);
    for (key, status, body) in [
        ("k", 200, "value-of-k"),
        ("a+b", 200, "value-of-a b"),
        ("a%2Bb%2F%25", 200, "value-of-a+b/%"),
        ("empty:x", 200, ""),
        ("size:5:x", 200, "xxxxx"),
        ("slow:1:x", 200, "value-of-slow:1:x"),
        ("ttl:60000:x", 200, "value-of-ttl:60000:x"),
    ] {
        let answer = node.get(&format!("/api/get?key={key}"));
        assert_eq!((answer.status, &*answer.body), (status, body), "{key}");
        assert_eq!(answer.source(), "origin", "{key}");
        assert_eq!(
            node.get(&format!("/api/get?key={key}")).source(),
            "main",
            "{key}"
        );
    }
    for (key, status, reason) in [
        ("missing:x", 404, "not found"),
        ("err:x", 502, "told to fail"),
        ("panic:x", 502, "panic"),
        ("%zz", 400, "hexadecimal"),
    ] {
        let answer = node.get(&format!("/api/get?key={key}"));
        assert_eq!(answer.status, status, "{key}: {answer:?}");
        assert!(answer.body.contains(reason), "{key}: {answer:?}");
    }
    let stats = node.json("/api/stats");
    for (counter, expected) in [
        ("gets", 17),
        ("main_hits", 7),
        ("loaded", 7),
        ("not_found", 1),
        ("failed", 2),
    ] {
        assert_eq!(stats[counter], expected, "{counter} in {stats}");
    }
    assert_eq!(stats["getter_calls"], 10);
    assert_eq!(stats["entries"], 7);
    let tasks = node.json("/api/runtime")["tasks"].as_u64();
    assert!(tasks.is_some_and(|tasks| tasks > 0), "{tasks:?}");
}

#[test]
fn one_port_speaks_both_versions_of_http() {
    let node = Server::start(FRONTEND, &[]);
    assert_eq!(node.get("/healthz").body, "ok");
    let mut stream = TcpStream::connect(("127.0.0.1", node.port().parse().unwrap())).unwrap();
    let no_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &no_settings].concat();
    stream.write_all(&preface).unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "the server's settings come first");
}

#[test]
fn an_expired_value_is_loaded_again() {
    let node = Server::start(FRONTEND, &["--ttl", "0"]);
    for _ in 0..2 {
        assert_eq!(node.get("/api/get?key=k").source(), "origin");
    }
}

#[test]
fn a_stale_value_is_served_while_it_is_refreshed() {
    let flags = ["--ttl", "1", "--stale", "60000"];
    let node = Server::start(FRONTEND, &flags);
    let source = || node.get("/api/get?key=k").source().to_owned();
    assert_eq!(source(), "origin");
    // The value is fresh for a millisecond.
    let later = std::iter::repeat_with(source).find(|source| source != "main");
    assert_eq!(later.as_deref(), Some("stale"));
}

#[test]
fn a_key_or_a_value_beyond_its_limit_is_refused_by_name() {
    let flags = ["--max-key-bytes", "8", "--max-value-bytes", "100"];
    let node = Server::start(FRONTEND, &flags);
    let answer = node.get("/api/get?key=123456789");
    assert_eq!(answer.status, 414, "{answer:?}");
    assert!(answer.body.contains("limit of 8 bytes"), "{answer:?}");
    assert_eq!(
        node.ask("DELETE", "/api/remove?key=123456789", "").status,
        414
    );
    let large = "x".repeat(101);
    assert_eq!(node.ask("PUT", "/api/set?key=k", &large).status, 413);
    assert_eq!(node.ask("PUT", "/api/set?key=k", &large[1..]).status, 204);
}

#[test]
fn a_load_that_takes_too_long_is_a_time_out() {
    let node = Server::start(FRONTEND, &["--load-timeout", "1"]);
    assert_eq!(node.get("/api/get?key=slow:60000:x").status, 504);
}

#[test]
fn paths_and_methods_that_are_not_known_are_refused() {
    let node = Server::start(FRONTEND, &[]);
    assert_eq!(node.get("/api/health").status, 200);
    assert_eq!(node.get("/api/get").status, 400);
    assert_eq!(node.get("/api/nothing").status, 404);
    assert_eq!(node.get("/nothing").status, 404);
    assert_eq!(node.ask("POST", "/api/get?key=k", "").status, 405);
    assert_eq!(node.ask("PUT", "/api/peers", "[1]").status, 400);
    assert_eq!(node.ask("PUT", "/api/peers", "[\"nonsense\"]").status, 400);
}

#[test]
fn peers_can_be_changed_while_it_runs_and_share_their_keys() {
    let nodes = frontends(3, &["--protocol", "golang"]);
    let urls: Vec<String> = nodes.iter().map(Server::url).collect();
    for node in &nodes {
        assert_eq!(node.json("/api/peers"), serde_json::json!(urls));
    }
    let members = urls.join(",");
    let keys = ["one", "two", "three", "four"];
    let owner = ["--protocol", "golang", "--members", &members];
    let owners = pipe(OWNER, &owner, &keys.join("\n"));
    assert_eq!(owners.lines().count(), keys.len());
    let base64 = "b25l\ndHdv\ndGhyZWU=\nZm91cg==\n";
    let of_base64 = pipe(OWNER, &[&owner[..], &["--base64"]].concat(), base64);
    assert_eq!(of_base64, owners, "the same keys");
    for (key, owner) in keys.into_iter().zip(owners.lines()) {
        let (owners, others): (Vec<&Server>, _) =
            nodes.iter().partition(|node| node.url() == owner);
        // The owner loads the value, whichever node is asked first, and the other nodes get it from
        // the owner.
        let target = format!("/api/get?key={key}");
        assert_eq!(others[0].get(&target).source(), "peer", "{key}");
        assert_eq!(owners[0].get(&target).source(), "main", "{key}");
        assert_eq!(owners[0].get(&target).body, format!("value-of-{key}"));
    }
    let calls: u64 = nodes
        .iter()
        .map(|node| node.json("/api/stats")["getter_calls"].as_u64().unwrap())
        .sum();
    assert_eq!(calls, keys.len() as u64);
}

#[test]
fn a_request_under_way_is_answered_before_it_stops() {
    let mut node = Server::start(FRONTEND, &[]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| node.get("/api/get?key=slow:300:x"));
        while node.json("/api/stats")["getter_calls"] != 1 {
            std::thread::yield_now();
        }
        node.close_stdin();
        assert_eq!(waiting.join().unwrap().body, "value-of-slow:300:x");
    });
    assert!(node.wait().success());
}

#[test]
fn a_value_can_be_set_removed_and_cleared() {
    let node = Server::start(FRONTEND, &[]);
    let get = || node.get("/api/get?key=k");
    let change = |method, target| node.ask(method, target, "mine").status;

    assert_eq!(change("PUT", "/api/set?key=k&ttl=60000"), 204);
    assert_eq!((&*get().body, get().source()), ("mine", "main"));
    assert_eq!(change("DELETE", "/api/remove?key=k"), 204);
    assert_eq!(get().body, "value-of-k");
    assert_eq!(change("PUT", "/api/set?key=k"), 204);
    assert_eq!(change("POST", "/api/clear"), 204);
    assert_eq!(get().source(), "origin");

    assert_eq!(change("PUT", "/api/set?key=k&ttl=soon"), 400);
    assert_eq!(change("PUT", "/api/set"), 400);
    assert_eq!(change("DELETE", "/api/remove?key=%"), 400);
    assert_eq!(change("POST", "/api/remove?key=k"), 405);
}

#[test]
fn a_removal_that_the_protocol_cannot_say_is_refused_with_the_reason() {
    let nodes = frontends(2, &["--protocol", "golang"]);
    let answer = nodes[0].ask("DELETE", "/api/remove?key=k", "");
    assert_eq!(answer.status, 501, "{answer:?}");
    assert!(answer.body.contains("no way to remove"), "{answer:?}");
}
