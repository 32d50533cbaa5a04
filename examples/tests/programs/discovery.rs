use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{FRONTEND, Server, run};

/// Replaces a file with the members in one step.
fn write(path: &Path, members: &[String]) {
    let new = path.with_extension("new");
    std::fs::write(&new, members.join("\n")).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// Waits until a node has these members.
fn wait_for(node: &Server, members: &[String]) -> Duration {
    let (start, mut wanted) = (Instant::now(), members.to_vec());
    wanted.sort();
    loop {
        let listed = node.json("/api/peers");
        if listed == serde_json::json!(wanted) {
            return start.elapsed();
        }
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_secs(60),
            "{listed} is not {wanted:?}"
        );
    }
}

#[test]
fn frontends_follow_a_file_by_a_flag_or_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("members");
    let source = format!("file:{}", path.display());
    // The first list holds a place for what is not known yet.
    write(&path, &["http://127.0.0.1:9".into()]);
    let by_flag = || Server::start(FRONTEND, &["--discover", &source, "--linger", "1"]);
    let mut by_variable = Command::new(FRONTEND);
    by_variable.env("GROUPCACHE_DISCOVER", &source);
    by_variable.env("GROUPCACHE_LINGER_MS", "1");
    let mut nodes = vec![
        by_flag(),
        by_flag(),
        Server::start_with(&mut by_variable, &[]),
    ];
    let mut urls: Vec<String> = nodes.iter().map(Server::url).collect();
    write(&path, &urls);
    for node in &nodes {
        wait_for(node, &urls);
    }
    let keys = ["one", "two", "three", "four", "five"];
    let calls = |nodes: &[Server]| -> u64 {
        let calls = |node: &Server| node.json("/api/stats")["getter_calls"].as_u64().unwrap();
        nodes.iter().map(calls).sum()
    };
    for key in keys {
        for node in &nodes {
            assert_eq!(node.get(&format!("/api/get?key={key}")).status, 200);
        }
    }
    assert_eq!(calls(&nodes), keys.len() as u64);

    nodes.push(by_flag());
    urls.push(nodes[3].url());
    write(&path, &urls);
    for node in &nodes {
        wait_for(node, &urls);
    }

    std::fs::remove_file(&path).unwrap();
    nodes[0].kill();
    drop(nodes.remove(0));
    let all = urls.clone();
    urls.remove(0);
    for node in &nodes {
        wait_for(node, &all);
    }
    write(&path, &urls);
    for node in &nodes {
        wait_for(node, &urls);
    }

    nodes[0].close_stdin();
    assert!(nodes[0].wait().success());
}

#[test]
fn a_source_that_cannot_work_is_refused_with_the_reason() {
    for (source, reason) in [
        ("http://127.0.0.1:9001", "known are static:"),
        ("static:127.0.0.1:9001", "starts with http"),
        ("file:", "has no path"),
    ] {
        let output = run(FRONTEND, &["--listen", "127.0.0.1:0", "--discover", source]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{source}: {stderr}");
        assert!(stderr.contains(reason), "{source}: {stderr}");
    }
}

#[test]
fn help_shows_no_source_that_is_set() {
    let mut help = Command::new(FRONTEND);
    help.env("GROUPCACHE_DISCOVER", "etcd:http://user:secret@a:1/p")
        .arg("--help");
    let output = help.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("secret"));
}
