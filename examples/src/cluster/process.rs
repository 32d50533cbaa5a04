use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::executable::Executable;
use crate::BoxError;

/// How long a process may take until it says that it is ready.
const START: Duration = Duration::from_secs(20);

/// How long it may take to stop in order.
const END: Duration = Duration::from_secs(40);

/// A server that runs as a process of its own.
///
/// It is killed when this is dropped. Should this process itself be killed, the pipe to the child's
/// stdin ends, and the child stops by itself; one that is [paused](Self::pause) does so once it goes on.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a program and waits until it is ready.
    pub(super) async fn start(
        program: &Executable,
        args: impl IntoIterator<Item = String>,
    ) -> Result<Self, BoxError> {
        let mut child = program
            .command()
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

    /// Has the process stop in order, and waits until it has.
    pub(super) async fn end(&mut self) -> Result<(), BoxError> {
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(END, self.child.wait()).await;
        let status = ended.map_err(|_| format!("a process has not ended within {END:?}"))??;
        match status.success() {
            true => Ok(()),
            false => Err(format!("a process has ended with {status}").into()),
        }
    }

    /// Has the process do nothing until it is [resumed](Self::resume).
    pub(super) fn pause(&self) -> Result<(), BoxError> {
        self.signal(Signal::STOP)
    }

    pub(super) fn resume(&self) -> Result<(), BoxError> {
        self.signal(Signal::CONT)
    }

    /// The number that the system knows the process by.
    pub(super) fn id(&self) -> Result<u32, BoxError> {
        Ok(self.child.id().ok_or("the process has ended")?)
    }

    fn signal(&self, signal: Signal) -> Result<(), BoxError> {
        let id = self.id()?;
        let id = Pid::from_raw(id.try_into()?).ok_or("a process without an id")?;
        Ok(kill_process(id, signal)?)
    }

    /// Kills the process, without a word of warning, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), BoxError> {
        Ok(self.child.kill().await?)
    }
}
