use tempfile::TempDir;
use tokio::process::Command;

use super::{Program, find_program, free_port, soon};

/// A cluster of one etcd.
pub(crate) struct EtcdServer {
    folder: TempDir,
    port: u16,
    program: Option<Program>,
    tls: Option<Tls>,
}

/// What a server with TLS has.
struct Tls {
    folder: TempDir,
    asks_for_certificates: bool,
}

/// A server's certificate and key, and the authorities of clients that it asks for certificates, in PEM.
pub(crate) struct Pem<'a> {
    pub(crate) certificate: &'a str,
    pub(crate) key: &'a str,
    pub(crate) client_authorities: Option<&'a str>,
}

impl EtcdServer {
    /// `None` where etcd is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(None).await
    }

    /// The same with TLS. Its own client cannot be run.
    pub(crate) async fn start_with_tls(pem: Pem<'_>) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let write = |name, text| std::fs::write(folder.path().join(name), text).unwrap();
        write("certificate.pem", pem.certificate);
        write("key.pem", pem.key);
        write("clients.pem", pem.client_authorities.unwrap_or_default());
        let asks_for_certificates = pem.client_authorities.is_some();
        Self::start_with(Some(Tls {
            folder,
            asks_for_certificates,
        }))
        .await
    }

    async fn start_with(tls: Option<Tls>) -> Option<Self> {
        find_program("etcd")?;
        find_program("etcdctl")?;
        let mut server = Self {
            folder: TempDir::new().unwrap(),
            port: 0,
            program: None,
            tls,
        };
        while server.program.is_none() {
            server.port = free_port();
            server.run().await;
        }
        Some(server)
    }

    async fn run(&mut self) {
        let (client, peer) = (self.url(), format!("http://127.0.0.1:{}", free_port()));
        let mut command = Command::new(find_program("etcd").unwrap());
        command
            .arg("--data-dir")
            .arg(self.folder.path().join("data"))
            .args(["--logger=zap", "--unsafe-no-fsync=true"])
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("default={peer}")]);
        if let Some(tls) = &self.tls {
            let file = |name| tls.folder.path().join(name);
            command.arg("--cert-file").arg(file("certificate.pem"));
            command.arg("--key-file").arg(file("key.pem"));
            if tls.asks_for_certificates {
                command.args(["--client-cert-auth", "--trusted-ca-file"]);
                command.arg(file("clients.pem"));
            }
        }
        self.program = Program::start(&mut command, "serving client traffic").await;
    }

    pub(crate) async fn kill(&mut self) {
        self.program.take().unwrap().kill().await;
    }

    /// Starts it again on its port, with its data.
    pub(crate) async fn restart(&mut self) {
        soon("the server's return", async {
            while self.program.is_none() {
                self.run().await;
            }
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// Runs etcd's own client.
    pub(crate) async fn etcdctl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(find_program("etcdctl").unwrap());
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.url()])
            .args(arguments);
        let output = soon("etcdctl", command.output()).await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Forgets all data. The server is not running.
    pub(crate) fn wipe(&mut self) {
        self.folder = TempDir::new().unwrap();
    }
}
