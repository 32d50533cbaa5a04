//! Members from a real dnsmasq.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use peers::{Dns, DnsOptions, IpFamily};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Program, find_program, free_port, next, next_error, soon, until};

const NAME: &str = "cache.test";

/// A dnsmasq that answers from a hosts file and its arguments, with a TTL of a second.
struct NameServer {
    folder: TempDir,
    port: u16,
    program: Option<Program>,
}

impl NameServer {
    /// `None` where dnsmasq is not installed.
    async fn start(hosts: &[(&str, &str)]) -> Option<Self> {
        Self::start_with(hosts, &["--local-ttl=1"]).await
    }

    async fn start_with(hosts: &[(&str, &str)], options: &[&str]) -> Option<Self> {
        find_program("dnsmasq")?;
        let mut server = Self {
            folder: TempDir::new().unwrap(),
            port: 0,
            program: None,
        };
        server.write(hosts);
        while server.program.is_none() {
            server.port = free_port();
            server.run(options).await;
        }
        Some(server)
    }

    /// Starts the program on the port.
    async fn run(&mut self, options: &[&str]) {
        let program = find_program("dnsmasq").unwrap();
        let mut command = Command::new(program);
        command
            .args(["--keep-in-foreground", "--log-facility=-", "--pid-file="])
            .args([
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--user=root",
            ])
            .args([
                "--listen-address=127.0.0.1",
                "--bind-interfaces",
                "--local=/test/",
            ])
            .arg(format!("--port={}", self.port))
            .arg(format!(
                "--addn-hosts={}",
                self.folder.path().join("hosts").display()
            ))
            .args(options);
        self.program = Program::start(&mut command, "read ").await;
    }

    fn write(&self, hosts: &[(&str, &str)]) {
        let line = |(address, name): &(&str, &str)| format!("{address} {name}\n");
        let text: String = hosts.iter().map(line).collect();
        fs::write(self.folder.path().join("hosts"), text).unwrap();
    }

    /// Has the server answer from other hosts.
    async fn change(&self, hosts: &[(&str, &str)]) {
        self.write(hosts);
        self.program.as_ref().unwrap().signal("HUP").await;
    }

    async fn kill(&mut self) {
        self.program.take().unwrap().kill().await;
    }

    /// Starts the program again on its port.
    async fn restart(&mut self, options: &[&str]) {
        soon("the server's return", async {
            while self.program.is_none() {
                self.run(options).await;
            }
        })
        .await;
    }

    fn options(&self) -> DnsOptions {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        DnsOptions::default()
            .name_servers([address])
            .timeout(Duration::from_millis(500))
    }

    fn addresses(&self, options: DnsOptions) -> Dns {
        Dns::addresses(NAME, 8080, options).unwrap()
    }
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
    let mut source = server.addresses(server.options());
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
    let mut source = server.addresses(server.options());
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
    let mut source = server.addresses(server.options());
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
    let options = ["--local-ttl=86400"];
    let Some(server) = NameServer::start_with(&[ONE], &options).await else {
        return;
    };
    let mut source = server.addresses(server.options().max_ttl(Duration::from_secs(1)));
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
        let mut source = server.addresses(server.options().ip_family(family));
        assert_eq!(next(&mut source).await, members, "{family:?}");
    }
    for family in [IpFamily::PreferV4, IpFamily::All] {
        let options = server.options().ip_family(family).scheme("https");
        let mut source = Dns::addresses("six.test", 443, options).unwrap();
        assert_eq!(next(&mut source).await, ["https://[2001:db8::2]:443"]);
    }
    let options = server.options().ip_family(IpFamily::V4);
    let mut source = Dns::addresses("six.test", 443, options).unwrap();
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
    let options = ["--local-ttl=1", &srv[0], &srv[1], &srv[2]];
    let hosts = [("10.0.0.1", "node-1.test"), ("10.0.0.2", "node-2.test")];
    let Some(server) = NameServer::start_with(&hosts, &options).await else {
        return;
    };

    let mut named = Dns::services(service, server.options()).unwrap();
    let urls = [
        "http://node-1.test:8081",
        "http://node-2.test:8082",
        "http://node-3.test:8083",
    ];
    assert_eq!(next(&mut named).await, urls);

    // The third has no address yet; the second moves and keeps its id.
    let mut resolved = Dns::services(service, server.options().resolve_targets(true)).unwrap();
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

    let mut nothing = Dns::services("_other._tcp.cache.test", server.options()).unwrap();
    assert!(next_error(&mut nothing).await.is_discovery());
}
