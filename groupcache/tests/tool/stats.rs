//! `stats` and `top`.

use serde_json::{Value, json};

use crate::support::{Nodes, dead_url, tool};

#[tokio::test]
async fn the_figures_are_those_of_the_nodes_and_their_sums() {
    let nodes = Nodes::start(3).await;
    for n in 0..60 {
        for group in &nodes.groups {
            group.get(format!("key-{}", n % 20)).await.unwrap();
        }
    }
    let ran = tool(&["stats", "--json", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    let all = json["nodes"].as_array().unwrap();
    for (node, group) in nodes.nodes.iter().zip(&nodes.groups) {
        let told = all
            .iter()
            .find(|told| told["member"]["id"] == node.member().id())
            .unwrap();
        let stats = serde_json::to_value(group.stats()).unwrap();
        for counter in [
            "gets",
            "main_hits",
            "fetched",
            "loaded",
            "getter_calls",
            "peer_gets",
        ] {
            assert_eq!(told["stats"][counter], stats[counter], "{counter}");
        }
        assert_eq!(told["usage"]["entries"], group.usage().entries);
    }
    assert_eq!(
        (&json["stats"]["gets"], &json["stats"]["getter_calls"]),
        (&json!(180), &json!(20))
    );
    assert_eq!(json["usage"]["entries"], 20);
}

#[tokio::test]
async fn the_table_has_a_row_for_each_node_and_one_for_all() {
    let (nodes, dead) = (Nodes::start(2).await, dead_url().await);
    for (group, gets) in nodes.groups.iter().zip([3, 4]) {
        for _ in 0..gets {
            group.get("k").await.unwrap();
        }
    }
    for node in &nodes.nodes {
        node.add_peer(&dead).unwrap();
    }
    let ran = tool(&["stats", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let gets_of = |name: &str| {
        let row = ran
            .out
            .lines()
            .find(|line| line.contains(name))
            .expect(name);
        row.split('┆').nth(2).unwrap().trim().to_owned()
    };
    assert_eq!(gets_of(&nodes.urls[0]), "3", "{}", ran.out);
    assert_eq!(gets_of(&nodes.urls[1]), "4", "{}", ran.out);
    assert_eq!(gets_of("│ all "), "7", "{}", ran.out);
    assert_eq!(gets_of(&format!("{dead}: unreachable")), "", "{}", ran.out);

    let ran = tool(&["stats", "--by-group", "--node", &nodes.urls[0]]).await;
    assert!(ran.out.contains(" g "), "{}", ran.out);
    let ran = tool(&[
        "stats",
        "--group",
        "nope",
        "--json",
        "--node",
        &nodes.urls[0],
    ])
    .await;
    assert_eq!(ran.json()["stats"]["gets"], 0);
}

#[tokio::test]
async fn top_tells_rates_hot_keys_and_who_is_silent() {
    let (nodes, dead) = (Nodes::start(2).await, dead_url().await);
    for node in &nodes.nodes {
        node.add_peer(&dead).unwrap();
    }
    let key = {
        let own =
            |node: &groupcache::Node, key: &String| node.owner(key).as_ref() == Some(node.member());
        (0..)
            .map(|n| format!("hot-{n}"))
            .find(|key| own(&nodes.nodes[1], key))
            .unwrap()
    };
    for _ in 0..50 {
        nodes.groups[0].get(&key).await.unwrap();
    }
    let ran = tool(&[
        "top",
        "--json",
        "--every",
        "100ms",
        "--count",
        "2",
        "--node",
        &nodes.urls[0],
    ])
    .await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let frames: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(frames.len(), 2);
    assert!(
        frames[0]["gets_per_second"].as_f64().unwrap() > 0.0,
        "since the start: {frames:?}"
    );
    assert_eq!(frames[1]["gets_per_second"], 0.0, "nobody asks any more");
    assert_eq!(
        frames[1]["silent"],
        json!([{ "id": dead, "kind": "unreachable" }])
    );
    let hot = &frames[1]["hot_keys"][0];
    assert_eq!(
        (&hot["key"], &hot["owner"]),
        (&json!(key), &json!(nodes.urls[1])),
        "{frames:?}"
    );
    assert!(hot["per_minute"].as_f64().unwrap() > 0.0);

    let ran = tool(&["top", "--count", "1", "--node", &nodes.urls[0]]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("2 nodes, 1 silent") && ran.out.contains(&key),
        "{}",
        ran.out
    );
}
