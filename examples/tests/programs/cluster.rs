use std::io::Write;

use serde_json::Value;

use crate::support::{CLUSTER, run};

fn cluster(args: &[&str]) -> Value {
    let output = run(CLUSTER, &[&["--json"], args].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(report: &Value, field: &str) -> u64 {
    report[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} in {report}"))
}

#[test]
fn every_key_is_loaded_once_whatever_the_crowd_does() {
    for protocol in ["native", "golang"] {
        let report = cluster(&[
            "--requests=1500",
            "--keys=200",
            "--delay=20",
            "--stampede=90",
            "--protocol",
            protocol,
        ]);
        assert_eq!(number(&report, "errors"), 0, "{report}");
        assert_eq!(number(&report, "requests"), 1590);
        assert_eq!(number(&report, "nodes"), 3);
        assert_eq!(
            number(&report, "db_loads"),
            number(&report, "distinct_keys"),
            "{report}"
        );
        assert!(
            (2..=201).contains(&number(&report, "distinct_keys")),
            "{report}"
        );
        assert_eq!(report["stampede"]["db_loads"], 1, "{report}");
        assert!(number(&report, "p50_us") <= number(&report, "p99_us"));

        let hits = report["hits"].as_object().unwrap();
        let sum: u64 = hits.values().map(|hits| hits.as_u64().unwrap()).sum();
        assert_eq!(sum, 1590, "{report}");

        let nodes = report["per_node"].as_array().unwrap();
        let calls: u64 = nodes.iter().map(|node| number(node, "getter_calls")).sum();
        assert_eq!(calls, number(&report, "db_loads"), "{report}");
    }
}

#[test]
fn no_request_fails_when_a_node_is_killed_and_comes_back() {
    let report = cluster(&["--requests=6000", "--keys=100", "--delay=5", "--chaos"]);
    assert_eq!(number(&report, "errors"), 0, "{report}");
    assert_eq!(report["chaos"], true);
    assert!(
        number(&report, "db_loads") >= number(&report, "distinct_keys"),
        "{report}"
    );
    // The node is back: it answers a request for its counters.
    assert!(
        report["per_node"]
            .as_array()
            .unwrap()
            .iter()
            .all(Value::is_object),
        "{report}"
    );
}

/// What came of scenarios, each with its phases.
fn scenarios(args: &[&str]) -> Vec<Value> {
    let load = ["--requests=500", "--keys=300", "--delay=2", "--nodes=3"];
    let report = cluster(&[&load, args].concat());
    report.as_array().unwrap().clone()
}

#[test]
fn no_key_is_loaded_again_when_nodes_join_leave_and_start_again_in_order() {
    let outcomes = scenarios(&["--chaos=join,leave,rolling"]);
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes {
        assert_eq!(number(&outcome, "errors"), 0, "{outcome}");
        // A request may be on its way to a node that takes a key over.
        assert!(number(&outcome, "db_loads") <= 300 / 50, "{outcome}");
        let phases = outcome["phases"].as_array().unwrap();
        let names: Vec<_> = phases.iter().map(|phase| &phase["phase"]).collect();
        assert_eq!(names, ["before", "during", "after"]);
        assert!(number(&phases[1], "requests") > 500, "{outcome}");
    }
}

#[test]
fn with_copies_on_standby_a_node_that_dies_or_hangs_loses_little() {
    for outcome in scenarios(&["--chaos=kill,stop", "--standby"]) {
        assert_eq!(number(&outcome, "errors"), 0, "{outcome}");
        let share = 300 / 3;
        assert!(number(&outcome, "db_loads") <= share / 10, "{outcome}");
    }
}

#[test]
fn nobody_waits_for_a_database_that_is_slow_or_fails_within_the_stale_window() {
    let outcomes = scenarios(&["--chaos=slow-db"]);
    assert_eq!(number(&outcomes[0], "errors"), 0, "{outcomes:?}");
    let during = &outcomes[0]["phases"][1];
    assert!(number(during, "db_loads") > 0, "values expire: {during}");
}

#[test]
fn a_herd_at_an_expiring_key_costs_one_load() {
    for outcome in scenarios(&["--chaos=herd,herd-waits", "--herd=200"]) {
        let phases = outcome["phases"].as_array().unwrap();
        let loads: Vec<_> = phases.iter().map(|p| number(p, "db_loads")).collect();
        assert_eq!(loads, [0, 1, 0], "{outcome}");
        assert_eq!(number(&phases[1], "requests"), 200);
        let waits = outcome["scenario"] == "herd-waits";
        let longest = number(&phases[1], "longest_us");
        assert_eq!(longest > 4_000_000, waits, "{outcome}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_flooded_node_holds_little_and_serves_its_peers() {
    let outcomes = scenarios(&["--chaos=flood", "--flood-connections=1000"]);
    let outcome = &outcomes[0];
    assert_eq!(number(outcome, "errors"), 0, "{outcome}");
    assert!(number(outcome, "db_loads") <= 10, "{outcome}");
    let (tried, most_open) = (
        number(&outcome["flood"], "tried"),
        number(&outcome["flood"], "most_open"),
    );
    assert!(most_open > 500 && most_open <= tried, "{outcome}");
    let memory = &outcome["flood"]["resident_bytes"];
    let growth = memory[1].as_u64().unwrap() - memory[0].as_u64().unwrap();
    assert!(growth < 300 << 20, "{outcome}");
}

#[test]
fn no_request_fails_when_a_node_is_cut_off_from_the_others() {
    // Many keys that are all as popular: hardly any have mirrors.
    let load = ["--requests=500", "--keys=5000", "--zipf=0", "--delay=2"];
    let args = [&load[..], &["--chaos=partition", "--json"]].concat();
    let output = run(CLUSTER, &args);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("SKIPPED") {
        // Not by a macro, whose output the test harness would keep back.
        let _ = std::io::stderr().write_all(said.as_bytes());
        return;
    }
    let outcomes: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(number(&outcomes[0], "errors"), 0, "{outcomes}");
    // Each side loads what the other one has.
    let loads = number(&outcomes[0]["phases"][1], "db_loads");
    assert!((1..=5500).contains(&loads), "{outcomes}");
}

#[test]
fn a_skipped_scenario_is_no_failure() {
    let mut command = std::process::Command::new(CLUSTER);
    // Nothing that makes a network is found.
    let output = command
        .args(["--json", "--chaos=partition"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"[]\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("!!! SKIPPED: partition"), "{said}");
}

#[test]
fn without_go_there_is_no_golang_cluster() {
    let mut command = std::process::Command::new(CLUSTER);
    let command = command.args(["--chaos=kill", "--golang"]).env("PATH", "");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Go is needed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_soak_tells_what_each_node_holds() {
    let report = cluster(&["--soak=6", "--keys=300", "--delay=2", "--concurrency=8"]);
    assert_eq!(number(&report, "errors"), 0, "{report}");
    let nodes = report["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        for quantity in ["resident_bytes", "descriptors", "threads", "tasks"] {
            let samples = node[quantity]["samples"].as_array().unwrap();
            assert!(samples.len() >= 2, "{report}");
            let all_are_something = samples.iter().all(|n| n.as_u64().unwrap() > 0);
            assert!(all_are_something, "{quantity} in {report}");
        }
    }
}

#[test]
fn the_table_ends_with_the_verdict() {
    let output = run(
        CLUSTER,
        &["--requests=300", "--keys=50", "--delay=5", "--stampede=9"],
    );
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let verdict = text.trim_end().lines().last().unwrap();
    assert!(verdict.starts_with("309 requests served, "), "{text}");
    assert!(
        verdict.ends_with(": every value was loaded exactly once."),
        "{text}"
    );
}
