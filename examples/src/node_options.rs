use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use groupcache::peers::{Listener, parse_discovery};
use groupcache::{ClientAuth, Member, Node, NodeBuilder, Tls, Tokens};
use tokio::net::TcpListener;

use crate::BoxError;

/// What each node of a cluster is told: who it is, who the others are, and who may talk to it.
#[derive(Debug, Args)]
pub(crate) struct NodeOptions {
    /// How peers reach this node, as URL or ID=URL [default: http:// or https://, and the address].
    #[arg(long = "self", value_name = "URL", env = "GROUPCACHE_SELF")]
    this: Option<String>,
    /// The members of the cluster, as URL or ID=URL, with or without this node.
    #[arg(long, value_name = "URL,URL", env = "GROUPCACHE_PEERS")]
    peers: Vec<String>,
    /// Where the members are to be found while the program runs, as in file:PATH or kubernetes:NAMESPACE/SERVICE.
    // Not shown by --help, as a source may have a password in it.
    #[arg(
        long,
        value_name = "SOURCE",
        env = "GROUPCACHE_DISCOVER",
        hide_env_values = true
    )]
    discover: Option<String>,
    #[command(flatten)]
    tls: TlsOptions,
    /// File of the tokens that all nodes share, one a line: the first is sent, and all are accepted.
    #[arg(long, value_name = "FILE", env = "GROUPCACHE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// The certificates of a node. All files are PEM, and are read again when they change.
#[derive(Debug, Args)]
struct TlsOptions {
    /// Certificate of this node, with those between it and a root; encrypts all connections.
    #[arg(long, value_name = "FILE", env = "GROUPCACHE_TLS_CERT", requires_all = ["tls_key", "tls_roots"])]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate.
    #[arg(
        long,
        value_name = "FILE",
        env = "GROUPCACHE_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Certificates of the authorities that vouch for peers.
    #[arg(
        long,
        value_name = "FILE",
        env = "GROUPCACHE_TLS_ROOTS",
        requires = "tls_cert"
    )]
    tls_roots: Option<PathBuf>,
    /// Answer only peers that show the certificate of a member. Users, who share the port, need none.
    #[arg(long, env = "GROUPCACHE_TLS_MUTUAL", requires = "tls_cert")]
    mutual: bool,
}

impl NodeOptions {
    /// The node with these settings, whose server listens at `address`.
    pub(crate) fn builder(self, address: SocketAddr) -> Result<NodeBuilder, BoxError> {
        let tls = self.tls.load();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let this = match self.this {
            Some(this) => this,
            None => url_of(address, scheme)?,
        };
        let mut node = Node::builder(this).peers(Member::list(&self.peers.join(","))?);
        if let Some(source) = self.discover {
            node = node.discovery(parse_discovery(&source)?);
        }
        if let Some(tls) = tls {
            node = node.tls(tls);
        }
        if let Some(file) = self.token_file {
            node = node.token(Tokens::from_file(file)?);
        }
        Ok(node)
    }
}

impl TlsOptions {
    /// The settings, if there are any.
    fn load(self) -> Option<Tls> {
        let tls = Tls::from_files(self.tls_cert?, self.tls_key?).roots_file(self.tls_roots?);
        Some(if self.mutual {
            // Not `Required`, as `NodeBuilder::from_env` has it: the handshakes of users would fail.
            tls.client_auth(ClientAuth::Optional)
        } else {
            tls
        })
    }
}

/// The listener of a node's server: with TLS, if the node has certificates.
pub(crate) fn secured(listener: TcpListener, node: &Node) -> Box<dyn Listener> {
    match node.certificates() {
        Some(certificates) => Box::new(certificates.listener(listener)),
        None => Box::new(listener),
    }
}

fn url_of(address: SocketAddr, scheme: &str) -> Result<String, BoxError> {
    let url = format!("{scheme}://{address}");
    if address.ip().is_unspecified() {
        return Err(format!("--self is needed, because no peer can reach {url}").into());
    }
    Ok(url)
}
