use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::process::Process;
use crate::BoxError;
use crate::client::Client;

/// The nodes of the cluster, each a process.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    /// The flags that all nodes have.
    args: Vec<String>,
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    url: String,
    /// Whether callers should go there; written before the process is killed and after it is back.
    up: AtomicBool,
    process: Mutex<Process>,
}

impl Nodes {
    /// Starts the nodes on free ports, and then tells each of them who the others are.
    pub(super) async fn start(
        count: u16,
        args: impl IntoIterator<Item = String>,
    ) -> Result<Self, BoxError> {
        let args: Vec<String> = args.into_iter().collect();
        let mut nodes = Vec::new();
        for _ in 0..count {
            let listen = "--listen=127.0.0.1:0".to_owned();
            let process = Process::start("frontend", args.iter().cloned().chain([listen])).await?;
            nodes.push(Node {
                address: process.address(),
                url: process.url(),
                up: AtomicBool::new(true),
                process: Mutex::new(process),
            });
        }
        let nodes = Self { nodes, args };
        let client = Client::new();
        let members = json!(nodes.urls().collect::<Vec<_>>()).to_string();
        for url in nodes.urls() {
            client
                .send_ok(Method::PUT, &format!("{url}/api/peers"), members.clone())
                .await?;
        }
        Ok(nodes)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| &*node.url)
    }

    pub(super) fn url(&self, node: usize) -> &str {
        &self.nodes[node].url
    }

    pub(super) fn is_up(&self, node: usize) -> bool {
        self.nodes[node].up.load(Ordering::SeqCst)
    }

    /// Kills a node. The others are not told; they find out.
    pub(super) async fn kill(&self, node: usize) -> Result<(), BoxError> {
        let node = &self.nodes[node];
        node.up.store(false, Ordering::SeqCst);
        node.process.lock().await.kill().await
    }

    /// Starts a killed node again, under its old address.
    pub(super) async fn restart(&self, node: usize) -> Result<(), BoxError> {
        let members = self.urls().collect::<Vec<_>>().join(",");
        let node = &self.nodes[node];
        let args: Vec<String> = self
            .args
            .iter()
            .cloned()
            .chain([
                format!("--listen={}", node.address),
                format!("--peers={members}"),
            ])
            .collect();
        // The system may have lent the port to an outgoing connection meanwhile.
        let mut attempts = 20;
        let process = loop {
            match Process::start("frontend", args.clone()).await {
                Ok(process) => break process,
                Err(_) if attempts > 0 => attempts -= 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        *node.process.lock().await = process;
        node.up.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// What each node counted; null for one that is down.
    pub(super) async fn stats(&self, client: &Client) -> Vec<Value> {
        let mut all = Vec::new();
        for url in self.urls() {
            let stats = client
                .send_ok(Method::GET, &format!("{url}/api/stats"), "")
                .await;
            let mut stats: Value = stats
                .ok()
                .and_then(|json| serde_json::from_slice(&json).ok())
                .unwrap_or_default();
            if let Value::Object(stats) = &mut stats {
                stats.insert("url".into(), url.into());
            }
            all.push(stats);
        }
        all
    }
}
