//! Nodes that ask for credentials.

use groupcache::{ClientAuth, Node};

use crate::common::pki::Authority;
use crate::common::{Calls, MIB};
use crate::support::{Nodes, listener, tool};

const TOKEN: &str = "correct horse battery staple";

#[tokio::test]
async fn a_token_opens_reports_and_values() {
    let nodes = Nodes::start_with(2, |_, node| node.token(TOKEN)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("\n {TOKEN}\r\nand more\n")).unwrap();
    let file = file.to_str().unwrap();
    for credentials in [["--token-file", file], ["--token", TOKEN]] {
        let node = ["--node", &nodes.urls[0]];
        let check = tool(&[&["check"], &node[..], &credentials].concat()).await;
        assert_eq!(check.code, 0, "{check:?}");
        let get = tool(&[&["get", "k"], &node[..], &credentials].concat()).await;
        assert_eq!((get.code, &*get.out), (0, "value of k"), "{}", get.err);
    }
    for credentials in [&[][..], &["--token", "wrong"]] {
        let ran = tool(&[&["check", "--node", &nodes.urls[0]], credentials].concat()).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(
            ran.err.contains("401") && !ran.err.contains("wrong"),
            "{ran:?}"
        );
    }
    let ran = tool(&[
        "check",
        "--token-file",
        "/nowhere",
        "--node",
        &nodes.urls[0],
    ])
    .await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = tool(&["check", "--token", "line\nbreak", "--node", &nodes.urls[0]]).await;
    assert!(ran.code == 2 && !ran.err.contains("break"), "{ran:?}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn certificates_are_shown_and_checked() {
    let authority = Authority::new();
    let (listener, url) = listener().await;
    let url = url.replace("http://", "https://");
    let tls = authority.tls("127.0.0.1");
    let tls = tls
        .client_auth(ClientAuth::Required)
        .also_admit(["operator"]);
    let node = Node::builder(&url)
        .listener(listener)
        .tls(tls)
        .report_page();
    let node = node.start().await.unwrap();
    let group = node.group("g", MIB, Calls::default().echo());
    let _group = group.build().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    authority.write("operator", |name, text| {
        std::fs::write(folder.path().join(name), text).unwrap();
    });
    let (roots, chain, key) = (path("roots.pem"), path("chain.pem"), path("key.pem"));
    let tls = [
        "--tls-roots",
        &roots,
        "--tls-cert",
        &chain,
        "--tls-key",
        &key,
    ];
    for command in [
        &["check"][..],
        &["get", "k"],
        &["set", "k", "v"],
        &["remove", "k"],
    ] {
        let ran = tool(&[command, &["--node", &url], &tls].concat()).await;
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
    }

    // The roots of somebody else, and no certificates at all.
    Authority::new().write("operator", |name, text| {
        std::fs::write(folder.path().join(format!("other-{name}")), text).unwrap();
    });
    let other = path("other-roots.pem");
    let wrong = [
        "--tls-roots",
        &other,
        "--tls-cert",
        &chain,
        "--tls-key",
        &key,
    ];
    let ran = tool(&[&["check", "--node", &url], &wrong[..]].concat()).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = tool(&["check", "--node", &url]).await;
    assert!(ran.code == 2 && ran.err.contains("--tls-roots"), "{ran:?}");
    let ran = tool(&["check", "--node", &url, "--tls-roots", &roots]).await;
    assert!(ran.code == 2 && ran.err.contains("--tls-cert"), "{ran:?}");
}
