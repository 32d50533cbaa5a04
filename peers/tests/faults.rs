//! Scripted answers, and what golang's client made of each, beside what ours makes of it. The data
//! is in `testdata`, which is not in the package.

mod support;

use std::time::Duration;

use peers::testing::Network;
use peers::{HttpOptions, PeerClient, Protocol};
use serde_json::Value;
use support::{Raw, answer, dial, get, hex, rows};

/// Answers that Go's client accepts and ours does not; the caller then asks somebody else.
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
];

#[tokio::test(start_paused = true)]
async fn our_client_falls_back_where_gos_does() {
    for row in rows("faults.json") {
        let name = row["name"].as_str().unwrap();
        let network = Network::new();
        let options = HttpOptions::default().request_timeout(Duration::from_millis(500));
        let client = dial(&network, Protocol::Golang, options);
        let (result, requests) = scripted(&network, &*client, &row).await;

        assert_eq!(requests, row["requests"].as_u64().unwrap(), "{name}");
        let refused = REFUSED.iter().any(|(refused, _)| *refused == name);
        if row["outcome"] == "peer-value" && !refused {
            let value = result
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .value;
            assert_eq!(value, row["value"].as_str().unwrap(), "{name}");
            continue;
        }
        let error = result.expect_err(name);
        assert!(!error.is_answer(), "{name}: {error}");
        // A status is no reason to leave the peer alone for a while; everything else is.
        let is_status = name.starts_with("status-") || name.starts_with("redirect-");
        assert_eq!(error.is_transport(), !is_status, "{name}: {error}");
        assert_eq!(
            error.is_timeout(),
            name.starts_with("hang-"),
            "{name}: {error}"
        );
    }
}

/// Asks once while a peer answers by the script. Also says how many requests it saw.
async fn scripted(
    network: &Network,
    client: &dyn PeerClient,
    row: &Value,
) -> (Result<peers::Reply, peers::Error>, u64) {
    let name = row["name"].as_str().unwrap();
    if name == "connection-refused" {
        return (client.get(get(b"k")).await, 0);
    }
    let mut listener = network.listen(support::SERVER).unwrap();
    let mut requests = 0;
    let peer = async {
        let mut first = Raw::accept(&mut listener).await;
        if name.starts_with("prime:") {
            first.receive().await.unwrap();
            first.send(answer(b"\x0a\x00")).await;
        }
        let mut next = Some(first);
        loop {
            let mut raw = match next.take() {
                Some(raw) => raw,
                None => Raw::accept(&mut listener).await,
            };
            raw.receive().await.unwrap();
            requests += 1;
            for step in steps(&row["scripted_response_hex"]) {
                match step {
                    Step::Send(bytes) => raw.send(bytes).await,
                    Step::Wait(seconds) => tokio::time::sleep(seconds).await,
                }
            }
            match row["then"].as_str().unwrap() {
                // A reset looks the same from here; connections.rs has one on a real socket.
                "close" | "reset" => drop(raw),
                _ => std::future::pending().await,
            }
        }
    };
    let asking = async {
        if name.starts_with("prime:") {
            client.get(get(b"k")).await.unwrap();
        }
        client.get(get(b"k")).await
    };
    let result = tokio::select! {
        result = asking => result,
        () = peer => unreachable!("the peer answers for ever"),
    };
    (result, requests)
}

enum Step {
    Send(Vec<u8>),
    Wait(Duration),
}

/// One text, or a list of texts and pauses in seconds.
fn steps(script: &Value) -> Vec<Step> {
    match script {
        Value::Array(steps) => steps.iter().flat_map(self::steps).collect(),
        Value::Number(seconds) => vec![Step::Wait(Duration::from_secs_f64(
            seconds.as_f64().unwrap(),
        ))],
        text => vec![Step::Send(hex(text))],
    }
}
