//! Scripted answers: compares the recorded result of golang's client with the result of ours. The
//! data is in `testdata`, which is not in the package.

mod support;

use std::time::Duration;

use peers::testing::Network;
use peers::{HttpOptions, Protocol};
use support::{dial, rows};

/// Answers that Go's client accepts and ours does not; the caller then asks another node.
const REFUSED: &[(&str, &str)] = &[
    (
        "ok-gzip",
        "we do not say that we accept gzip, and no server of the family compresses",
    ),
    (
        "pb-unknown-field-3-as-string",
        "a known field of the wrong type is no such message",
    ),
    (
        "pb-value-wrong-wiretype",
        "the same; Go's client takes it for an empty value",
    ),
    (
        "ok-empty-body",
        "every peer writes the value, also an empty one",
    ),
    ("pb-only-expire0", "the same"),
];

/// Whether the row's name is a status that a gateway sends in place of a dead peer. The answers of
/// these rows lack the mark of a peer's error.
fn is_gateways(name: &str) -> bool {
    ["502", "503", "504"]
        .iter()
        .any(|status| name.contains(status))
}

#[tokio::test(start_paused = true)]
async fn our_client_falls_back_where_gos_does() {
    for row in rows("faults.json") {
        let name = row["name"].as_str().unwrap();
        let network = Network::new();
        let options = HttpOptions::default().request_timeout(Duration::from_millis(500));
        let client = dial(&network, Protocol::Golang, options);
        let (result, requests) =
            support::scripted(&network, &*client, Protocol::Golang, &row).await;

        assert_eq!(requests, row["requests"].as_u64().unwrap(), "{name}");
        let refused = REFUSED.iter().any(|(refused, _)| *refused == name)
            || support::lacks_a_peers_marks(&row, Protocol::Golang);
        if row["outcome"] == "peer-value" && !refused {
            let value = result
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .value;
            assert_eq!(value, row["value"].as_str().unwrap(), "{name}");
            continue;
        }
        let error = result.expect_err(name);
        assert!(!error.is_answer(), "{name}: {error}");
        // A status from the peer is no reason to avoid the peer for a while. Every other failure
        // is.
        let is_status = name.starts_with("status-") && !is_gateways(name);
        let is_status = is_status || name.starts_with("redirect-");
        assert_eq!(error.is_transport(), !is_status, "{name}: {error}");
        assert_eq!(
            error.is_timeout(),
            name.starts_with("hang-"),
            "{name}: {error}"
        );
    }
}
