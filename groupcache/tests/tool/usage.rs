//! Options, help and completions.

use crate::support::{Nodes, tool};

#[tokio::test]
async fn every_command_has_help() {
    let ran = tool(&["--help"]).await;
    assert_eq!(ran.code, 0);
    for command in [
        "get",
        "set",
        "remove",
        "owner",
        "stats",
        "top",
        "check",
        "completions",
    ] {
        assert!(
            ran.out.contains(&format!("  {command} ")),
            "{command}: {}",
            ran.out
        );
        let help = tool(&[command, "--help"]).await;
        assert_eq!(help.code, 0, "{command}");
        assert!(
            help.out.contains("Usage: groupcache"),
            "{command}: {}",
            help.out
        );
    }
}

#[tokio::test]
async fn options_that_cannot_work_are_named() {
    for (args, complaint) in [
        (&["check"][..], "--node or --peers is needed"),
        (&["check", "--node", "a:1"], "http://"),
        (
            &["check", "--node", "http://a", "--max-skew", "soon"],
            "--max-skew",
        ),
        (
            &["check", "--node", "http://a", "--report-path", "x"],
            "slash",
        ),
        (
            &["check", "--node", "http://a", "--connect-timeout", "0s"],
            "connect_timeout",
        ),
        (&["get", "k", "--at", "x", "--peers", "http://a"], "--peek"),
        (
            &["get", "k", "--protocol", "smoke", "--peers", "http://a"],
            "known are native",
        ),
        (&["set", "k", "--peers", "http://a"], "VALUE"),
        (&["remove", "--peers", "http://a"], "KEY"),
        (&["fly"], "fly"),
    ] {
        let ran = tool(args).await;
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.err.contains(complaint), "{args:?}: {}", ran.err);
    }
}

#[tokio::test]
async fn shells_get_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = tool(&["completions", shell]).await;
        assert_eq!(ran.code, 0, "{shell}: {ran:?}");
        for word in ["max-skew", "keys-from", "check"] {
            assert!(ran.out.contains(word), "{shell} does not know {word}");
        }
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let nodes = Nodes::start(1).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = tokio::process::Command::new(env!("CARGO_BIN_EXE_groupcache"))
        .args(["stats", "--node", &nodes.urls[0]])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let ran = ran.wait_with_output().await.unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_an_error() {
    let nodes = Nodes::start(1).await;
    let command = format!(
        "{} stats --node {} 2>&1 >/dev/full; echo code $?",
        env!("CARGO_BIN_EXE_groupcache"),
        nodes.urls[0]
    );
    let ran = tokio::process::Command::new("sh")
        .args(["-c", &command])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(
        text.contains("cannot be written") && text.contains("code 1"),
        "{text}"
    );
}
