//! Processes and plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

pub(crate) const CLI: &str = env!("CARGO_BIN_EXE_cli");
pub(crate) const CLUSTER: &str = env!("CARGO_BIN_EXE_cluster");
pub(crate) const DBSERVER: &str = env!("CARGO_BIN_EXE_dbserver");
pub(crate) const FILES: &str = env!("CARGO_BIN_EXE_files");
pub(crate) const FRONTEND: &str = env!("CARGO_BIN_EXE_frontend");
pub(crate) const OWNER: &str = env!("CARGO_BIN_EXE_owner");
pub(crate) const SERVICE: &str = env!("CARGO_BIN_EXE_service");
pub(crate) const SCALING: &str = env!("CARGO_BIN_EXE_scaling");
pub(crate) const THUMBNAILS: &str = env!("CARGO_BIN_EXE_thumbnails");

/// A server on a free port; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    stdin: Mutex<Option<ChildStdin>>,
    stdout: BufReader<ChildStdout>,
    address: String,
    /// How it is asked, if it speaks TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Server {
    /// Starts a server and waits until it reports that it is ready.
    pub(crate) fn start(program: &str, args: &[&str]) -> Self {
        Self::start_with(&mut Command::new(program), args)
    }

    /// As [`start`](Self::start), with a command of the caller's.
    pub(crate) fn start_with(command: &mut Command, args: &[&str]) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .arg("--until-eof")
            .args(args)
            // Getters that the test makes panic would fill the log with traces.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = ready_address(&mut stdout);
        let stdin = Mutex::new(child.stdin.take());
        Self {
            child,
            stdin,
            stdout,
            address,
            tls: None,
        }
    }

    /// The same server, which speaks TLS.
    pub(crate) fn over_tls(mut self, config: &Arc<ClientConfig>) -> Self {
        self.tls = Some(Arc::clone(config));
        self
    }

    /// Waits until a further node of the process reports that it is ready. From here on, requests go to that one.
    pub(crate) fn turn_to_next_node(&mut self) {
        self.address = ready_address(&mut self.stdout);
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// One exchange. The target is what follows the host in the URL.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        self.send(method, target, "application/octet-stream", body)
    }

    /// As [`ask`](Self::ask), with a content type.
    pub(crate) fn send(&self, method: &str, target: &str, kind: &str, body: &str) -> Answer {
        self.send_with(method, target, &format!("content-type: {kind}"), body)
    }

    /// As [`ask`](Self::ask), with a header.
    pub(crate) fn send_with(&self, method: &str, target: &str, header: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
             {header}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let bytes = answer.split_off(end.expect("a whole head") + 4);
        let head = String::from_utf8(answer).unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        let Some(config) = &self.tls else {
            return Box::new(stream);
        };
        let name = stream.peer_addr().unwrap().ip().into();
        let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        Box::new(StreamOwned::new(connection, stream))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "")
    }

    pub(crate) fn json(&self, target: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(target).body).unwrap()
    }

    /// Asks the server to stop, as a parent process does by going away.
    pub(crate) fn close_stdin(&self) {
        drop(self.stdin.lock().unwrap().take());
    }

    /// Waits until the server has stopped by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn ready_address(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.strip_prefix("ready ").expect("the ready line");
    address.trim_end().to_owned()
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The body as bytes, for a body that is not text.
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The header `x-groupcache-source`.
    pub(crate) fn source(&self) -> &str {
        self.header("x-groupcache-source").unwrap_or("none")
    }

    /// The header of this name, in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(found, value)| (found == name).then_some(value))
    }
}

/// Frontends that know each other.
pub(crate) fn frontends(count: usize, args: &[&str]) -> Vec<Server> {
    let frontends: Vec<Server> = (0..count).map(|_| Server::start(FRONTEND, args)).collect();
    let members = serde_json::json!(frontends.iter().map(Server::url).collect::<Vec<_>>());
    for frontend in &frontends {
        let answer = frontend.ask("PUT", "/api/peers", &members.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    frontends
}

/// Whether a program is installed. If not, says so loudly.
///
/// # Panics
///
/// It is not installed, and this is the gate (`CI=1`).
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !is_there {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is not installed: run `.ci/run tools`"
        );
        // Not by a macro, whose output the test harness would keep back.
        let _ = writeln!(std::io::stderr(), "!!! SKIPPED: {program} is not installed");
    }
    is_there
}

/// Sends a process a signal, as in `-TERM`.
pub(crate) fn signal(server: &Server, signal: &str) {
    let pid = server.child.id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs a program to its end, with the given stdin, and returns its stdout.
pub(crate) fn pipe(program: &str, args: &[&str], stdin: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
