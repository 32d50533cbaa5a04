use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::Method;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::BoxError;
use crate::client::Client;
use crate::escape::escape;
use crate::go;

/// How long the service may take until it says that it is ready.
const START: Duration = Duration::from_secs(20);

/// The Go service as a process. It is killed when this is dropped. Should this process itself be killed, the pipe to
/// the service's stdin ends, and the service stops by itself.
#[derive(Debug)]
pub(super) struct GoService {
    url: String,
    client: Client,
    /// Dropped before the folder of its program.
    _process: Child,
    _folder: TempDir,
}

impl GoService {
    /// Builds the service in the folder and starts it on a free port, as a peer of the member at `peer`.
    pub(super) async fn start(source: &Path, peer: &str) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("service");
        go::build(source, &program).await?;
        let mut process = Command::new(&program)
            .args(["-listen", "127.0.0.1:0", "-peers", peer])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("a child without stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line()).await;
        let line = line.map_err(|_| "the Go service was not ready in time")??;
        let address = line.as_deref().and_then(|line| line.strip_prefix("ready "));
        let address = address.ok_or("the Go service did not start")?;
        Ok(Self {
            url: format!("http://{address}"),
            client: Client::new(),
            _process: process,
            _folder: folder,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks as a user of the service.
    pub(super) async fn greet(&self, key: &str) -> Result<String, BoxError> {
        self.get(&format!("/greet?key={}", escape(key.as_bytes())))
            .await
    }

    /// How many values the service has made.
    pub(super) async fn loads(&self) -> Result<u64, BoxError> {
        Ok(self.get("/loads").await?.parse()?)
    }

    async fn get(&self, target: &str) -> Result<String, BoxError> {
        let url = format!("{}{target}", self.url);
        let body = self.client.send_ok(Method::GET, &url, "").await?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}
