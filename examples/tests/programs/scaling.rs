use serde_json::Value;

use crate::support::{SCALING, run};

/// Small enough for a build without optimization.
const SMALL: [&str; 3] = ["--nodes=10,60", "--gets=150", "--keys-per-node=100"];

fn scaling(args: &[&str]) -> String {
    let output = run(SCALING, &[&SMALL, args].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn rows(args: &[&str]) -> Vec<Value> {
    let report: Value = serde_json::from_str(&scaling(&[&["--json"], args].concat())).unwrap();
    report["rows"].as_array().unwrap().clone()
}

/// The row of a cluster's phase.
fn row(rows: &[Value], nodes: u64, mirrors: bool, phase: &str) -> Value {
    let is_it =
        |row: &&Value| row["nodes"] == nodes && row["mirrors"] == mirrors && row["phase"] == phase;
    rows.iter().find(is_it).unwrap().clone()
}

fn figure(row: &Value, field: &str) -> f64 {
    row[field]
        .as_f64()
        .unwrap_or_else(|| panic!("{field} in {row}"))
}

#[test]
fn the_same_seed_gives_the_same_table_and_another_seed_another() {
    let table = scaling(&["--seed=3"]);
    assert_eq!(table, scaling(&["--seed=3"]));
    assert_ne!(table, scaling(&["--seed=4"]));
    assert_eq!(table.lines().count(), 2 + 2 * 2 * 2, "{table}");
}

#[test]
fn mirrors_take_load_off_the_busiest_owner_and_the_network() {
    let rows = rows(&[]);
    for nodes in [10, 60] {
        let without = row(&rows, nodes, false, "steady");
        let with = row(&rows, nodes, true, "steady");
        for field in ["busiest_share", "load_max_to_mean", "fetches_per_get"] {
            assert!(figure(&with, field) < figure(&without, field), "{rows:?}");
        }
        // Who loads a key does not depend on mirrors.
        assert_eq!(with["db_loads"], without["db_loads"], "{rows:?}");
    }
}

#[test]
fn a_key_is_loaded_again_only_when_its_owner_has_restarted() {
    let rows = rows(&[]);
    for nodes in [10, 60] {
        for mirrors in [false, true] {
            let steady = row(&rows, nodes, mirrors, "steady");
            assert_eq!(steady["repeated_db_loads"], 0, "{rows:?}");
            let restart = row(&rows, nodes, mirrors, "restart");
            assert!(figure(&restart, "repeated_db_loads") > 0.0, "{rows:?}");
            assert!(
                figure(&restart, "db_loads") < figure(&restart, "gets") / 2.0,
                "{rows:?}"
            );
        }
    }
}

#[test]
fn each_node_dials_each_other_node_once_and_never_itself() {
    for row in rows(&[]) {
        let nodes = figure(&row, "nodes");
        assert!(figure(&row, "connections_per_node") <= nodes - 1.0, "{row}");
        if nodes == 10.0 {
            // So few nodes all need one another.
            assert_eq!(row["connections"], 90, "{row}");
        }
    }
}

#[test]
fn no_node_owns_twice_its_share_of_the_keys() {
    for row in rows(&[]) {
        assert!(
            (1.0..2.0).contains(&figure(&row, "keys_max_to_mean")),
            "{row}"
        );
    }
}
