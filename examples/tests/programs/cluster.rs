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
