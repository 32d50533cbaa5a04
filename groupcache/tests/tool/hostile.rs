//! Peers that lie, stall and shout.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Reporter, listener, tool};

const ORDERS: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";

fn hostile(base: &str, name: &str) -> Value {
    let member =
        |name: &str| json!({ "id": format!("{name}{ORDERS}"), "url": format!("{base}/{name}") });
    json!({
        "member": member(name),
        "protocol": ORDERS,
        "version": ORDERS,
        "cluster": format!("{name}{ORDERS}"),
        "unix_ms": if name == "a" { 0 } else { u64::MAX },
        "uptime": 1e300,
        "ring": {
            "fingerprint": format!("{name}{ORDERS}"),
            "hash": ORDERS,
            "replicas": u32::MAX,
            "peers": [
                { "member": member("a"), "share": -1e308, "health": "left-alone" },
                { "member": { "id": ORDERS, "url": ORDERS }, "health": ORDERS },
                { "member": member("b"), "health": "failing" },
            ],
        },
        "groups": [{
            "name": ORDERS,
            "stats": { "gets": u64::MAX, "main_hits": u64::MAX, "hot_hits": u64::MAX },
            "usage": { "bytes": u64::MAX, "budget": 1 },
            "hot_keys": [{ "key": format!("{ORDERS}\n{}", "x".repeat(100_000)), "per_minute": 1e308, "is_own": true }],
        }],
    })
}

fn is_harmless(text: &str) -> bool {
    text.chars()
        .all(|char| char == '\n' || !char.is_control() && char != '\u{202e}')
}

#[tokio::test]
async fn no_command_passes_escape_sequences_on() {
    let reporter = Reporter::start(|base, name| Some(hostile(base, name).to_string())).await;
    let start = reporter.member("a");
    for command in [
        &["check"][..],
        &["check", "--json"],
        &["stats"],
        &["stats", "--by-group"],
        &["stats", "--json"],
        &["top", "--count", "2", "--every", "100ms"],
        &["top", "--count", "2", "--every", "100ms", "--json"],
        &["owner", "k"],
        &["get", "k"],
        &["get", "k", "--json"],
    ] {
        let args = [command, &["--node", &start]].concat();
        let ran = tool(&args).await;
        assert!((0..=2).contains(&ran.code), "{command:?}: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{command:?}: {}", ran.err);
        assert!(
            is_harmless(&ran.out) && is_harmless(&ran.err),
            "{command:?}: {ran:?}"
        );
        assert!(
            ran.out.len() + ran.err.len() > 10,
            "{command:?} says something: {ran:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_report_is_told_and_the_others_are_read() {
    for (answer, reason) in [
        ("", "no report"),
        ("[]", "no report"),
        ("{}", "names no member"),
        (r#"{"member": 7}"#, "no report"),
        ("<html>", "no report"),
        (
            r#"{"member": {"id": "b", "url": "x"}, "ring": {"peers": [{}, 7]}}"#,
            "no report",
        ),
    ] {
        let reporter = Reporter::start(move |base, name| {
            if name == "b" {
                return Some(answer.to_owned());
            }
            let member = |name: &str| json!({ "id": name, "url": format!("{base}/{name}") });
            let peers = json!([{ "member": member("a") }, { "member": member("b") }]);
            let ring = json!({ "fingerprint": "1", "peers": peers });
            Some(json!({ "member": member("a"), "ring": ring }).to_string())
        })
        .await;
        let ran = tool(&["check", "--json", "--node", &reporter.member("a")]).await;
        assert_eq!(
            ran.findings(),
            [("unreadable".to_owned(), "b".to_owned())],
            "{answer}: {ran:?}"
        );
        assert!(ran.out.contains(reason), "{answer}: {ran:?}");
    }
}

#[tokio::test]
async fn a_report_without_an_end_is_cut_off() {
    let (listener, url) = listener().await;
    let endless = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            _ = stream.read(&mut head).await;
            let mut more = b"HTTP/1.1 200 OK\r\n\r\n{\"member\": \"".to_vec();
            while stream.write_all(&more).await.is_ok() {
                more = vec![b'x'; 1 << 16];
            }
        }
    });
    let args = [
        "check",
        "--max-report-bytes",
        "1000000",
        "--timeout",
        "60s",
        "--node",
        &url,
    ];
    let ran = tool(&args).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("limit of 1000000 bytes"), "{ran:?}");
    endless.abort();
}

#[tokio::test]
async fn lists_that_grow_in_memory_are_refused() {
    let peers = vec!["{}"; 10_001].join(",");
    let reporter = Reporter::start(move |_, _| {
        let member = r#"{"id": "a", "url": "http://a"}"#;
        Some(format!(
            r#"{{"member": {member}, "ring": {{"peers": [{peers}]}}}}"#
        ))
    })
    .await;
    let ran = tool(&["check", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("more than 10000 peers of a ring"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn deep_json_does_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    let reporter = Reporter::start(move |_, _| Some(format!(r#"{{"unknown": {deep}"#))).await;
    let ran = tool(&["check", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("no report"), "{ran:?}");
}
