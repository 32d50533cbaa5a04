//! Ten thousand callers on three nodes ask for one cold key whose getter takes 300 ms.
//!
//! `cargo bench -p groupcache-rs --bench stampede` prints, for each of five rounds, how long it took
//! until the last caller was answered, and how often the getter ran. The aim is one call and 600 ms.

#![allow(missing_docs, reason = "a program")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use groupcache::testing::Cluster;
use groupcache::{Group, Key};

const CALLERS: usize = 10_000;
const NODES: usize = 3;
const ROUNDS: usize = 5;
const GETTER: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> Result<(), groupcache::Error> {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let cluster = Cluster::start(NODES).await?;
    let groups = cluster.group("stampede", 1 << 20, move |key: Key| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(GETTER).await;
            Ok::<_, Infallible>(key.to_vec())
        }
    })?;

    println!("{CALLERS} callers, {NODES} nodes, one cold key, a getter of {GETTER:?}");
    println!("round  getter calls  last answer after");
    for round in 1..=ROUNDS {
        calls.store(0, Ordering::Relaxed);
        let took = stampede(&groups, &format!("cold-{round}")).await;
        println!(
            "{round:>5}  {:>12}  {took:>16.1?}",
            calls.load(Ordering::Relaxed)
        );
    }
    Ok(())
}

/// How long it takes until every caller has the value.
async fn stampede(groups: &[Group], key: &str) -> Duration {
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (group, key) = (groups[n % NODES].clone(), key.to_owned());
            tokio::spawn(async move { group.get(key).await })
        })
        .collect();
    for caller in callers {
        let value = caller
            .await
            .expect("no caller panics")
            .expect("no get fails");
        assert_eq!(value, key);
    }
    start.elapsed()
}
