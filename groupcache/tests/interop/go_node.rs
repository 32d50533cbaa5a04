//! A real Go program as a node of the cluster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::program::Program;
use crate::source::Loads;

/// A time-out for answers. No answer takes so long unless a program hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A Go program of `peers/tests/interop`. Dropping the node kills the program.
#[derive(Debug)]
pub struct GoNode {
    program: Program,
    group: String,
    /// `host:port` of the peer port.
    address: String,
    /// `host:port` of the control API, often the same.
    control: String,
    process: Child,
    /// Reserves the port while the program is stopped. The socket is bound but does not listen, so
    /// connections are refused.
    _held: Option<TcpSocket>,
    /// Never written to. The program ends when this pipe closes, which also happens if this process
    /// is killed.
    _stdin: ChildStdin,
}

/// The statistics that a Go node reports.
#[derive(Debug)]
pub struct GoStats {
    pub loads: Loads,
    /// The module's own counters. They are called nearly the same in all modules.
    pub module: HashMap<String, u64>,
}

impl GoStats {
    /// Gets that the node sent to the key's owner and that failed there.
    pub fn peer_errors(&self) -> u64 {
        let names = ["peer_errors", "peer_load_errors"];
        names.iter().filter_map(|&name| self.module.get(name)).sum()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Signal {
    Term,
    Kill,
}

impl GoNode {
    /// Starts a program on a free port, alone in its cluster.
    pub async fn start(program: Program, group: &str) -> Self {
        match Self::listening(program, group, "127.0.0.1:0").await {
            Ok(node) => node,
            Err(status) => panic!("{} ended at once: {status}", program.name),
        }
    }

    /// Starts the program again with its former address, and without its former state.
    pub async fn restart(&mut self) {
        self._held = None;
        let started = timeout(LIMIT, async {
            loop {
                // The system may have lent the port to an outgoing connection meanwhile.
                match Self::listening(self.program, &self.group, &self.address).await {
                    Ok(node) => return node,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        *self = started.await.expect("the port is free again");
    }

    /// Waits until the program accepts connections, or has ended.
    async fn listening(program: Program, group: &str, address: &str) -> Result<Self, ExitStatus> {
        let mut process = Command::new(path(program.name))
            .args(["--listen", address, "--group", group])
            .args(program.flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.name));
        let stdin = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(LIMIT, lines.next_line())
            .await
            .expect("a line in time")
            .unwrap();
        let Some(line) = line else {
            return Err(process.wait().await.unwrap());
        };
        let addresses = line
            .strip_prefix("ready ")
            .expect("the program says that it is ready");
        let (address, control) = addresses.split_once(' ').unwrap_or((addresses, addresses));
        Ok(Self {
            program,
            group: group.to_owned(),
            address: address.to_owned(),
            control: control.to_owned(),
            process,
            _held: None,
            _stdin: stdin,
        })
    }

    /// Sends the process a signal, and waits until it has ended. Its port then refuses connections.
    /// If another server got the port, mailgun's clients would take that server's 404 for an
    /// answer.
    pub async fn stop(&mut self, signal: Signal) {
        match signal {
            Signal::Kill => self.process.start_kill().unwrap(),
            Signal::Term => {
                let id = self.process.id().expect("the process has not ended yet");
                let kill = format!("kill -TERM {id}");
                let sent = Command::new("sh")
                    .args(["-c", &kill])
                    .status()
                    .await
                    .unwrap();
                assert!(sent.success(), "{kill}");
            }
        }
        let status = timeout(LIMIT, self.process.wait())
            .await
            .expect("it ends in time")
            .unwrap();
        match signal {
            Signal::Kill => assert_eq!(status.code(), None, "{status}"),
            Signal::Term => assert!(status.success(), "{status}"),
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        // If the system has lent the port to an outgoing connection, no server gets it either.
        let bound = socket.bind(self.address.parse().unwrap());
        self._held = bound.is_ok().then_some(socket);
    }

    /// The node as its peers know it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn set_peers(&self, members: &[String]) {
        let list = serde_json::to_string(members).unwrap();
        succeeded(self.ask(Method::PUT, "/api/peers", list).await);
    }

    /// Asks for a key as a user of this node would.
    pub async fn get(&self, key: &[u8]) -> (StatusCode, Vec<u8>) {
        let target = format!("/api/get?{}", query(&[key]));
        self.ask(Method::GET, &target, String::new()).await
    }

    /// Gives a key a value as a user of this node would.
    pub async fn set(&self, key: &[u8], value: &str) {
        let target = format!("/api/set?{}", query(&[key]));
        succeeded(self.ask(Method::PUT, &target, value.to_owned()).await);
    }

    /// Takes keys out as a user of this node would, several at once.
    pub async fn remove(&self, keys: &[&[u8]]) {
        let target = format!("/api/remove?{}", query(keys));
        succeeded(self.ask(Method::DELETE, &target, String::new()).await);
    }

    pub async fn stats(&self) -> GoStats {
        let body = succeeded(self.ask(Method::GET, "/api/stats", String::new()).await);
        let stats: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let counts = |field: &str| {
            let counts = stats[field].as_object().expect("an object of counts");
            counts
                .iter()
                .map(|(name, count)| (name.clone(), count.as_u64().unwrap()))
        };
        GoStats {
            loads: counts("getter_calls_by_key_b64")
                .map(|(key, count)| (URL_SAFE.decode(key).unwrap(), count))
                .collect(),
            module: counts("module").collect(),
        }
    }

    /// One exchange with the control API, on a new connection.
    async fn ask(&self, method: Method, target: &str, body: String) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, &self.control)
            .body(body)
            .unwrap();
        let exchange = async {
            let stream = TcpStream::connect(&self.control).await.unwrap();
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let answer = sender.send_request(request).await.unwrap();
            let status = answer.status();
            (
                status,
                answer
                    .into_body()
                    .collect()
                    .await
                    .unwrap()
                    .to_bytes()
                    .to_vec(),
            )
        };
        timeout(LIMIT, exchange)
            .await
            .unwrap_or_else(|_| panic!("no answer to {target}"))
    }
}

/// The keys in the format of the control API.
fn query(keys: &[&[u8]]) -> String {
    let keys = keys.iter();
    let keys = keys.map(|key| format!("key={}", percent_encode(key, NON_ALPHANUMERIC)));
    keys.collect::<Vec<_>>().join("&")
}

/// The body of an answer; panics if the answer is a refusal.
fn succeeded((status, body): (StatusCode, Vec<u8>)) -> Vec<u8> {
    assert!(status.is_success(), "{status}: {}", body.escape_ascii());
    body
}

fn path(program: &str) -> PathBuf {
    const HOW: &str = "`.ci/run interop` builds the programs and runs these tests; by hand, \
        `go build -o \"$PWD/../../../target/interop/\" ./...` in peers/tests/interop builds them";
    let Some(folder) = std::env::var_os("GROUPCACHE_INTEROP_BIN") else {
        panic!(
            "GROUPCACHE_INTEROP_BIN has to name the folder of the Go programs, absolutely. {HOW}"
        );
    };
    let path = PathBuf::from(folder).join(program);
    assert!(
        path.is_file(),
        "there is no {} (see GROUPCACHE_INTEROP_BIN). {HOW}",
        path.display()
    );
    path
}
