//! The service as a process.

use std::process::Command;

use serde_json::json;

use crate::support::{SERVICE, Server, signal};

fn start(file: &tempfile::TempDir, args: &[&str]) -> Server {
    let mut command = Command::new(SERVICE);
    command.env("SERVICE_DATABASE", file.path().join("test.sqlite"));
    Server::start_with(&mut command, args)
}

fn put(server: &Server, target: &str, value: &serde_json::Value) {
    let answer = server.send("PUT", target, "application/json", &value.to_string());
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[test]
fn two_nodes_share_their_values_and_a_write_reaches_both() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(&folder, &[]);
    // The first node does not know the second, and needs not: it only answers.
    let second = start(&folder, &["--peers", &first.url()]);
    let keys: Vec<String> = (0..20).map(|id| format!("/products/{id}")).collect();
    for (price, key) in (100..).zip(&keys) {
        put(
            &second,
            key,
            &json!({ "name": "tea", "price_cents": price, "in_stock": 1 }),
        );
        let answer = second.get(key);
        assert!(["origin", "peer"].contains(&answer.source()), "{answer:?}");
        assert_eq!(first.get(key).body, answer.body);
        put(
            &second,
            key,
            &json!({ "name": "tea", "price_cents": 1, "in_stock": 1 }),
        );
        assert!(first.get(key).body.contains("\"price_cents\":1,"), "{key}");
    }
    let stats = second.json("/stats");
    assert_eq!(stats["members"].as_array().unwrap().len(), 2);
    let products = &stats["groups"]["products"];
    assert_eq!(products["gets"], 20);
    assert!(products["fetched"].as_u64().unwrap() > 0, "{stats}");
}

#[test]
fn nodes_that_a_file_names_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let members = folder.path().join("members");
    let write = |lines: &[String]| std::fs::write(&members, lines.join("\n")).unwrap();
    // Nobody is there, and the nodes start all the same.
    write(&["http://127.0.0.1:1".to_owned()]);
    let source = format!("file:{}", members.display());
    let nodes = [(); 3].map(|()| start(&folder, &["--discover", &source]));
    let urls = nodes.each_ref().map(Server::url);
    write(&urls);
    let sorted = |members: &serde_json::Value| {
        let members = members.as_array().unwrap().iter();
        let mut members: Vec<String> = members
            .map(|url| url.as_str().unwrap().to_owned())
            .collect();
        members.sort_unstable();
        members
    };
    for node in &nodes {
        while sorted(&node.json("/stats")["members"]) != sorted(&json!(urls)) {
            std::thread::yield_now();
        }
    }
    put(&nodes[0], "/config/greeting", &json!("hello"));
    let loads = nodes.iter().map(|node| {
        assert_eq!(node.get("/config/greeting").body, "\"hello\"");
        let stats = node.json("/stats");
        stats["groups"]["config"]["getter_calls"].as_u64().unwrap()
    });
    assert_eq!(loads.collect::<Vec<_>>().iter().sum::<u64>(), 1);
}

#[test]
#[cfg(unix)]
fn on_sigterm_it_is_not_ready_answers_on_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(&folder, &["--drain", "600000"]);
    put(&server, "/config/greeting", &json!("hello"));
    assert_eq!(server.get("/readyz").status, 200);
    signal(&server, "-TERM");
    while server.get("/readyz").status == 200 {
        std::thread::yield_now();
    }
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/config/greeting").body, "\"hello\"");
    server.kill();

    let mut server = start(&folder, &["--drain", "0"]);
    assert_eq!(server.get("/config/greeting").body, "\"hello\"");
    signal(&server, "-TERM");
    assert!(server.wait().success());
}

#[test]
fn nodes_that_start_together_share_one_new_database() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(start(&folder, &[]).get("/readyz").status, 200));
        }
    });
}
