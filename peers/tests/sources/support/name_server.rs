use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use tempfile::TempDir;
use tokio::process::Command;

use super::{Program, find_program, free_port, soon};

/// A dnsmasq that answers from a hosts file and its arguments, with a TTL of a second.
pub(crate) struct NameServer {
    folder: TempDir,
    port: u16,
    program: Option<Program>,
}

impl NameServer {
    /// `None` where dnsmasq is not installed.
    pub(crate) async fn start(hosts: &[(&str, &str)]) -> Option<Self> {
        Self::start_with(hosts, &["--local-ttl=1"]).await
    }

    pub(crate) async fn start_with(hosts: &[(&str, &str)], options: &[&str]) -> Option<Self> {
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

    pub(crate) fn write(&self, hosts: &[(&str, &str)]) {
        let line = |(address, name): &(&str, &str)| format!("{address} {name}\n");
        let text: String = hosts.iter().map(line).collect();
        fs::write(self.folder.path().join("hosts"), text).unwrap();
    }

    /// Has the server answer from other hosts.
    pub(crate) async fn change(&self, hosts: &[(&str, &str)]) {
        self.write(hosts);
        self.program.as_ref().unwrap().signal("HUP").await;
    }

    pub(crate) async fn kill(&mut self) {
        self.program.take().unwrap().kill().await;
    }

    /// Starts the program again on its port.
    pub(crate) async fn restart(&mut self, options: &[&str]) {
        soon("the server's return", async {
            while self.program.is_none() {
                self.run(options).await;
            }
        })
        .await;
    }
}

impl NameServer {
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}
