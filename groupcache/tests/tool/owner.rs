//! `owner` agrees with the nodes.

use groupcache::{HashFn, Member, Protocol};
use serde_json::{Value, json};

use crate::support::{Nodes, tool, tool_with};

#[tokio::test]
async fn owners_are_those_of_the_nodes_in_every_protocol() {
    for &protocol in Protocol::ALL {
        let nodes = Nodes::start_with(3, |_, node| node.protocol(protocol)).await;
        let keys: Vec<String> = (0..30).map(|n| format!("key/{n}")).collect();
        let expected: Vec<String> = keys
            .iter()
            .map(|key| nodes.nodes[0].owner(key).unwrap().to_string())
            .collect();
        let peers = nodes.urls.join(",");
        for cluster in [["--node", &nodes.urls[2]], ["--peers", &peers]] {
            let mut args = vec!["owner", "--keys-from", "-"];
            args.extend(cluster);
            if cluster[0] == "--peers" {
                args.extend(["--protocol", protocol.name()]);
            }
            let ran = tool_with(&args, keys.join("\n").as_bytes()).await;
            assert_eq!(ran.code, 0, "{protocol}: {ran:?}");
            assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected, "{protocol}");
        }
    }
}

#[tokio::test]
async fn rules_that_a_node_has_replaced_are_followed_if_they_are_known() {
    let scheme = Protocol::Golang.scheme().hash(HashFn::Fnv1a32).replicas(77);
    let nodes = Nodes::start_with(3, |_, node| node.protocol(Protocol::Golang).ring(scheme)).await;
    for n in 0..10 {
        let key = format!("key-{n}");
        let owners = nodes.nodes[0].owners(&key);
        let ran = tool(&[
            "owner",
            &key,
            "--owners",
            "3",
            "--json",
            "--node",
            &nodes.urls[1],
        ])
        .await;
        let urls: Vec<&str> = owners.iter().map(Member::url).collect();
        let json = ran.json();
        let named: Vec<&str> = json["owners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|owner| owner["url"].as_str().unwrap())
            .collect();
        assert_eq!(
            (ran.code, named, &json["key"]),
            (0, urls, &json!(key)),
            "{}",
            ran.err
        );
    }
    fn own(_: &[u8]) -> u64 {
        7
    }
    let scheme = Protocol::Native.scheme().hash(HashFn::Custom64(own));
    let nodes = Nodes::start_with(2, |_, node| node.ring(scheme)).await;
    let ran = tool(&["owner", "k", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("custom-64"), "{ran:?}");
}

#[tokio::test]
async fn each_key_has_a_line_of_json() {
    let peers = ["--peers", "pod-0=http://10.0.0.1:80"];
    let ask = async |first: &str| {
        let keys = ["owner", first, "/w==", "--key-base64", "--json"];
        tool(&[&keys[..], &peers].concat()).await
    };
    let ran = ask("a").await;
    assert_eq!(ran.code, 2, "a is not base64: {ran:?}");
    let ran = ask("YQ==").await;
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let owners = json!([{ "id": "pod-0", "url": "http://10.0.0.1:80" }]);
    assert_eq!(
        lines,
        [
            json!({ "key": "a", "owners": owners }),
            json!({ "key_base64": "/w==", "owners": owners })
        ]
    );
}
