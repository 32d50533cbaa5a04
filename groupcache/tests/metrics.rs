//! A node's metrics, as OpenMetrics and OpenTelemetry have them.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{Calls, MIB, cluster_of, lonely_node};
use groupcache::{Error, MetricsPage, Never, Node, NodeMetrics, Protocol, Stats};
use http_body_util::BodyExt as _;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The samples of a text: the name and the labels of each, and its value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// The full names of all families, by the kinds in a text, each with the labels of its samples.
fn families(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut families = BTreeMap::new();
    for line in text.lines() {
        let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        families.insert(format!("{name}{suffix}"), BTreeSet::new());
    }
    for sample in samples(text).keys() {
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .filter(|name| families.contains_key(*name))
            .unwrap_or(name);
        let labels = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once('=')?.0));
        let of_family = families.get_mut(name).expect("a sample has a family");
        of_family.extend(labels.filter(|label| *label != "le").map(str::to_owned));
    }
    families
}

/// The names and labels that the guide lists.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let guide = include_str!("../docs/watch.md");
    let rows = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `groupcache_"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap().trim_end_matches('`');
        let labels = cells.next().unwrap().split('`').skip(1).step_by(2);
        (
            format!("groupcache_{name}"),
            labels.map(str::to_owned).collect(),
        )
    })
    .collect()
}

/// A cluster of three nodes that has every metric, and whose second node is watched.
async fn busy_node() -> (groupcache::testing::Cluster, Node) {
    let cluster = cluster_of(3, Protocol::Native).await;
    let calls = Calls::default();
    let groups = cluster
        .group_with("g", MIB, calls.echo(), |group| group)
        .unwrap();
    for n in 0..60 {
        for group in &groups {
            group.get(format!("key-{n}")).await.unwrap();
        }
    }
    let node = cluster.nodes()[1].clone();
    (cluster, node)
}

#[tokio::test]
async fn the_guide_lists_every_metric_with_its_labels_and_no_other() {
    // A peer that answers, over a protocol that has its clock measured.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let peer = Node::builder(&url).protocol(Protocol::Mailgun);
    let peer = peer.listener(listener).start().await.unwrap();
    let of_peer = peer.group("g", MIB, Calls::default().echo());
    let _of_peer = of_peer.build().unwrap();
    let members = format!("http://127.0.0.1:1,http://127.0.0.1:2,{url}");
    let source = groupcache::peers::StaticMembers::parse(&members).unwrap();
    let node = Node::builder("http://127.0.0.1:1")
        .protocol(Protocol::Mailgun)
        .discovery(source)
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    // A budget for few of the values, so that some are evicted.
    let group = node
        .group("g", 64 << 10, Calls::default().echo())
        .build()
        .unwrap();
    for n in 0..3000_u64 {
        // Their beginnings differ, so that mailgun's hash function shares them out.
        let beginning = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        group.get(format!("{beginning:016x}{n:084}")).await.unwrap();
    }
    let found = families(&node.metrics().text());
    let documented = documented();
    let names = |families: &BTreeMap<String, _>| families.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&documented));
    for (name, labels) in &documented {
        assert_eq!(found[name], *labels, "the labels of {name}");
    }
}

#[tokio::test]
async fn the_counters_are_those_of_the_stats() {
    let (_cluster, node) = busy_node().await;
    let samples = samples(&node.metrics().text());
    let stats = node.find_group("g").unwrap().stats();
    let Stats { gets, fetched, .. } = stats;
    assert!(gets == 60 && fetched > 0, "{stats}");
    let of = |name: &str, label: &str| {
        let name = format!("groupcache_{name}{{group=\"g\"{label}}}");
        *samples.get(&name).unwrap_or_else(|| panic!("no {name}"))
    };
    let expected = [
        ("gets_total", ",source=\"main\"", stats.main_hits),
        ("gets_total", ",source=\"hot\"", stats.hot_hits),
        ("gets_total", ",source=\"stale\"", stats.stale_hits),
        ("gets_total", ",source=\"peer\"", stats.fetched),
        ("gets_total", ",source=\"origin\"", stats.loaded),
        ("gets_total", ",source=\"not_found\"", stats.not_found),
        ("gets_total", ",source=\"failed\"", stats.failed),
        ("peer_gets_total", "", stats.peer_gets),
        ("peer_errors_total", "", stats.peer_errors),
        ("getter_calls_total", "", stats.getter_calls),
        ("undecodable_values_total", "", stats.undecodable),
        ("evictions_total", ",cause=\"made_room\"", stats.evictions),
        ("evictions_total", ",cause=\"expired\"", stats.expirations),
        ("evictions_total", ",cause=\"too_large\"", stats.too_large),
        ("used_bytes", ",cache=\"hot\"", stats.hot_bytes),
        (
            "used_bytes",
            ",cache=\"main\"",
            stats.bytes - stats.hot_bytes,
        ),
    ];
    for (name, label, value) in expected {
        assert_eq!(of(name, label), value as f64, "{name}{label}");
    }
    let entries = of("entries", ",cache=\"main\"") + of("entries", ",cache=\"hot\"");
    assert_eq!(entries, stats.entries as f64);
    assert_eq!(
        of("getter_duration_seconds_count", ""),
        stats.getter_calls as f64
    );
    let fetches = |peer: &groupcache::PeerReport| {
        let id = peer.member.id();
        samples[&format!("groupcache_fetch_duration_seconds_count{{peer=\"{id}\"}}")]
    };
    let report = node.report();
    for peer in report.ring.peers.iter().filter(|peer| !peer.is_this_node()) {
        assert_eq!(fetches(peer), peer.fetches.count as f64);
        assert!(fetches(peer) > 0.0);
    }
}

#[tokio::test]
async fn a_histogram_is_cumulative_and_has_at_most_fifteen_buckets() {
    let (_cluster, node) = busy_node().await;
    let text = node.metrics().text();
    let mut buckets = BTreeMap::<String, Vec<(f64, f64)>>::new();
    for (name, value) in samples(&text) {
        if let Some((name, rest)) = name.split_once("_bucket{le=\"") {
            let (bound, labels) = rest.split_once("\"").unwrap();
            let bound = bound.parse().unwrap_or(f64::INFINITY);
            let of = buckets.entry(format!("{name}{labels}")).or_default();
            of.push((bound, value));
        }
    }
    assert!(buckets.len() >= 9, "{}", buckets.len());
    for (name, mut buckets) in buckets {
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(buckets.len() <= 15, "{name}");
        assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name}");
        assert_eq!(buckets.last().unwrap().0, f64::INFINITY);
    }
}

#[tokio::test]
async fn labels_are_escaped() {
    let name = "a\"b\\c\nd";
    let node = lonely_node().await;
    let group = node.group(name, MIB, Calls::default().echo());
    let group = group.build().unwrap();
    group.get("k").await.unwrap();
    let line = r#"groupcache_gets_total{group="a\"b\\c\nd",source="origin"} 1"#;
    let text = node.metrics().text();
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[tokio::test]
async fn only_so_many_peers_have_metrics_of_their_own() {
    let node = lonely_node().await;
    let peers = (1..=50).map(|n| format!("peer-{n:02}=http://127.0.0.2:{n}"));
    node.set_peers(peers).unwrap();
    let shares = |most: usize| -> BTreeMap<String, f64> {
        samples(&node.metrics().max_peers(most).text())
            .into_iter()
            .filter(|(name, _)| name.starts_with("groupcache_peer_share_ratio"))
            .collect()
    };
    let (all, some, none) = (shares(50), shares(3), shares(0));
    assert_eq!((all.len(), some.len(), none.len()), (50, 4, 1));
    let name = |peer: &str| format!("groupcache_peer_share_ratio{{peer=\"{peer}\"}}");
    assert_eq!(some[&name("peer-01")], all[&name("peer-01")]);
    let sum = |shares: &BTreeMap<String, f64>| shares.values().sum::<f64>();
    assert!((sum(&all) - sum(&some)).abs() < 1e-9);
    assert!((sum(&all) - none[&name("other")]).abs() < 1e-9);

    // A peer of that name is no second one.
    node.add_peer("other=http://127.0.0.3:1").unwrap();
    let text = node.metrics().max_peers(3).text();
    let names = text.lines().filter(|line| line.starts_with(&name("other")));
    assert_eq!(names.count(), 1, "{text}");
    node.remove_peer("other").unwrap();

    let text = node.metrics().max_peers(3).text();
    assert!(
        text.contains("groupcache_peers{health=\"never-asked\"} 50.0\n"),
        "{text}"
    );
}

#[tokio::test]
async fn without_its_node_there_are_no_metrics() {
    let node = lonely_node().await;
    let metrics = node.metrics();
    assert!(metrics.text().len() > 1000);
    drop(node);
    assert_eq!(metrics.text(), "# EOF\n");
}

/// One exchange over HTTP with a node's own server.
async fn ask(node: &Node, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(node.local_addr().unwrap())
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_nodes_own_server_has_the_page_if_it_is_told_to() -> Result<(), Error> {
    let listening = || Node::builder("http://127.0.0.1:1").listen("127.0.0.1:0");
    let node = listening().start().await?;
    assert!(ask(&node, "/metrics", "").await.starts_with("HTTP/1.1 404"));

    let node = listening().metrics(MetricsPage::default()).start().await?;
    let answer = ask(&node, "/metrics", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(NodeMetrics::CONTENT_TYPE) && answer.ends_with("# EOF\n"));

    let page = || MetricsPage::default().path("/m");
    for (page, status) in [(page(), "401"), (page().open(), "200")] {
        let node = listening().token("secret").metrics(page).start().await?;
        let answer = ask(&node, "/m", "").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let answer = ask(&node, "/m", "authorization: Bearer secret\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_does_not_keep_its_node() -> Result<(), Error> {
    let node = Node::builder("http://127.0.0.1:1").metrics(MetricsPage::default());
    let node = node.start().await?;
    let service = node.service();
    let ask = || async {
        let request = http::Request::get("/metrics").body(String::new()).unwrap();
        let answer = hyper::service::Service::call(&service, request)
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (
            status,
            answer.into_body().collect().await.unwrap().to_bytes(),
        )
    };
    assert_eq!(ask().await.0, 200);
    drop(node);
    assert_eq!(ask().await.0, 503);
    Ok(())
}

#[tokio::test]
async fn a_peer_is_down_once_it_does_not_answer() {
    let cluster = cluster_of(2, Protocol::Native).await;
    let groups = cluster
        .group_with("g", MIB, Calls::default().echo(), |group| {
            group.promoter(Never)
        })
        .unwrap();
    let ask_for = async |keys: std::ops::Range<u32>| {
        for n in keys {
            groups[0].get(format!("key-{n}")).await.unwrap();
        }
        cluster.nodes()[0].metrics().text()
    };
    let peer = cluster.nodes()[1].member().id();
    let down = |down| format!("groupcache_peer_down{{peer=\"{peer}\"}} {down}\n");
    let text = ask_for(0..50).await;
    assert!(
        text.contains("groupcache_peers{health=\"well\"} 1.0\n"),
        "{text}"
    );
    assert!(text.contains(&down("0.0")), "{text}");
    cluster.kill(1);
    let text = ask_for(50..100).await;
    assert!(text.contains(&down("1.0")), "{text}");
}

#[tokio::test]
async fn opentelemetry_observes_the_same_figures() {
    let (_cluster, node) = busy_node().await;
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone())
        .with_interval(Duration::from_secs(3600))
        .build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    node.metrics().observe(&provider.meter("test"));
    provider.force_flush().unwrap();

    let mut observed = BTreeMap::new();
    for metrics in exporter.get_finished_metrics().unwrap() {
        for metric in metrics
            .scope_metrics()
            .flat_map(opentelemetry_sdk::metrics::data::ScopeMetrics::metrics)
        {
            let AggregatedMetrics::F64(data) = metric.data() else {
                panic!("{metric:?}");
            };
            let mut see = |attributes: &mut dyn Iterator<Item = &opentelemetry::KeyValue>,
                           value| {
                let mut labels: Vec<_> = attributes
                    .map(|of| format!("{}=\"{}\"", of.key, of.value))
                    .collect();
                labels.sort_unstable();
                observed.insert((metric.name().to_owned(), labels), value);
            };
            match data {
                MetricData::Gauge(gauge) => gauge
                    .data_points()
                    .for_each(|point| see(&mut point.attributes(), point.value())),
                MetricData::Sum(sum) => sum
                    .data_points()
                    .for_each(|point| see(&mut point.attributes(), point.value())),
                _ => panic!("{metric:?}"),
            }
        }
    }
    // What does not change between two readings.
    let mut compared = 0;
    for (name, value) in samples(&node.metrics().text()) {
        let (name, labels) = name.split_once('{').unwrap_or((&name, "}"));
        let name = name.strip_prefix("groupcache_").unwrap();
        if ["uptime", "rate"].iter().any(|part| name.contains(part)) || labels.contains("+Inf") {
            continue;
        }
        let name = name
            .replace("_seconds", "")
            .replace("_bytes", "")
            .replace("_ratio", "");
        let name = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|part| Some(format!("{}.{}", name.strip_suffix(part)?, &part[1..])))
            .unwrap_or(name);
        let name = name.trim_end_matches("_total").trim_end_matches("_info");
        let labels = labels.trim_end_matches('}');
        let mut labels: Vec<_> = labels
            .split(',')
            .filter(|label| !label.is_empty())
            .map(|label| {
                match label.strip_prefix("le=\"") {
                    // The same number in another spelling.
                    Some(bound) => format!(
                        "le=\"{}\"",
                        bound.trim_end_matches('"').parse::<f64>().unwrap()
                    ),
                    None => label.to_owned(),
                }
            })
            .collect();
        labels.sort_unstable();
        let key = (format!("groupcache.{name}"), labels);
        let found = observed.get(&key).unwrap_or_else(|| panic!("no {key:?}"));
        assert_eq!(*found, value, "{key:?}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}
