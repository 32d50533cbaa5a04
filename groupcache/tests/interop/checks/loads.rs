//! The node that loads a value.

use std::sync::Arc;
use std::time::Duration;

use groupcache::Never;
use tokio::task::JoinSet;

use crate::keys;
use crate::mixed::{GO, Mixed, NODES, loads_by, starting_with};
use crate::program::Program;
use crate::source::{loads_of, value_of};

pub async fn every_key_is_loaded_by_its_owner_alone_whoever_is_asked(program: Program) {
    // Counts are exact without mirrors, and without peeks at former owners.
    let mixed = Mixed::start_with(
        program,
        |node| node.handoff(Duration::ZERO),
        |group| group.promoter(Never),
    )
    .await;
    let keys = keys::awkward();
    assert!(keys.len() > 300);
    // Each turn begins at another node, so the first to ask may be owner or not, Go or not.
    for (turn, key) in keys.iter().enumerate() {
        for asked in starting_with(turn % 3) {
            let value = mixed.get(asked, key).await;
            let key_text = key.escape_ascii();
            assert_eq!(value, Ok(value_of(key)), "{key_text} of {asked}");
        }
    }

    let loads = mixed.loads().await;
    let mut asked_of = [0; 3];
    let (mut asked_by_go, mut kept_by_go) = (0, 0);
    for key in &keys {
        let owner = mixed.owner(key);
        let is_kept = owner != GO && program.never_asks_for(key);
        let mut expected = loads_by(owner, 1);
        expected[GO] += u64::from(is_kept);
        let loads = loads.each_ref().map(|loads| loads_of(loads, key));
        assert_eq!(loads, expected, "{}", key.escape_ascii());
        asked_of[owner] += if is_kept { 1 } else { 2 };
        asked_by_go += u64::from(owner != GO && !is_kept);
        kept_by_go += u64::from(is_kept);
    }
    let all = keys.len() as u64;
    let loaded = loads.map(|loads| loads.len() as u64);
    assert_eq!(
        loaded.iter().sum::<u64>(),
        all + kept_by_go,
        "nobody loaded what nobody asked for"
    );
    assert!(asked_of.iter().all(|&asked| asked > 0), "{asked_of:?}");

    let stats = mixed.go.stats().await;
    assert_eq!(
        (stats.module["peer_loads"], stats.peer_errors()),
        (asked_by_go, kept_by_go)
    );
    // groupcache-go has no such counter.
    if let Some(&requests) = stats.module.get("server_requests") {
        assert_eq!(requests, asked_of[GO]);
    }
    for ((group, asked), loaded) in mixed.groups.iter().zip(asked_of).zip(loaded) {
        let stats = group.stats();
        assert_eq!((stats.peer_gets, stats.peer_errors), (asked, 0));
        assert_eq!((stats.gets, stats.fetched), (all, all - loaded));
    }

    // Everything is in memory now.
    for key in &keys {
        for asked in NODES {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    let loads = mixed.loads().await;
    let loads = loads.iter().flat_map(|loads| loads.values());
    assert_eq!(loads.sum::<u64>(), all + kept_by_go);
}

pub async fn callers_of_a_slow_key_on_all_nodes_cost_one_getter_call(program: Program) {
    let mixed = Arc::new(Mixed::start(program).await);
    for owner in NODES {
        let key = mixed.key_owned_by(owner, "slow:300:");
        let mut callers = JoinSet::new();
        for caller in 0..24 {
            let (mixed, key) = (Arc::clone(&mixed), key.clone());
            callers.spawn(async move { mixed.get(caller % 3, key).await });
        }
        for value in callers.join_all().await {
            assert_eq!(value, Ok(value_of(key.as_bytes())));
        }
        assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1), "{key}");
    }
}

pub async fn a_warm_up_has_the_owner_load(program: Program) {
    let mixed = Mixed::start(program).await;
    for owner in NODES {
        for (told, group) in mixed.groups.iter().enumerate() {
            let key = mixed.key_owned_by(owner, &format!("warm {told} "));
            group.warm_up(&key).await.unwrap();
            assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1), "{key}");
        }
    }
}
