//! The command-line tool, asking real frontends.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

use crate::support::{FRONTEND, Server, frontends, run};

/// The tool, which another package builds, into the same folder. Where that has not happened yet, it happens here.
fn tool() -> PathBuf {
    let tool =
        Path::new(FRONTEND).with_file_name(format!("groupcache{}", std::env::consts::EXE_SUFFIX));
    if !tool.exists() {
        let folder = tool.parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "-p",
            "groupcache-rs",
            "--bin",
            "groupcache",
            "--features",
            "cli",
        ]);
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
    }
    tool
}

/// Runs the tool, and returns its exit code and its JSON.
fn ask(args: &[&str]) -> (i32, Value) {
    let output = run(tool().to_str().unwrap(), &[args, &["--json"]].concat());
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"));
    (output.status.code().unwrap(), json)
}

fn set_peers(frontend: &Server, members: &[String]) {
    let answer = frontend.ask("PUT", "/api/peers", &json!(members).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Stands before a frontend, and shows its report as it were an hour later. Passes everything else on.
fn an_hour_later(listener: &TcpListener, frontend: &Server) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            scope.spawn(move || {
                _ = pass_on(&stream, frontend); // a visitor may go at any time
                _ = stream.shutdown(Shutdown::Both);
            });
        }
    });
}

fn pass_on(mut visitor: &TcpStream, frontend: &Server) -> io::Result<()> {
    let (mut reader, mut head) = (BufReader::new(visitor), Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    if head.starts_with(b"GET /groupcachez.json") {
        let body = report_of_an_hour_later(frontend);
        let length = body.len();
        return write!(
            visitor,
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
        );
    }
    let server = TcpStream::connect(format!("127.0.0.1:{}", frontend.port()))?;
    (&server).write_all(&head)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            _ = io::copy(&mut reader, &mut &server);
            _ = server.shutdown(Shutdown::Write);
        });
        io::copy(&mut &server, &mut visitor)?;
        visitor.shutdown(Shutdown::Both)
    })
}

fn report_of_an_hour_later(frontend: &Server) -> String {
    let mut report = frontend.json("/groupcachez.json");
    // The live page has the report in it.
    let report_itself = if report["report"].is_object() {
        &mut report["report"]
    } else {
        &mut report
    };
    let ms = report_itself["unix_ms"].as_u64().unwrap();
    report_itself["unix_ms"] = (ms + 3_600_000).into();
    report.to_string()
}

#[test]
fn four_faults_of_one_cluster_are_found() {
    let good = frontends(3, &[]);
    let other_protocol = Server::start(FRONTEND, &["--protocol", "golang"]);
    let other_ring = Server::start(FRONTEND, &[]);
    let mut dead = Server::start(FRONTEND, &[]);
    let shown_at = TcpListener::bind("127.0.0.1:0").unwrap();
    let wrong_clock_url = format!("http://{}", shown_at.local_addr().unwrap());
    let wrong_clock = Arc::new(Server::start(FRONTEND, &["--self", &wrong_clock_url]));
    let shown = Arc::clone(&wrong_clock);
    thread::spawn(move || an_hour_later(&shown_at, &shown));

    let mut members: Vec<String> = good.iter().map(Server::url).collect();
    members.extend([
        other_protocol.url(),
        other_ring.url(),
        dead.url(),
        wrong_clock_url.clone(),
    ]);
    let agreeing = good.iter().chain([&other_protocol, &dead, &*wrong_clock]);
    agreeing.for_each(|frontend| set_peers(frontend, &members));
    // It has never heard of the others.
    set_peers(&other_ring, &[other_ring.url(), good[0].url()]);
    dead.kill();

    let (code, json) = ask(&["check", "--node", &good[0].url()]);
    assert_eq!((code, &json["well"]), (1, &json!(false)));
    let findings = json["findings"].as_array().unwrap().iter();
    let mut findings: Vec<(&str, &str)> = findings
        .map(|it| (it["kind"].as_str().unwrap(), it["member"].as_str().unwrap()))
        .collect();
    findings.sort();
    let (protocol_url, ring_url, dead_url) = (other_protocol.url(), other_ring.url(), dead.url());
    let mut expected = [
        ("clock", &*wrong_clock_url),
        ("protocol", &*protocol_url),
        ("ring", &*ring_url),
        ("unreachable", &*dead_url),
    ];
    expected.sort();
    assert_eq!(findings, expected, "{json}");

    // The three that agree are well on their own.
    let three: Vec<String> = good.iter().map(Server::url).collect();
    good.iter().for_each(|frontend| set_peers(frontend, &three));
    let (code, json) = ask(&["check", "--node", &good[2].url()]);
    assert_eq!((code, &json["findings"]), (0, &json!([])), "{json}");
}

#[test]
fn values_are_read_and_changed_as_by_any_node() {
    let nodes = frontends(3, &["--promoter", "always"]);
    let start = nodes[0].url();
    let value_at = |node: &Server| node.get("/api/get?key=k").body;
    for node in &nodes {
        assert_eq!(value_at(node), "value-of-k");
    }
    assert_eq!(
        ask(&["get", "k", "--node", &start]).1["value"],
        "value-of-k"
    );
    assert_eq!(ask(&["set", "k", "new", "--node", &start]).0, 0);
    for node in &nodes {
        assert_eq!(value_at(node), "new");
    }
    assert_eq!(ask(&["remove", "k", "--node", &start]).1["removed"], 1);
    for node in &nodes {
        assert_eq!(value_at(node), "value-of-k");
    }
    let (_, json) = ask(&["stats", "--node", &start]);
    let gets: u64 = nodes
        .iter()
        .map(|node| node.json("/api/stats")["gets"].as_u64().unwrap())
        .sum();
    assert_eq!(json["stats"]["gets"], gets);
    let loads: u64 = nodes
        .iter()
        .map(|node| node.json("/api/stats")["getter_calls"].as_u64().unwrap())
        .sum();
    assert_eq!((&json["stats"]["getter_calls"], loads), (&json!(2), 2));
}
