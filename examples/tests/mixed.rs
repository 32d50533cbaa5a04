//! A Go service and a node of ours in one cluster, by the program `mixed`. `.ci/run interop` runs it, as it needs Go.

use std::process::Command;

#[test]
fn each_key_has_one_owner_whichever_service_is_asked() {
    let output = Command::new(env!("CARGO_BIN_EXE_mixed"))
        .args(["--keys", "40"])
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    // The program has checked the rest.
    let rows_of = |maker: &str| {
        let rows = stdout.lines().filter(|line| line.starts_with("| user-"));
        rows.filter(|row| row.matches(maker).count() == 2).count()
    };
    let (of_go, of_ours) = (rows_of("says Go"), rows_of("says Rust"));
    assert_eq!(of_go + of_ours, 40, "{stdout}");
    assert!(of_go > 0 && of_ours > 0, "{stdout}");
}
