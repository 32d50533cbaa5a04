//! Nodes and other servers to be asked, and the tool that asks them.

use std::process::{Output, Stdio};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use groupcache::{Group, Never, Node, NodeBuilder};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::common::{Calls, MIB};

/// What the tool has written, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The findings of a check, as `kind member`, in the order of the text.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let json = self.json();
        let findings = json["findings"].as_array().expect("findings").iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        findings
            .map(|finding| (text(&finding["kind"]), text(&finding["member"])))
            .collect()
    }
}

/// Runs the tool to its end.
pub(crate) async fn tool(args: &[&str]) -> Ran {
    tool_with(args, b"").await
}

/// As [`tool`], with these bytes on stdin.
pub(crate) async fn tool_with(args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupcache"));
    command.args(args).kill_on_drop(true);
    for variable in [
        "GROUPCACHE_PEERS",
        "GROUPCACHE_PROTOCOL",
        "GROUPCACHE_REPLICAS",
        "GROUPCACHE_CLUSTER",
    ] {
        command.env_remove(variable);
    }
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let feed = async {
        // The tool may end without having read it.
        _ = input.write_all(stdin).await;
        drop(input);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    ran(output.unwrap())
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("an end of its own"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

/// A listener on a free port, and the URL that leads there.
pub(crate) async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A URL at which nobody listens.
pub(crate) async fn dead_url() -> String {
    listener().await.1
}

/// Nodes that know each other, each with a group `g` without mirrors.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Node>,
    pub(crate) groups: Vec<Group>,
    pub(crate) urls: Vec<String>,
    pub(crate) calls: Calls,
}

impl Nodes {
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_with(count, |_, node| node).await
    }

    /// `configure` is told the number of each node.
    pub(crate) async fn start_with(
        count: usize,
        configure: impl Fn(usize, NodeBuilder) -> NodeBuilder,
    ) -> Self {
        let (mut listeners, mut urls) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (listener, url) = listener().await;
            listeners.push(listener);
            urls.push(url);
        }
        let calls = Calls::default();
        let (mut nodes, mut groups) = (Vec::new(), Vec::new());
        for (n, listener) in listeners.into_iter().enumerate() {
            let node = Node::builder(&urls[n]).peers(&urls).listener(listener);
            let node = configure(n, node.report_page()).start().await.unwrap();
            let group = node.group("g", MIB, calls.echo()).promoter(Never);
            groups.push(group.build().unwrap());
            nodes.push(node);
        }
        Self {
            nodes,
            groups,
            urls,
            calls,
        }
    }

    /// A key that the node of this number owns.
    pub(crate) fn key_of(&self, owner: usize) -> String {
        let mut keys = (0..).map(|n| format!("key-{n}"));
        let owner = self.nodes[owner].member();
        keys.find(|key| self.nodes[0].owner(key).as_ref() == Some(owner))
            .unwrap()
    }
}

/// A server that answers for the reports of many members: member `NAME` has the URL `http://…/NAME`.
pub(crate) struct Reporter {
    pub(crate) url: String,
    server: JoinHandle<()>,
}

impl Reporter {
    /// Answers with what `report` makes of the server's URL and the member's name; `None` is 404.
    pub(crate) async fn start(
        report: impl Fn(&str, &str) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> Self {
        let (listener, url) = listener().await;
        let base = url.clone();
        let answer = get(move |Path(name): Path<String>| {
            let answer = report(&base, &name);
            async move { answer.ok_or(StatusCode::NOT_FOUND) }
        });
        let app = Router::new().route("/{name}/groupcachez.json", answer);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, server }
    }

    pub(crate) fn member(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}
