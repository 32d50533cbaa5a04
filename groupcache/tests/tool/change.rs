//! `get`, `set` and `remove` do what a node does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use groupcache::{Always, Protocol, Source};
use serde_json::json;

use crate::support::{Nodes, dead_url, tool, tool_with};

#[tokio::test]
async fn a_get_is_answered_by_the_owner_and_loaded_once() {
    let nodes = Nodes::start(3).await;
    for owner in 0..3 {
        let key = nodes.key_of(owner);
        let ran = tool(&["get", &key, "--node", &nodes.urls[0]]).await;
        assert_eq!(
            (ran.code, ran.out),
            (0, format!("value of {key}")),
            "{}",
            ran.err
        );
        let entry = nodes.groups[owner].entry(&key).await.unwrap();
        assert_eq!(entry.source(), Source::Main, "the owner has it");
    }
    assert_eq!(nodes.calls.count(), 3);

    let key = nodes.key_of(1);
    let json = tool(&["get", &key, "--json", "--node", &nodes.urls[0]])
        .await
        .json();
    assert_eq!(json["value"], format!("value of {key}"));
    assert_eq!((&json["key"], &json["group"]), (&json!(key), &json!("g")));
    assert!(json["ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn a_set_reaches_the_owner_and_all_others_forget() {
    for protocol in [Protocol::Native, Protocol::Mailgun, Protocol::GroupcacheGo] {
        let nodes = Nodes::start_with(3, |_, node| node.protocol(protocol)).await;
        let key = nodes.key_of(1);
        for group in &nodes.groups {
            group.get(&key).await.unwrap();
        }
        let ran = tool(&["set", &key, "new", "--ttl", "1h", "--node", &nodes.urls[0]]).await;
        assert_eq!(ran.code, 0, "{protocol}: {ran:?}");
        for group in &nodes.groups {
            assert_eq!(group.get(&key).await.unwrap(), "new", "{protocol}");
        }
        let entry = nodes.groups[1].entry(&key).await.unwrap();
        assert_eq!(entry.source(), Source::Main, "{protocol}");
        assert!(entry.fresh_until().is_some(), "{protocol}");
        assert_eq!(nodes.calls.count(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_removal_takes_mirrors_away_too() {
    let nodes = Nodes::start(3).await;
    let mirrored = nodes.nodes.iter().map(|node| {
        let group = node.group("hot", crate::common::MIB, nodes.calls.echo());
        group.promoter(Always).build().unwrap()
    });
    let mirrored: Vec<_> = mirrored.collect();
    let keys: Vec<String> = (0..3).map(|owner| nodes.key_of(owner)).collect();
    for (key, group) in keys
        .iter()
        .flat_map(|key| mirrored.iter().map(move |group| (key, group)))
    {
        group.get(key).await.unwrap();
    }
    let loads = nodes.calls.count();
    assert!(
        mirrored.iter().all(|group| group.stats().entries == 3),
        "all have mirrors"
    );

    let peers = nodes.urls.join(",");
    let stdin = format!("{}\r\n{}\n", keys[1], keys[2]);
    let args = [
        "remove",
        &keys[0],
        "--keys-from",
        "-",
        "--group",
        "hot",
        "--peers",
        &peers,
        "--json",
    ];
    let ran = tool_with(&args, stdin.as_bytes()).await;
    assert_eq!(
        (ran.code, ran.json()),
        (0, json!({ "removed": 3, "group": "hot" })),
        "{}",
        ran.err
    );
    assert!(mirrored.iter().all(|group| group.stats().entries == 0));
    for key in &keys {
        mirrored[0].get(key).await.unwrap();
    }
    assert_eq!(nodes.calls.count(), loads + 3);
}

#[tokio::test]
async fn thousands_of_keys_are_removed_in_batches() {
    let nodes = Nodes::start(2).await;
    let keys: Vec<String> = (0..2500).map(|n| format!("key-{n}")).collect();
    for outcome in nodes.groups[0].get_many(&keys).await {
        outcome.unwrap();
    }
    let args = [
        "remove",
        "--keys-from",
        "-",
        "--json",
        "--node",
        &nodes.urls[0],
    ];
    let ran = tool_with(&args, keys.join("\n").as_bytes()).await;
    assert_eq!(
        (ran.code, &ran.json()["removed"]),
        (0, &json!(2500)),
        "{}",
        ran.err
    );
    assert!(nodes.groups.iter().all(|group| group.stats().entries == 0));
}

#[tokio::test]
async fn keys_and_values_may_be_any_bytes() {
    let nodes = Nodes::start(2).await;
    let (key, value) = (&b"\xff\0\x1b[31m"[..], &b"\0\xfe\n"[..]);
    let encoded = STANDARD.encode(key);
    let args = [
        "set",
        &encoded,
        "--key-base64",
        "--value-from",
        "-",
        "--node",
        &nodes.urls[0],
    ];
    let ran = tool_with(&args, value).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(nodes.groups[1].get(key).await.unwrap(), value);

    let ran = tool(&["get", &encoded, "--key-base64", "--node", &nodes.urls[0]]).await;
    assert_eq!((ran.code, &*ran.bytes), (0, value), "{}", ran.err);
    let ran = tool(&[
        "get",
        &encoded,
        "--key-base64",
        "--json",
        "--node",
        &nodes.urls[0],
    ])
    .await;
    let json = ran.json();
    assert_eq!(json["key_base64"], encoded);
    assert_eq!(json["value_base64"], STANDARD.encode(value));

    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let raw = std::ffi::OsStr::from_bytes(b"\xff");
        let ran = tokio::process::Command::new(env!("CARGO_BIN_EXE_groupcache"))
            .args(["get", "--node", &nodes.urls[0]])
            .arg(raw)
            .output()
            .await
            .unwrap();
        assert!(ran.status.success());
        assert!(nodes.groups.iter().any(|group| group.contains(b"\xff")));
    }
}

#[tokio::test]
async fn a_peek_has_nobody_load() {
    let nodes = Nodes::start(2).await;
    let key = nodes.key_of(1);
    let ran = tool(&["get", &key, "--peek", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("not found"), "{ran:?}");
    assert_eq!(nodes.calls.count(), 0);

    nodes.groups[1].get(&key).await.unwrap();
    for (member, code) in [(1, 0), (0, 1)] {
        let args = [
            "get",
            &key,
            "--peek",
            "--at",
            &nodes.urls[member],
            "--node",
            &nodes.urls[0],
        ];
        assert_eq!(tool(&args).await.code, code, "at {member}");
    }
    assert_eq!(nodes.calls.count(), 1);
    let ran = tool(&[
        "get",
        &key,
        "--peek",
        "--at",
        "nobody",
        "--node",
        &nodes.urls[0],
    ])
    .await;
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[tokio::test]
async fn members_that_do_not_take_a_change_are_named() {
    let (nodes, dead) = (Nodes::start(2).await, dead_url().await);
    let peers = format!("{},{dead}", nodes.urls.join(","));
    for node in &nodes.nodes {
        node.set_peers(peers.split(',')).unwrap();
    }
    let ran = tool(&["remove", "k", "--group", "g", "--peers", &peers]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("1 of 3 members") && ran.err.contains(&dead),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_bad_line_after_others_does_not_hide_what_was_done() {
    let (nodes, dead) = (Nodes::start(2).await, dead_url().await);
    let line = format!("{}\n", STANDARD.encode("k"));
    let stdin = format!("{}?\n", line.repeat(1000));
    let all = nodes.urls.join(",");
    let with_dead = format!("{all},{dead}");
    for (peers, removed) in [(&all, 1000), (&with_dead, 0)] {
        let args = [
            "remove",
            "--key-base64",
            "--keys-from",
            "-",
            "--group",
            "g",
            "--json",
            "--peers",
            peers,
        ];
        let ran = tool_with(&args, stdin.as_bytes()).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.json()["removed"], removed, "{ran:?}");
        let told = format!("{removed} keys were removed, and then: the key");
        assert!(ran.err.contains(&told), "{ran:?}");
        assert_eq!(ran.err.contains(&dead), removed == 0, "{ran:?}");

        // Without a line before it, nothing was begun.
        let ran = tool_with(&args, b"?\n").await;
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}

#[tokio::test]
async fn errors_are_told_with_their_reason() {
    let nodes = Nodes::start(1).await;
    let ran = tool(&["get", "k", "--group", "nope", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("nope"), "{ran:?}");

    let dead = dead_url().await;
    let ran = tool(&["get", "k", "--group", "g", "--peers", &dead]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("no member has answered") && ran.err.contains(&dead),
        "{ran:?}"
    );

    let golang = [
        "remove",
        "k",
        "--group",
        "g",
        "--protocol",
        "golang",
        "--peers",
        &nodes.urls[0],
    ];
    let ran = tool(&golang).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no way to remove"), "{ran:?}");

    let ran = tool(&["get", "k", "--json", "--peers", &nodes.urls[0]]).await;
    assert_eq!(
        (ran.code, &ran.json()["error"]),
        (2, &json!("--group is needed"))
    );
}
