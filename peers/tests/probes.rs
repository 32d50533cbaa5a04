//! Raw requests, good and malformed: compares the recorded answers of golang's server with ours.
//! The data is in `testdata`, which is not in the package.

mod support;

use std::time::Duration;

use peers::testing::{FakePeer, Network};
use peers::{Error, GetRequest, HttpOptions, Protocol, Reply};
use support::{Raw, hex, rows, serve, value};
use tokio::time::timeout;

const RECORDED: &str = "http://127.0.0.1:28019";

const NOT_A_GET: &str = "Go's server takes every method for a GET, even DELETE";
const MUX: &str = "Go's multiplexer cleans paths and redirects; we take keys as they are";

/// The rows in which our answer differs: our status, the beginning of our body, and the reason.
const DIFFERENCES: &[(&str, u16, &str, &str)] = &[
    (
        "get-plus",
        200,
        "\n\x1ahttp://127.0.0.1:28019|a b",
        "golang's clients mean a space by it",
    ),
    (
        "get-bad-percent",
        400,
        "bad request: malformed escape",
        "ours says what is bad",
    ),
    (
        "get-raw-8bit-key",
        400,
        "",
        "a request target is ASCII, or UTF-8 if one must",
    ),
    ("get-raw-space", 400, "", "the same status without a body"),
    (
        "base-without-trailing-slash",
        404,
        "404 page not found",
        MUX,
    ),
    ("empty-group", 404, "no such group: \n", MUX),
    (
        "double-slash-in-path",
        200,
        "\n\x1ahttp://127.0.0.1:28019|/k1",
        MUX,
    ),
    (
        "dot-segment",
        200,
        "\n\x1ehttp://127.0.0.1:28019|../g/k1",
        MUX,
    ),
    (
        "getter-panic",
        500,
        "internal error",
        "Go closes the connection",
    ),
    ("HEAD", 405, "", NOT_A_GET),
    ("HEAD-miss", 405, "", NOT_A_GET),
    ("OPTIONS", 405, "method not allowed", NOT_A_GET),
    ("PATCH", 405, "method not allowed", NOT_A_GET),
    ("POST", 405, "method not allowed", NOT_A_GET),
];

fn getter(request: GetRequest<'_>) -> Result<Reply, Error> {
    if request.group != "g" {
        return Err(Error::no_such_group(request.group));
    }
    let key = String::from_utf8_lossy(request.key);
    match key.split_once(':') {
        Some(("err", _)) => Err(Error::getter(format!(
            "getter error on {RECORDED} for {key:?}"
        ))),
        Some(("nf", _)) => Err(Error::not_found(format!(
            "not found on {RECORDED}: {key:?}"
        ))),
        Some(("panic", _)) => panic!("getter panic for {key}"),
        Some(("size", size)) => {
            let mut bytes = format!("{RECORDED}|{key}|").into_bytes();
            bytes.resize(size.split(':').next().unwrap().parse().unwrap(), b'.');
            Ok(value(&bytes))
        }
        _ => Ok(value(format!("{RECORDED}|{key}").as_bytes())),
    }
}

#[tokio::test(start_paused = true)]
async fn our_server_answers_probes_as_gos_does() {
    let network = Network::new();
    let (_server, peer) = serve(
        &network,
        Protocol::Golang,
        HttpOptions::default(),
        FakePeer::new(getter),
    );
    for row in rows("probes.json") {
        let name = row["name"].as_str().unwrap();
        let sent = hex(&row["request_hex"]);
        let asked_before = peer.asked().len();
        let mut raw = Raw::connect(&network).await;
        raw.send(&sent).await;
        let receiving = async {
            if sent.starts_with(b"HEAD") {
                raw.receive_head().await
            } else {
                raw.receive().await
            }
        };
        let ours = timeout(Duration::from_secs(1), receiving)
            .await
            .unwrap()
            .unwrap();
        let asked = peer.asked().split_off(asked_before);

        let difference = DIFFERENCES
            .iter()
            .find(|difference| difference.0 == name)
            .copied();
        // Under PUT and DELETE there are many rows, all alike.
        let method = ["PUT", "DELETE"]
            .iter()
            .any(|method| sent.starts_with(method.as_bytes()));
        let difference =
            difference.or_else(|| method.then_some((name, 405, "method not allowed", NOT_A_GET)));
        if let Some((_, status, body, _why)) = difference {
            assert_eq!(ours.status(), status, "{name}");
            assert!(ours.text().starts_with(body), "{name}: {:?}", ours.text());
            if status == 405 {
                assert_eq!(ours.header("allow"), Some("GET"), "{name}");
                assert!(asked.is_empty(), "{name}");
            }
            continue;
        }
        let theirs = &row["responses"][0];
        assert_eq!(
            Some(ours.status().to_string().as_str()),
            theirs["line"].as_str().unwrap().split(' ').nth(1),
            "{name}"
        );
        assert_eq!(
            ours.header("content-type"),
            theirs["content_type"].as_str(),
            "{name}"
        );
        assert_eq!(ours.body, hex(&theirs["body_hex"]), "{name}");
        // Go's server had some of these keys in its cache; ours has none.
        if let Some(loaded) = row["loaded"].get(0) {
            assert_eq!(asked[0].key, loaded.as_str().unwrap().as_bytes(), "{name}");
        }
    }
}
