use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::Setting;

/// Three nodes in one process.
pub(super) struct Nodes {
    child: Child,
    addresses: Vec<SocketAddr>,
}

/// What the nodes have loaded, kept and evicted.
#[derive(Default)]
pub(super) struct Loads {
    loads: u64,
    entries: u64,
    evictions: u64,
}

impl Nodes {
    pub(super) async fn start(folder: &Path, setting: &Setting) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--files")
            .arg(folder)
            .args(["--nodes", "3", "--info-ttl", "3600000", "--until-eof"])
            .args(["--cache-bytes", &setting.cache_bytes.to_string()])
            .args(["--piece-bytes", &setting.piece_bytes.to_string()])
            .args(["--read-ahead", &setting.read_ahead.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("a child without stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut addresses = Vec::new();
        for _ in 0..3 {
            let line = lines
                .next_line()
                .await?
                .context("the nodes did not start")?;
            let address = line
                .strip_prefix("ready ")
                .context("the nodes did not start")?;
            addresses.push(address.parse()?);
        }
        Ok(Self { child, addresses })
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A line of the process's status in bytes, where there is one: Linux.
    pub(super) fn memory(&self, name: &str) -> anyhow::Result<u64> {
        let id = self.child.id().context("the nodes have ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find(|line| line.starts_with(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kilobytes.context("no such line")?.parse::<u64>()? << 10)
    }

    pub(super) async fn loads(&self) -> anyhow::Result<Loads> {
        let mut sum = Loads::default();
        for address in &self.addresses {
            let mut connection = TcpStream::connect(address).await?;
            let request = "GET /api/stats HTTP/1.1\r\nhost: nodes\r\nconnection: close\r\n\r\n";
            connection.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await?;
            let (_, body) = answer.split_once("\r\n\r\n").context("no head")?;
            let stats: serde_json::Value = serde_json::from_str(body)?;
            let of = |name: &str| stats[name].as_u64().with_context(|| format!("no {name}"));
            sum.loads += of("getter_calls")?;
            sum.entries += of("entries")?;
            sum.evictions += of("evictions")?;
        }
        Ok(sum)
    }
}

impl Loads {
    /// Loads of what was cached at the time: each piece that was loaded is still there, or has been evicted.
    pub(super) fn repeated(&self) -> u64 {
        self.loads.saturating_sub(self.entries + self.evictions)
    }
}

impl fmt::Display for Loads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            loads,
            entries,
            evictions,
        } = self;
        write!(
            f,
            "loads: {loads}; {entries} pieces and infos are cached, and {evictions} were evicted, mirrors too"
        )
    }
}
