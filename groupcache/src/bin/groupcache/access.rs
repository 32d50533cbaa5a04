use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use groupcache::peers::{Connector, TcpConnector};
use groupcache::{HttpOptions, Tokens};
use http::HeaderValue;

use super::failure::Failure;
use super::input::unreadable;

/// How nodes are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "How nodes are reached")]
pub(super) struct AccessOptions {
    /// File of the tokens that the nodes share, one a line: the first is sent.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The token itself, which other users of this machine may see; a file is better.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
    /// Certificates of those who vouch for the nodes, as PEM.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["tls_cert", "tls_key"])]
    tls_roots: Option<PathBuf>,
    /// Certificate that this tool shows, as PEM. Nodes that ask for one admit a member's, or one that they were told of.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["tls_roots", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// Its key, as PEM.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["tls_roots", "tls_cert"])]
    tls_key: Option<PathBuf>,
    /// Name in the nodes' certificates: host (of the URL), id (of the member), or a name that all of them have.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "NAME", default_value = "host")]
    tls_name: String,
    /// Time that a connection may take.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    connect_timeout: Duration,
    /// Time that a node may take to answer [default: 5s for a report, 30s for a get, set or removal].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Path of a node's report, after its URL.
    #[arg(long, value_name = "PATH", default_value = "/groupcachez.json")]
    pub(super) report_path: String,
    /// Bytes of a report, beyond which it is refused.
    #[arg(long, value_name = "N", default_value_t = 16 << 20)]
    pub(super) max_report_bytes: usize,
}

/// The means to reach nodes.
#[derive(Debug)]
pub(super) struct Access {
    /// For the peer protocol.
    pub(super) http: HttpOptions,
    /// For reports.
    pub(super) connector: Arc<dyn Connector>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) connect_timeout: Duration,
    pub(super) report_timeout: Duration,
}

/// The bytes of a file with tokens that are read: as many as a node reads.
const TOKEN_FILE: u64 = 64 << 10;

impl AccessOptions {
    /// Reads token and certificates.
    pub(super) fn load(&self) -> Result<Access, Failure> {
        let request_timeout = self.timeout.unwrap_or(Duration::from_secs(30));
        let mut http = HttpOptions::default()
            .connect_timeout(self.connect_timeout)
            .request_timeout(request_timeout);
        let token = match &self.token_file {
            Some(file) => Some(first_token(file)?),
            None => self.token.clone(),
        };
        let mut authorization = None;
        if let Some(token) = token {
            let tokens = Tokens::new(&token).map_err(|error| Failure::start(&error))?;
            http = http.tokens(tokens);
            let header = HeaderValue::try_from(format!("Bearer {token}"));
            let mut header = header.map_err(|error| Failure::start(&error))?;
            header.set_sensitive(true);
            authorization = Some(header);
        }
        let connector = self.connector()?;
        http = http.connector(Arc::clone(&connector));
        http.validate().map_err(|error| Failure::start(&error))?;
        Ok(Access {
            http,
            connector,
            authorization,
            connect_timeout: self.connect_timeout,
            report_timeout: self.timeout.unwrap_or(Duration::from_secs(5)),
        })
    }

    #[cfg(not(feature = "tls"))]
    fn connector(&self) -> Result<Arc<dyn Connector>, Failure> {
        Ok(Arc::new(TcpConnector))
    }

    #[cfg(feature = "tls")]
    fn connector(&self) -> Result<Arc<dyn Connector>, Failure> {
        Ok(match self.certificates()? {
            Some(certificates) => Arc::new(certificates.connector(TcpConnector)),
            None => Arc::new(TcpConnector),
        })
    }

    #[cfg(feature = "tls")]
    fn certificates(&self) -> Result<Option<groupcache::Certificates>, Failure> {
        use groupcache::{ExpectedName, ServerName, Tls};

        let (Some(roots), Some(chain), Some(key)) =
            (&self.tls_roots, &self.tls_cert, &self.tls_key)
        else {
            return Ok(None);
        };
        let expected = match &*self.tls_name {
            "host" => ExpectedName::Host,
            "id" => ExpectedName::Id,
            name => {
                let name = ServerName::new(name).map_err(|error| Failure::start(&error))?;
                ExpectedName::Fixed(name)
            }
        };
        let tls = Tls::from_files(chain, key)
            .roots_file(roots)
            .expect(expected);
        let loaded = tls.load().map_err(|error| Failure::start(&error))?;
        Ok(Some(loaded))
    }
}

/// The first token of a file, by the rules of [`Tokens::from_file`], which keeps the token to itself.
fn first_token(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: io::Error| unreadable(path, &error);
    let file = File::open(path).map_err(unreadable)?;
    for line in BufReader::new(file.take(TOKEN_FILE)).lines() {
        let line = line.map_err(unreadable)?;
        let token = line.trim();
        if !token.is_empty() {
            return Ok(token.to_owned());
        }
    }
    let text = format!("{} has no token", path.display());
    Err(Failure::Start(text))
}
