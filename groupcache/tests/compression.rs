//! Values that are kept compressed.

mod common;

use std::convert::Infallible;
use std::sync::Arc;

use common::{Calls, MIB, cluster_of, lonely_node};
use groupcache::testing::MapStore;
use groupcache::{Always, ByteView, Compression, EvictionCause, Key, Never, Protocol, Source};
use parking_lot::Mutex;

/// A value that becomes much shorter.
fn page(key: &Key) -> String {
    format!("<p>{key}</p>").repeat(1_000)
}

async fn pages(key: Key) -> Result<String, Infallible> {
    Ok(page(&key))
}

#[tokio::test]
async fn more_values_fit_into_the_budget_and_all_are_as_the_getter_gave_them() {
    let node = lonely_node().await;
    let plain = node.group("plain", MIB, pages).build().unwrap();
    let compressed = node.group("compressed", MIB, pages);
    let compressed = compressed.compression(Compression::lz4()).build().unwrap();
    for n in 0..500 {
        for group in [&plain, &compressed] {
            let key = Key::from(format!("page-{n:03}"));
            for _ in 0..2 {
                assert_eq!(group.get(&key).await.unwrap(), page(&key).as_str());
            }
        }
    }
    assert!(plain.usage().entries < 100, "{}", plain.usage());
    assert_eq!(compressed.usage().entries, 500);
    let stats = compressed.stats();
    assert_eq!((stats.main_hits, stats.compressed), (500, 500));
    let in_all: usize = (0..500)
        .map(|n| page(&format!("page-{n:03}").into()).len())
        .sum();
    assert!(
        stats.compression_saved as usize > in_all * 9 / 10,
        "{stats}"
    );
    assert_eq!(
        (plain.stats().compressed, plain.stats().compression_saved),
        (0, 0)
    );
}

#[tokio::test]
async fn short_values_and_empty_ones_are_kept_as_they_are() {
    let node = lonely_node().await;
    let group = node
        .group("g", MIB, |key: Key| async move {
            let len = key.parse::<usize>().unwrap();
            Ok::<_, Infallible>(vec![b'x'; len])
        })
        .compression(Compression::lz4().min_bytes(100));
    let group = group.build().unwrap();
    for len in [0, 1, 99, 100] {
        for source in [Source::Origin, Source::Main] {
            let entry = group.entry(len.to_string()).await.unwrap();
            assert_eq!((entry.value().len(), entry.source()), (len, source));
        }
    }
    assert_eq!(group.stats().compressed, 1);
}

#[tokio::test]
async fn looks_and_evictions_show_values_as_they_are() {
    let node = lonely_node().await;
    let gone = Arc::new(Mutex::new(Vec::<(Key, ByteView, EvictionCause)>::new()));
    let told = Arc::clone(&gone);
    let group = node
        .group("g", MIB, pages)
        .compression(Compression::lz4())
        .on_evicted(move |key, value, cause| told.lock().push((key.clone(), value.clone(), cause)))
        .build()
        .unwrap();
    group.get("k").await.unwrap();
    let value = page(&"k".into());
    let cached = group.inspect("k").unwrap();
    assert_eq!(cached.value, value.as_str());
    assert!(cached.bytes < 1_000, "{} bytes", cached.bytes);
    assert_eq!(group.entries().next().unwrap().value, value.as_str());
    group.remove("k").await.unwrap();
    let gone = std::mem::take(&mut *gone.lock());
    assert_eq!(gone, [("k".into(), value.into(), EvictionCause::Removed)]);
}

/// One node compresses, and the other does not.
#[tokio::test]
async fn peers_see_values_as_they_are_over_every_protocol() {
    for protocol in [Protocol::Native, Protocol::Golang, Protocol::Mailgun] {
        let cluster = cluster_of(2, protocol).await;
        let calls = Calls::default();
        let group = |node: usize, compresses: bool| {
            let loads = calls.clone();
            let group = cluster.node(node).group("g", MIB, move |key: Key| {
                loads.add_one();
                async move { Ok::<_, Infallible>(page(&key)) }
            });
            let group = group.promoter(Always);
            match compresses {
                true => group.compression(Compression::lz4()),
                false => group,
            }
            .build()
            .unwrap()
        };
        let groups = [group(0, true), group(1, false)];
        for n in 0..20 {
            let key = Key::from(format!("page-{n}"));
            // The second time from main caches, and from mirrors.
            for group in groups.iter().chain(&groups) {
                assert_eq!(
                    group.get(&key).await.unwrap(),
                    page(&key).as_str(),
                    "{protocol:?}"
                );
            }
        }
        assert_eq!(calls.count(), 20, "{protocol:?}");
        assert_eq!(groups[0].stats().compressed, 20, "{protocol:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_set_is_compressed_too() {
    let cluster = cluster_of(1, Protocol::Native).await;
    let group = cluster.node(0).group("g", MIB, pages).promoter(Never);
    let group = group.compression(Compression::lz4()).build().unwrap();
    group.set("k", "x".repeat(10_000)).await.unwrap();
    assert_eq!(group.get("k").await.unwrap(), "x".repeat(10_000).as_str());
    assert!(group.usage().bytes < 1_000, "{}", group.usage());
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let node = lonely_node().await;
    let own = node.group("own", MIB, pages).store(MapStore::default());
    let error = own.compression(Compression::lz4()).build().unwrap_err();
    assert!(
        error.is_configuration() && error.to_string().contains("compression"),
        "{error}"
    );
    let limits = Compression::lz4().min_bytes(2_000).max_bytes(1_000);
    let group = node.group("limits", MIB, pages).compression(limits);
    let error = group.build().unwrap_err();
    assert!(error.to_string().contains("2000"), "{error}");
}
