use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::{FRONTEND, Server};

/// The lines of a node's log, in order of arrival.
struct Log(mpsc::Receiver<String>, Vec<String>);

impl Log {
    /// Reads lines until one contains `text`.
    fn until(&mut self, text: &str) {
        let is_there = |lines: &[String]| lines.iter().any(|line| line.contains(text));
        while !is_there(&self.1) {
            match self.0.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => self.1.push(line),
                Err(error) => panic!("{text:?}: {error}: {:#?}", self.1),
            }
        }
    }
}

fn logging_node(args: &[&str]) -> (Server, Log) {
    let mut command = Command::new(FRONTEND);
    command.env("RUST_LOG", "info").stderr(Stdio::piped());
    let mut node = Server::start_with(&mut command, args);
    let stderr = node.child.stderr.take().unwrap();
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (node, Log(lines, Vec::new()))
}

/// Stops a process, or lets it go on.
fn signal(node: &Server, signal: &str) {
    let pid = node.child.id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

#[test]
fn the_log_of_a_node_tells_its_story_in_a_few_lines() {
    let (node, mut log) = logging_node(&[]);
    log.until("a node has started");
    let peers = [(); 2].map(|()| Server::start(FRONTEND, &[]));
    let [lost, other] = &peers;
    let members = serde_json::json!([node.url(), lost.url(), other.url()]).to_string();
    assert_eq!(node.ask("PUT", "/api/peers", &members).status, 200);
    for peer in &peers {
        log.until(&format!("a member has joined member={}", peer.url()));
    }

    // A node hangs: requests go on, and the log says once what has become of it.
    signal(lost, "-STOP");
    let start = Instant::now();
    let mut keys = 0..;
    while log
        .1
        .iter()
        .all(|line| !line.contains("circuit has opened"))
    {
        let key = keys.next().unwrap();
        assert_eq!(node.get(&format!("/api/get?key={key}")).status, 200);
        log.1.extend(log.0.try_iter());
        assert!(start.elapsed() < Duration::from_secs(30), "{:#?}", log.1);
    }
    signal(lost, "-CONT");
    log.until("circuit has closed");

    let alone = serde_json::json!([node.url(), other.url()]).to_string();
    assert_eq!(node.ask("PUT", "/api/peers", &alone).status, 200);
    log.until(&format!("a member has left member={}", lost.url()));
    assert!(log.1.len() < 20, "{:#?}", log.1);
    let told = |text: &str| log.1.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (told("circuit has opened"), told("circuit has closed")),
        (1, 1)
    );
}

#[test]
fn a_source_of_members_that_fails_all_the_time_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("file:{}", folder.path().join("members").display());
    let (node, mut log) = logging_node(&["--discover", &source]);
    // The node has asked again and again while it waited for the first list.
    log.until("a node has started");
    std::fs::write(folder.path().join("members"), node.url()).unwrap();
    drop(node);
    log.1.extend(log.0.iter());
    let told = |text: &str| log.1.iter().filter(|line| line.contains(text)).count();
    let [trouble, started] = ["trouble with the source", "without a word of its source"].map(told);
    assert_eq!((trouble, started), (1, 1), "{:#?}", log.1);
}
