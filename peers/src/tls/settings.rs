use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::pem::Source;
use super::server_name::ServerName;
use crate::Error;

/// The settings of encrypted connections: certificates, and who has to show one.
///
/// A node needs a certificate chain with its key, and the roots that vouch for its peers. One pair serves both as
/// the server's certificate and, where peers [ask for one](ClientAuth), as the client's. Members' URLs begin with
/// `https://`.
///
/// ```no_run
/// use peers::{ClientAuth, HttpOptions, Tls, TcpConnector};
/// use tokio::net::TcpListener;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let certificates = Tls::from_files("node.pem", "node.key")
///     .roots_file("ca.pem")
///     .client_auth(ClientAuth::Required)
///     .load()?;
/// let options = HttpOptions::default().tls(&certificates);
/// let listener = certificates.listener(TcpListener::bind("0.0.0.0:8443").await?);
/// # drop((options, listener));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until they are loaded"]
pub struct Tls {
    pub(super) chain: Source,
    pub(super) key: Source,
    pub(super) roots: Option<Source>,
    pub(super) client: Option<(Source, Source)>,
    pub(super) client_auth: Option<ClientAuth>,
    pub(super) expected: ExpectedName,
    pub(super) also_admit: Vec<String>,
    pub(super) handshake_timeout: Duration,
    pub(super) max_handshakes: usize,
    pub(super) reload_every: Duration,
}

/// Whether a peer has to show a certificate that the [roots](Tls::roots_file) vouch for ("mutual TLS").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuth {
    /// No connection without one.
    Required,
    /// A connection without one is made, and only what needs no credentials is answered on it: health checks, and
    /// with [`Access::Changes`](crate::Access::Changes) reads. A certificate that is shown has to be good.
    Optional,
}

/// To which name a peer's certificate has to be made out when this node dials it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedName {
    /// The host of the member's URL. The default.
    #[default]
    Host,
    /// The member's id, for URLs whose host is an address that changes, such as a pod's. Where the id cannot be a
    /// name, because it is a URL, the host of the URL.
    Id,
    /// The same name for all members.
    Fixed(ServerName),
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The most handshakes that may be allowed at once.
const MAX_HANDSHAKES: usize = 1 << 16;

impl Tls {
    /// The chain and its key in PEM files: the node's own certificate first, then those between it and a root.
    /// A key is PKCS#8, PKCS#1 or SEC1.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Source::File(chain.into()), Source::File(key.into()))
    }

    /// The same in memory.
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::bytes(chain), Source::bytes(key))
    }

    fn new(chain: Source, key: Source) -> Self {
        Self {
            chain,
            key,
            roots: None,
            client: None,
            client_auth: None,
            expected: ExpectedName::Host,
            also_admit: Vec::new(),
            handshake_timeout: Duration::from_secs(5),
            max_handshakes: 512,
            reload_every: Duration::from_secs(60),
        }
    }

    /// The certificates of those who vouch for peers, in a PEM file. Needed: no set of public authorities is
    /// trusted, as these would vouch for anybody.
    pub fn roots_file(mut self, roots: impl Into<PathBuf>) -> Self {
        self.roots = Some(Source::File(roots.into()));
        self
    }

    /// The same in memory.
    pub fn roots_pem(mut self, roots: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(Source::bytes(roots));
        self
    }

    /// Another chain and key for dialling, in PEM files. Default: those of the server.
    pub fn client_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client = Some((Source::File(chain.into()), Source::File(key.into())));
        self
    }

    /// The same in memory.
    pub fn client_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some((Source::bytes(chain), Source::bytes(key)));
        self
    }

    /// Asks peers for a certificate. In a node, it has to be a current member's too: see
    /// [`Roster`](crate::Roster). Default: peers are asked for none, and are encrypted but unknown.
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.client_auth = Some(auth);
        self
    }

    /// The name that this node expects of a peer that it dials. Default: the host of the member's URL.
    pub fn expect(mut self, name: ExpectedName) -> Self {
        self.expected = name;
        self
    }

    /// Names that may ask besides the members, for [`Roster::also`](crate::Roster::also). Used where a node is
    /// built of these settings.
    pub fn also_admit<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.also_admit = names.into_iter().map(Into::into).collect();
        self
    }

    /// The longest time of a handshake with a peer that connects. When this node dials, the time counts into
    /// [`HttpOptions::connect_timeout`](crate::HttpOptions::connect_timeout). Default: 5 s; at most a day.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// The most handshakes at one time with peers that connect. One more ends the oldest, so that connections that say
    /// nothing keep nobody out. Default: 512.
    pub fn max_handshakes(mut self, handshakes: usize) -> Self {
        self.max_handshakes = handshakes;
        self
    }

    /// How often the files are read again, in case they have changed, and the certificates of the other ends of
    /// connections are looked at, in case they have expired. Zero: files are read only by
    /// [`Certificates::reload`](crate::Certificates::reload), and certificates looked at every 60 s. Default: 60 s; at
    /// most a day.
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.reload_every = interval;
        self
    }

    /// Refuses limits that cannot work.
    pub(super) fn check_limits(&self) -> Result<(), Error> {
        for (name, time, least) in [
            (
                "handshake_timeout",
                self.handshake_timeout,
                Duration::from_millis(1),
            ),
            ("reload_every", self.reload_every, Duration::ZERO),
        ] {
            if !(least..=LONGEST).contains(&time) {
                let reason = format!("{time:?} is not from {least:?} to a day");
                return Err(Error::invalid_option(name, reason));
            }
        }
        if !(1..=MAX_HANDSHAKES).contains(&self.max_handshakes) {
            let reason = format!("it is from 1 to {MAX_HANDSHAKES}");
            return Err(Error::invalid_option("max_handshakes", reason));
        }
        Ok(())
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        let client = self.client.iter().flat_map(|(chain, key)| [chain, key]);
        [&self.chain, &self.key]
            .into_iter()
            .chain(&self.roots)
            .chain(client)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("chain", &self.chain)
            .field("key", &self.key)
            .field("roots", &self.roots)
            .field("client_auth", &self.client_auth)
            .field("expected", &self.expected)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("max_handshakes", &self.max_handshakes)
            .field("reload_every", &self.reload_every)
            .finish_non_exhaustive()
    }
}
