use std::env;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::soon;

/// The path of an installed program. `None`, said loudly, if there is none.
///
/// # Panics
///
/// There is none, and this is the gate (`CI=1`).
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian has servers where only root looks.
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "{name} is not installed");
        // Not by a macro, whose output the test harness would keep back.
        let _ = writeln!(std::io::stderr(), "!!! SKIPPED: {name} is not installed");
    }
    found
}

/// A port that nobody had a moment ago, for UDP or TCP.
pub(crate) fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A running server. Killed when dropped.
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// Starts a server and waits until it writes a line with `ready` to standard error or output. `None` if it ends
    /// before, as when somebody has taken its port.
    pub(crate) async fn start(command: &mut Command, ready: &str) -> Option<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let is_ready = soon("the start of a server", async {
            let (out, err) = (says(stdout, ready), says(stderr, ready));
            tokio::pin!(out, err);
            tokio::select! {
                said = &mut out => said || err.await,
                said = &mut err => said || out.await,
            }
        });
        is_ready.await.then_some(Self { child })
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("the server runs").to_string();
        let mut kill = Command::new("kill");
        let status = kill.args(["-s", signal, &pid]).status().await.unwrap();
        assert!(status.success());
    }

    /// Ends the server at once.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Whether a server writes such a line before it closes the pipe, which is read to its end in any case.
async fn says(pipe: impl AsyncRead + Unpin + Send + 'static, text: &str) -> bool {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains(text) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return true;
        }
    }
    false
}
