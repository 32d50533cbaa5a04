use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::executable::Executable;
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

/// The machine itself.
pub(super) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where a node runs, and as what program.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) executable: Executable,
    pub(super) ip: IpAddr,
}

impl Home {
    pub(super) fn local(executable: Executable) -> Self {
        Self {
            executable,
            ip: LOCALHOST,
        }
    }
}

#[derive(Debug)]
struct Node {
    executable: Executable,
    address: SocketAddr,
    url: String,
    /// Whether callers should go there; written before the process is killed and after it is back.
    up: watch::Sender<bool>,
    process: Mutex<Process>,
}

impl Node {
    fn new(executable: Executable, process: Process) -> Self {
        Self {
            executable,
            address: process.address(),
            url: process.url(),
            up: watch::Sender::new(true),
            process: Mutex::new(process),
        }
    }
}

impl Nodes {
    /// Starts the nodes on free ports, and then tells each of them who the others are.
    pub(super) async fn start(homes: Vec<Home>, args: Vec<String>) -> Result<Self, BoxError> {
        let mut nodes = Vec::new();
        for Home { executable, ip } in homes {
            let listen = format!("--listen={ip}:0");
            let args = args.iter().cloned().chain([listen]);
            let process = Process::start(&executable, args).await?;
            nodes.push(Node::new(executable, process));
        }
        let nodes = Self { nodes, args };
        nodes.tell_all().await?;
        Ok(nodes)
    }

    /// Tells each node that is up which nodes are.
    pub(super) async fn tell_all(&self) -> Result<(), BoxError> {
        let client = Client::new();
        let up = || self.nodes.iter().filter(|node| *node.up.borrow());
        let members: Vec<&str> = up().map(|node| &*node.url).collect();
        let members = json!(members).to_string();
        for Node { url, .. } in up() {
            let api = format!("{url}/api/peers");
            client.send_ok(Method::PUT, &api, members.clone()).await?;
        }
        Ok(())
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

    pub(super) fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].address
    }

    /// The number that the system knows a node's process by.
    pub(super) async fn process_id(&self, node: usize) -> Result<u32, BoxError> {
        self.nodes[node].process.lock().await.id()
    }

    pub(super) fn is_up(&self, node: usize) -> bool {
        *self.nodes[node].up.borrow()
    }

    /// Waits until callers should no longer go to a node.
    pub(super) async fn went_down(&self, node: usize) {
        let mut up = self.nodes[node].up.subscribe();
        // The sender is here.
        let _ = up.wait_for(|up| !up).await;
    }

    /// Kills a node. The others are not told; they find out.
    pub(super) async fn kill(&self, node: usize) -> Result<(), BoxError> {
        let node = &self.nodes[node];
        node.up.send_replace(false);
        node.process.lock().await.kill().await
    }

    /// Has a node leave in order, and end. Its callers go elsewhere first, as behind a load balancer.
    pub(super) async fn end(&self, node: usize) -> Result<(), BoxError> {
        let node = &self.nodes[node];
        node.up.send_replace(false);
        node.process.lock().await.end().await
    }

    /// Has callers go elsewhere, though the node is there.
    pub(super) fn avoid(&self, node: usize) {
        self.nodes[node].up.send_replace(false);
    }

    /// Lets callers come back.
    pub(super) fn welcome(&self, node: usize) {
        self.nodes[node].up.send_replace(true);
    }

    /// Stops a node in its tracks. The others are not told.
    pub(super) async fn pause(&self, node: usize) -> Result<(), BoxError> {
        let node = &self.nodes[node];
        node.up.send_replace(false);
        node.process.lock().await.pause()
    }

    /// Lets a stopped node go on.
    pub(super) async fn resume(&self, node: usize) -> Result<(), BoxError> {
        let node = &self.nodes[node];
        node.process.lock().await.resume()?;
        node.up.send_replace(true);
        Ok(())
    }

    /// Brings the last node in, which has been [kept back](Self::keep_back).
    pub(super) async fn join(&self) -> Result<(), BoxError> {
        let last = self.nodes.len() - 1;
        self.restart(last).await?;
        self.tell_all().await
    }

    /// Ends the last node before it does anything, and tells the others that it is not there.
    pub(super) async fn keep_back(&self) -> Result<(), BoxError> {
        self.kill(self.nodes.len() - 1).await?;
        self.tell_all().await
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
            match Process::start(&node.executable, args.clone()).await {
                Ok(process) => break process,
                Err(_) if attempts > 0 => attempts -= 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        *node.process.lock().await = process;
        node.up.send_replace(true);
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
