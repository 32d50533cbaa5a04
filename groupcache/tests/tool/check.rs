//! What `check` finds, and what it leaves in peace.

use std::sync::{Arc, OnceLock};

use groupcache::{Node, Protocol};
use serde_json::{Value, json};

use crate::common::{Calls, MIB};
use crate::support::{Nodes, Reporter, dead_url, listener, now_ms, tool};

fn found(kind: &str, member: &str) -> (String, String) {
    (kind.to_owned(), member.to_owned())
}

#[tokio::test]
async fn a_cluster_that_agrees_is_well() {
    let nodes = Nodes::start(3).await;
    let ran = tool(&["check", "--node", &nodes.urls[1]]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("3 nodes agree"), "{ran:?}");
    for url in &nodes.urls {
        assert!(ran.out.contains(url), "{ran:?}");
    }
    assert!(
        !ran.out.contains('\u{1b}') && ran.err.is_empty(),
        "no terminal, no colours: {ran:?}"
    );

    let json = tool(&["check", "--json", "--node", &nodes.urls[0]])
        .await
        .json();
    assert_eq!(
        (&json["well"], json["nodes"].as_array().unwrap().len()),
        (&json!(true), 3)
    );
    assert_eq!(json["nodes"][0]["ring"]["members"], 3);
}

#[tokio::test]
async fn every_fault_of_one_cluster_is_found_and_nothing_else() {
    // Three nodes agree that six are members. Of these, one has a ring of its own, one speaks another protocol and one
    // cannot be reached. The last of the three has a wrong clock.
    let (good, wrong_clock) = (Nodes::start(2).await, slow_clock(-3_600_000).await);
    let (other_ring, other_protocol) = (Nodes::start(1).await, other_protocol().await);
    let dead = dead_url().await;
    let clock_url = wrong_clock.url.clone();
    let members = [
        good.urls[0].clone(),
        good.urls[1].clone(),
        clock_url.clone(),
        other_ring.urls[0].clone(),
        other_protocol.urls[0].clone(),
        dead.clone(),
    ];
    for node in good
        .nodes
        .iter()
        .chain(&other_protocol.nodes)
        .chain([&wrong_clock.node])
    {
        node.set_peers(&members).unwrap();
    }
    other_ring.nodes[0]
        .set_peers([&good.urls[0], &other_ring.urls[0]])
        .unwrap();

    let ran = tool(&["check", "--json", "--node", &good.urls[0]]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["well"], false);
    let mut findings = ran.findings();
    findings.sort();
    let mut expected = [
        found("clock", &clock_url),
        found("protocol", &other_protocol.urls[0]),
        found("ring", &other_ring.urls[0]),
        found("unreachable", &dead),
    ];
    expected.sort();
    assert_eq!(findings, expected, "{ran:?}");

    let json = ran.json();
    let all = json["findings"].as_array().unwrap();
    let finding = |kind: &str| all.iter().find(|finding| finding["kind"] == kind).unwrap();
    let text = |kind: &str| finding(kind)["text"].as_str().unwrap().to_owned();
    let mut missing = vec![&good.urls[1], &clock_url, &other_protocol.urls[0], &dead];
    missing.sort();
    assert_eq!(finding("ring")["missing"], json!(missing));
    assert!(text("ring").contains("misses"), "{all:?}");
    assert!(
        text("protocol").contains("golang") && text("protocol").contains("native"),
        "{all:?}"
    );
    assert!(text("clock").contains("-3600.0 s"), "{all:?}");
    assert!(text("unreachable").contains("refused"), "{all:?}");

    // The same as text, from the node that disagrees.
    let ran = tool(&["check", "--node", &other_ring.urls[0]]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("6 nodes, 4 findings"), "{ran:?}");
    for line in [
        format!("clock: {clock_url}: "),
        format!("unreachable: {dead}: "),
    ] {
        assert!(ran.out.contains(&line), "{ran:?}");
    }
}

/// A node whose report is that of another time.
struct SlowClock {
    node: Node,
    url: String,
    _reporter: Reporter,
}

async fn slow_clock(ahead_ms: i64) -> SlowClock {
    let known = Arc::new(OnceLock::<Node>::new());
    let later = Arc::clone(&known);
    let reporter = Reporter::start(move |_, _| {
        let mut report = serde_json::to_value(later.get()?.report()).unwrap();
        let ms = report["unix_ms"].as_u64().unwrap();
        report["unix_ms"] = ms.saturating_add_signed(ahead_ms).into();
        Some(report.to_string())
    })
    .await;
    let url = reporter.member("clock");
    let node = Node::builder(&url).start().await.unwrap();
    known.set(node.clone()).unwrap();
    SlowClock {
        node,
        url,
        _reporter: reporter,
    }
}

async fn other_protocol() -> Nodes {
    Nodes::start_with(1, |_, node| node.protocol(Protocol::Golang)).await
}

/// The report of a member whose ring has these members.
fn report(base: &str, name: &str, members: &[&str]) -> Value {
    let place = |name: &&str| json!({ "id": name, "url": format!("{base}/{name}") });
    let peers: Vec<Value> = members
        .iter()
        .map(|name| json!({ "member": place(name), "health": "well" }))
        .collect();
    json!({
        "member": place(&name),
        "protocol": "native",
        "version": "0.1.0",
        "uptime": 1.5,
        "unix_ms": now_ms(),
        "ring": { "fingerprint": members.concat(), "hash": "xxh3", "replicas": 2048, "peers": peers },
    })
}

#[tokio::test]
async fn an_hour_on_this_machine_alone_is_a_note() {
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        report["unix_ms"] = (now_ms() + 3_600_000).into();
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("note: the clock of this machine differs"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn the_limit_of_a_clock_can_be_set() {
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        let ahead = if name == "b" { 60_000 } else { 0 };
        report["unix_ms"] = (now_ms() + ahead).into();
        Some(report.to_string())
    })
    .await;
    let start = reporter.member("a");
    let ran = tool(&["check", "--json", "--node", &start]).await;
    assert_eq!((ran.code, ran.findings()), (1, vec![found("clock", "b")]));
    let ran = tool(&["check", "--max-skew", "2m", "--node", &start]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test]
async fn who_is_missed_by_whom_is_told_on_both_sides() {
    // `c` has yet to hear of `b`, and has a member that nobody else has.
    let reporter = Reporter::start(|base, name| {
        let members = if name == "c" {
            ["a", "c", "d"]
        } else {
            ["a", "b", "c"]
        };
        (name != "d").then(|| report(base, name, &members).to_string())
    })
    .await;
    let ran = tool(&["check", "--node", &reporter.member("c")]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let line = "ring: c: its ring misses b; its ring has d, which most rings do not have";
    assert!(ran.out.contains(line), "{ran:?}");
    assert!(ran.out.contains("no-report: d: answered 404"), "{ran:?}");
    assert!(ran.out.contains("one node has it as a member"), "{ran:?}");
}

#[tokio::test]
async fn a_member_at_another_address_and_one_in_whose_place_another_answers_are_found() {
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        match name {
            "c" => report["ring"]["peers"][0]["member"]["url"] = format!("{base}/old").into(),
            // The address of `a`, which another member has now.
            "old" => report["member"]["id"] = "z".into(),
            _ => {}
        }
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--json", "--node", &reporter.member("b")]).await;
    assert_eq!(
        ran.findings(),
        [found("identity", "a"), found("url", "c")],
        "{ran:?}"
    );
}

#[tokio::test]
async fn other_versions_are_a_note_and_other_labels_a_finding() {
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        report["cluster"] = if name == "b" { "test" } else { "live" }.into();
        report["version"] = if name == "c" { "0.0.9" } else { "0.1.0" }.into();
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--json", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.findings(), [found("cluster", "b")], "{ran:?}");
    assert_eq!(
        ran.json()["notes"],
        json!(["versions differ: 0.0.9 (1 node), 0.1.0 (2 nodes)"])
    );
}

#[tokio::test]
async fn a_member_that_only_its_peers_do_not_reach_is_found() {
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        if name != "c" {
            report["ring"]["peers"][2]["health"] = "left-alone".into();
        }
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--json", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.findings(), [found("no-answer", "c")], "{ran:?}");
    assert!(ran.out.contains("it gives no values to a, b"), "{ran:?}");
}

#[tokio::test]
async fn the_ring_of_a_group_with_members_of_its_own_is_compared_too() {
    let nodes = Nodes::start(3).await;
    for (n, node) in nodes.nodes.iter().enumerate() {
        let group = node.group("own", MIB, Calls::default().echo());
        group.peers(&nodes.urls[..=n.min(1)]).build().unwrap();
    }
    let ran = tool(&["check", "--json", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let odd: Vec<_> = ran.findings();
    assert!(
        odd.iter().all(|(kind, _)| kind == "ring") && !odd.is_empty(),
        "{ran:?}"
    );
    assert!(
        ran.out.contains(r#"its ring of the group \"own\""#),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_kind_of_finding_stands_once_in_a_row_however_many_rings_have_it() {
    // `c` has a member at another URL on its own ring and on that of `h`. The ring of `g` between them is another one.
    let reporter = Reporter::start(|base, name| {
        let mut report = report(base, name, &["a", "b", "c"]);
        let [mut g, mut h] = [report["ring"].clone(), report["ring"].clone()];
        if name == "c" {
            report["ring"]["peers"][0]["member"]["url"] = format!("{base}/b").into();
            g["fingerprint"] = "other".into();
            h["peers"][1]["member"]["url"] = format!("{base}/a").into();
        }
        report["groups"] = json!([{ "name": "g", "ring": g }, { "name": "h", "ring": h }]);
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--node", &reporter.member("a")]).await;
    assert_eq!(ran.out.matches("url: c: ").count(), 2, "{ran:?}");
    assert!(ran.out.contains("ring: c: "), "{ran:?}");
    assert!(ran.out.contains("┆ ring, url ┆"), "{ran:?}");
}

#[tokio::test]
async fn where_nobody_reports_the_reason_is_told() {
    let dead = dead_url().await;
    let ran = tool(&["check", "--node", &dead]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains(&dead) && ran.err.contains("refused"),
        "{ran:?}"
    );

    // It listens, and never answers.
    let (_listener, silent) = listener().await;
    let ran = tool(&["check", "--json", "--timeout", "100ms", "--node", &silent]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.json()["error"]
            .as_str()
            .unwrap()
            .contains("within 100ms"),
        "{ran:?}"
    );

    // It is a node, but does not show its report.
    let (listener, url) = listener().await;
    let node = Node::builder(&url)
        .listener(listener)
        .start()
        .await
        .unwrap();
    let ran = tool(&["check", "--node", &url]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("404"), "{ran:?}");
    drop(node);
}

#[tokio::test]
async fn a_start_that_is_down_does_not_matter_beside_one_that_is_up() {
    let (nodes, dead) = (Nodes::start(2).await, dead_url().await);
    let start = format!("{dead},{}", nodes.urls[0]);
    let ran = tool(&["check", "--json", "--node", &start]).await;
    assert_eq!(ran.findings(), [found("unreachable", &dead)], "{ran:?}");
}

#[tokio::test]
async fn a_thousand_members_are_asked_and_a_limit_is_told() {
    let names: Vec<String> = (0..1000).map(|n| format!("n{n}")).collect();
    let reporter = Reporter::start(move |base, name| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Some(report(base, name, &names).to_string())
    })
    .await;
    let start = reporter.member("n7");
    let ran = tool(&["check", "--json", "--timeout", "60s", "--node", &start]).await;
    assert_eq!(ran.code, 0, "{:?}", ran.err);
    assert_eq!(ran.json()["nodes"].as_array().unwrap().len(), 1000);

    // Nothing is known of those that are left out, so the cluster is not well.
    let limited = [
        "check",
        "--timeout",
        "60s",
        "--max-nodes",
        "3",
        "--node",
        &start,
    ];
    let ran = tool(&limited).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out
            .contains("not-asked: 997 members more were not asked"),
        "{ran:?}"
    );
    assert!(ran.out.contains("3 nodes, 1 finding"), "{ran:?}");
    let ran = tool(&[&limited[..], &["--json"]].concat()).await;
    assert_eq!(ran.findings(), [found("not-asked", "")], "{ran:?}");
}

#[tokio::test]
async fn a_start_that_claims_another_members_identity_does_not_hide_it() {
    // `x` says that it is `b`, which does not answer, or has been started at another time.
    for b_answers in [false, true] {
        let reporter = Reporter::start(move |base, name| {
            if name == "b" && !b_answers {
                return None;
            }
            let own = if name == "x" { "b" } else { name };
            let mut report = report(base, own, &["a", "b"]);
            report["uptime"] = json!(if name == "x" { 5000.0 } else { 1.5 });
            Some(report.to_string())
        })
        .await;
        let start = reporter.member("x");
        let ran = tool(&["check", "--json", "--node", &start]).await;
        let expected = if b_answers {
            found("identity", &start)
        } else {
            found("no-report", "b")
        };
        assert_eq!((ran.code, ran.findings()), (1, vec![expected]), "{ran:?}");
    }
}

#[tokio::test]
async fn a_start_at_another_of_its_addresses_counts_once() {
    let reporter = Reporter::start(|base, name| {
        let own = if name == "x" { "b" } else { name };
        let mut report = report(base, own, &["a", "b"]);
        // One process, and so one start, whenever it is asked.
        report["unix_ms"] = now_ms().into();
        report["uptime"] = (now_ms() as f64 / 1e3).into();
        Some(report.to_string())
    })
    .await;
    let ran = tool(&["check", "--node", &reporter.member("x")]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("2 nodes agree"), "{ran:?}");
}
