//! What the live page costs a node of a large cluster: 1,000 members, and ten groups with 1,000 hot keys each.
//!
//! `cargo bench -p groupcache-rs --bench page`. Beside the page and its JSON it measures the report that both are made of.

#![allow(missing_docs, reason = "a program")]

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use groupcache::{Key, LivePageOptions, Node};
use http::Request;
use http_body::Body as _;

const MEMBERS: usize = 1000;
const GROUPS: usize = 10;
const KEYS: usize = 1000;

async fn large_node() -> Node {
    let members = (0..MEMBERS).map(|n| format!("http://10.0.{}.{}:8080", n / 250, n % 250));
    let node = Node::builder("http://10.0.0.0:8080")
        .peers(members)
        .start()
        .await;
    let node = node.expect("a node");
    for g in 0..GROUPS {
        let group = node.group(format!("g{g}"), 8 << 20, |key: Key| async move {
            Ok::<_, Infallible>(key.to_vec())
        });
        // The groups have a ring of this node alone, so that nobody is asked.
        let group = group.peers(["http://10.0.0.0:8080"]).hot_keys(KEYS);
        let group = group.build().expect("a group");
        for n in 0..KEYS {
            for _ in 0..3 {
                group.get(format!("key-{n}")).await.expect("a value");
            }
        }
    }
    node
}

fn page(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let node = runtime.block_on(large_node());
    let page = node.live_page(LivePageOptions::default().check_peers(false));
    let mut of = c.benchmark_group("1,000 members, 10,000 hot keys");
    of.bench_function("report", |b| b.iter(|| black_box(node.report())));
    for (name, target) in [
        ("page", "/groupcachez"),
        ("page of a group", "/groupcachez?group=g0"),
        ("JSON", "/groupcachez.json"),
    ] {
        let (head, ()) = Request::get(target)
            .body(())
            .expect("a request")
            .into_parts();
        let bytes = page
            .answer(&head)
            .body()
            .size_hint()
            .exact()
            .unwrap_or_default();
        println!("{name}: {bytes} bytes");
        of.bench_function(name, |b| b.iter(|| black_box(page.answer(&head))));
    }
    of.finish();
}

criterion_group!(benches, page);
criterion_main!(benches);
