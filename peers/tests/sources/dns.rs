//! Members from a real dnsmasq.

use std::time::Duration;

use peers::{Dns, DnsOptions, IpFamily};

use crate::support::{NameServer, Source, next, next_error, until};

const NAME: &str = "cache.test";

fn options(server: &NameServer) -> DnsOptions {
    DnsOptions::default()
        .name_servers([server.address()])
        .timeout(Duration::from_millis(500))
}

fn addresses(options: DnsOptions) -> Source<Dns> {
    Source::of(Dns::addresses(NAME, 8080, options).unwrap())
}

const ONE: (&str, &str) = ("10.0.0.1", NAME);
const TWO: (&str, &str) = ("10.0.0.2", NAME);
const THREE: (&str, &str) = ("10.0.0.3", NAME);
const FOUR: (&str, &str) = ("10.0.0.4", NAME);

#[tokio::test]
async fn members_come_and_go_with_the_addresses_of_a_name() {
    let Some(server) = NameServer::start(&[ONE, TWO, THREE]).await else {
        return;
    };
    let mut source = addresses(options(&server));
    let three = [
        "http://10.0.0.1:8080",
        "http://10.0.0.2:8080",
        "http://10.0.0.3:8080",
    ];
    assert_eq!(next(&mut source).await, three);

    server.change(&[ONE, TWO, THREE, FOUR]).await;
    let four = [three[0], three[1], three[2], "http://10.0.0.4:8080"];
    assert_eq!(next(&mut source).await, four);

    server.change(&[TWO, FOUR]).await;
    assert_eq!(next(&mut source).await, [four[1], four[3]]);
}

#[tokio::test]
async fn a_name_that_is_gone_is_an_error_and_no_empty_list() {
    let Some(server) = NameServer::start(&[ONE]).await else {
        return;
    };
    let mut source = addresses(options(&server));
    assert_eq!(next(&mut source).await, ["http://10.0.0.1:8080"]);

    server.change(&[("10.0.0.1", "other.test")]).await;
    let error = next_error(&mut source).await;
    assert!(error.is_discovery());
    assert!(error.to_string().contains(NAME), "{error}");
    assert!(next_error(&mut source).await.is_discovery());

    // The first answer after a failure is told, though it is that before the failure.
    server.change(&[ONE]).await;
    until(&mut source, &["http://10.0.0.1:8080"]).await;
}

#[tokio::test]
async fn a_dead_name_server_is_an_error_until_it_is_back() {
    let Some(mut server) = NameServer::start(&[ONE, TWO]).await else {
        return;
    };
    let mut source = addresses(options(&server));
    assert_eq!(
        next(&mut source).await,
        ["http://10.0.0.1:8080", "http://10.0.0.2:8080"]
    );

    server.kill().await;
    assert!(next_error(&mut source).await.is_discovery());
    server.write(&[ONE, THREE]);
    server.restart(&["--local-ttl=1"]).await;
    until(
        &mut source,
        &["http://10.0.0.1:8080", "http://10.0.0.3:8080"],
    )
    .await;
}

#[tokio::test]
async fn a_long_time_to_live_is_cut() {
    let arguments = ["--local-ttl=86400"];
    let Some(server) = NameServer::start_with(&[ONE], &arguments).await else {
        return;
    };
    let mut source = addresses(options(&server).max_ttl(Duration::from_secs(1)));
    assert_eq!(next(&mut source).await, ["http://10.0.0.1:8080"]);
    server.change(&[TWO]).await;
    assert_eq!(next(&mut source).await, ["http://10.0.0.2:8080"]);
}

#[tokio::test]
async fn a_machine_with_both_kinds_of_addresses_is_one_member() {
    let hosts = [ONE, ("2001:db8::1", NAME), ("2001:db8::2", "six.test")];
    let Some(server) = NameServer::start(&hosts).await else {
        return;
    };
    let (four, six) = ("http://10.0.0.1:8080", "http://[2001:db8::1]:8080");
    for (family, members) in [
        (IpFamily::PreferV4, vec![four]),
        (IpFamily::V4, vec![four]),
        (IpFamily::PreferV6, vec![six]),
        (IpFamily::V6, vec![six]),
        (IpFamily::All, vec![four, six]),
    ] {
        let mut source = addresses(options(&server).ip_family(family));
        assert_eq!(next(&mut source).await, members, "{family:?}");
    }
    for family in [IpFamily::PreferV4, IpFamily::All] {
        let options = options(&server).ip_family(family).scheme("https");
        let mut source = Source::of(Dns::addresses("six.test", 443, options).unwrap());
        assert_eq!(next(&mut source).await, ["https://[2001:db8::2]:443"]);
    }
    let options = options(&server).ip_family(IpFamily::V4);
    let mut source = Source::of(Dns::addresses("six.test", 443, options).unwrap());
    assert!(next_error(&mut source).await.is_discovery());
}

#[tokio::test]
async fn targets_of_srv_records_are_members_by_name() {
    let service = "_groupcache._tcp.cache.test";
    let targets = [
        ("Node-1.test", 8081),
        ("node-2.test", 8082),
        ("node-3.test", 8083),
    ];
    let srv = targets.map(|(host, port)| format!("--srv-host={service},{host},{port}"));
    let arguments = ["--local-ttl=1", &srv[0], &srv[1], &srv[2]];
    let hosts = [("10.0.0.1", "node-1.test"), ("10.0.0.2", "node-2.test")];
    let Some(server) = NameServer::start_with(&hosts, &arguments).await else {
        return;
    };

    let mut named = Source::of(Dns::services(service, options(&server)).unwrap());
    let urls = [
        "http://node-1.test:8081",
        "http://node-2.test:8082",
        "http://node-3.test:8083",
    ];
    assert_eq!(next(&mut named).await, urls);

    // The third has no address yet; the second moves and keeps its id.
    let mut resolved =
        Source::of(Dns::services(service, options(&server).resolve_targets(true)).unwrap());
    let one = "http://node-1.test:8081=http://10.0.0.1:8081";
    let two = "http://node-2.test:8082=http://10.0.0.2:8082";
    assert_eq!(next(&mut resolved).await, [one, two]);
    server
        .change(&[
            hosts[0],
            ("10.0.0.22", "node-2.test"),
            ("10.0.0.3", "node-3.test"),
        ])
        .await;
    let two = "http://node-2.test:8082=http://10.0.0.22:8082";
    let three = "http://node-3.test:8083=http://10.0.0.3:8083";
    assert_eq!(next(&mut resolved).await, [one, two, three]);

    let mut nothing =
        Source::of(Dns::services("_other._tcp.cache.test", options(&server)).unwrap());
    assert!(next_error(&mut nothing).await.is_discovery());
}
