use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::BoxError;

/// How long a process may take until it says that it is ready.
const START: Duration = Duration::from_secs(20);

/// A server that runs as a process of its own: this executable again, as another program.
///
/// It is killed when this is dropped. Should this process itself be killed, the pipe to the child's
/// stdin ends, and the child stops by itself.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a program and waits until it is ready.
    pub(super) async fn start(
        program: &str,
        args: impl IntoIterator<Item = String>,
    ) -> Result<Self, BoxError> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(program)
            .args(args)
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let stdout = child.stdout.take().ok_or("a child without stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line())
            .await
            .map_err(|_| format!("{program} was not ready within {START:?}"))??
            .unwrap_or_default();
        let address = line
            .strip_prefix("ready ")
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| format!("{program} did not start"))?;
        Ok(Self { child, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills the process, without a word of warning, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), BoxError> {
        Ok(self.child.kill().await?)
    }
}
