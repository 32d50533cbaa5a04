use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};

use super::pem::{Pem, Source};
use super::settings::{ClientAuth, Tls};
use crate::Error;

/// The certificates of a running node, from [`Tls::load`]. Clones share them.
///
/// They can be [replaced](Self::reload) while the node runs. Connections that are made later use the new ones. Those that
/// exist go on, as long as the roots vouch for the other end and its certificate has not expired. This is looked at after
/// each reload, and as often as the files are ([`Tls::reload_every`]). A connection that may go on no more ends in good
/// order: no request begins on it, and those under way have the time that they have when a server shuts down.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    settings: Tls,
    current: ArcSwap<Configs>,
    /// Tells of each reload that has changed something.
    reloads: watch::Sender<()>,
    /// Held while files are read, which happens now and then.
    reloading: Mutex<Reloading>,
}

/// What connections are made with, and what the other end's certificates are checked with.
pub(super) struct Configs {
    pub(super) server: Arc<ServerConfig>,
    /// For dialling, by the version of HTTP that follows.
    pub(super) http1: Arc<ClientConfig>,
    pub(super) http2: Arc<ClientConfig>,
    pub(super) servers: Arc<WebPkiServerVerifier>,
    /// `None` if peers are asked for no certificates.
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// How many encrypted bytes of a connection may wait to be written. With rustls's own 64 KiB, a value of that length and
/// its head would leave in two writes.
pub(super) const MOST_UNWRITTEN: usize = 128 << 10;

/// How often the certificates of connections are looked at where files are not.
const LOOK_EVERY: Duration = Duration::from_secs(60);

struct Reloading {
    loaded: Pems,
    /// Whether the last attempt failed, which is logged once.
    failed: bool,
}

/// The texts of all files.
#[derive(PartialEq)]
struct Pems {
    chain: Pem,
    key: Pem,
    roots: Pem,
    client: Option<(Pem, Pem)>,
}

impl Tls {
    /// Reads the certificates and starts to look after their files, if there are any and this is a tokio runtime.
    /// Blocks while files are read.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the file or the option: a file that cannot be read, PEM without
    /// certificate or key, a key of another certificate, no roots.
    pub fn load(self) -> Result<Certificates, Error> {
        self.check_limits()?;
        let loaded = Pems::read(&self)?;
        let this = Certificates(Arc::new(Inner {
            current: ArcSwap::from_pointee(loaded.configs(&self)?),
            reloads: watch::Sender::new(()),
            settings: self,
            reloading: Mutex::new(Reloading {
                loaded,
                failed: false,
            }),
        }));
        this.look_after_files();
        Ok(this)
    }
}

impl Certificates {
    /// Reads the files again. Says whether anything has changed. Blocks while it reads; without files there is
    /// nothing to do.
    ///
    /// # Errors
    ///
    /// As [`Tls::load`]. The certificates are as they were. The first failure in a row is logged as a warning.
    pub fn reload(&self) -> Result<bool, Error> {
        let mut reloading = self.0.reloading.lock();
        let result = self.0.renew(&mut reloading.loaded);
        match &result {
            Err(error) if !reloading.failed => {
                tracing::warn!(%error, "the certificates cannot be reloaded: the old ones stay in use");
            }
            Err(error) => tracing::debug!(%error, "the certificates cannot be reloaded"),
            Ok(true) => tracing::info!("the certificates were reloaded"),
            Ok(false) if reloading.failed => tracing::info!("the certificates can be read again"),
            Ok(false) => {}
        }
        reloading.failed = result.is_err();
        result
    }

    /// Whether peers are asked for certificates.
    pub fn asks_for_certificates(&self) -> bool {
        self.0.settings.client_auth.is_some()
    }

    /// The names of [`Tls::also_admit`].
    pub fn also_admitted(&self) -> &[String] {
        &self.0.settings.also_admit
    }

    pub(super) fn settings(&self) -> &Tls {
        &self.0.settings
    }

    /// The current ones, to be looked at and given back at once.
    pub(super) fn in_use(&self) -> Guard<Arc<Configs>> {
        self.0.current.load()
    }

    /// The current ones, to be kept.
    pub(super) fn current(&self) -> Arc<Configs> {
        self.0.current.load_full()
    }

    /// Tells of each reload from now on that changes something.
    pub(super) fn reloads(&self) -> watch::Receiver<()> {
        self.0.reloads.subscribe()
    }

    /// How often the certificates of the other ends are looked at.
    pub(super) fn look_every(&self) -> Duration {
        let interval = self.0.settings.reload_every;
        if interval.is_zero() {
            LOOK_EVERY
        } else {
            interval
        }
    }

    /// Starts the task that reads the files from time to time, until the last clone of this is gone.
    fn look_after_files(&self) {
        let settings = &self.0.settings;
        let interval = settings.reload_every;
        let has_files = settings.sources().any(Source::is_file);
        if interval.is_zero() || !has_files {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let this = Arc::downgrade(&self.0);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(interval.max(Duration::from_millis(1))).await;
                let Some(inner) = this.upgrade() else { return };
                // Files may lie on a network. The error is logged there.
                _ = spawn_blocking(move || Self(inner).reload()).await;
            }
        });
    }
}

impl Inner {
    fn renew(&self, loaded: &mut Pems) -> Result<bool, Error> {
        let read = Pems::read(&self.settings)?;
        if read == *loaded {
            return Ok(false);
        }
        self.current.store(Arc::new(read.configs(&self.settings)?));
        *loaded = read;
        self.reloads.send_replace(());
        Ok(true)
    }
}

impl Pems {
    fn read(settings: &Tls) -> Result<Self, Error> {
        let Some(roots) = &settings.roots else {
            let reason = "it needs roots, which vouch for the peers";
            return Err(Error::invalid_option("tls", reason));
        };
        let client = match &settings.client {
            None => None,
            Some((chain, key)) => Some((
                chain.read("the client's certificates")?,
                key.read("the client's key")?,
            )),
        };
        Ok(Self {
            chain: settings.chain.read("the certificates")?,
            key: settings.key.read("the key")?,
            roots: roots.read("the roots")?,
            client,
        })
    }

    fn configs(&self, settings: &Tls) -> Result<Configs, Error> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(self.roots.roots()?);
        let servers =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let servers = servers.build();
        let servers = servers.map_err(|error| self.roots.bad(&error.to_string()))?;
        let clients = settings
            .client_auth
            .map(|auth| self.clients(&provider, &roots, auth));
        let clients = clients.transpose()?;
        Ok(Configs {
            server: Arc::new(self.server(&provider, clients.clone())?),
            http1: Arc::new(self.client(&provider, &servers, b"http/1.1")?),
            http2: Arc::new(self.client(&provider, &servers, b"h2")?),
            servers,
            clients,
        })
    }

    /// Checks the certificates of peers that connect.
    fn clients(
        &self,
        provider: &Arc<CryptoProvider>,
        roots: &Arc<RootCertStore>,
        auth: ClientAuth,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
        let verifier = match auth {
            ClientAuth::Required => verifier,
            ClientAuth::Optional => verifier.allow_unauthenticated(),
        };
        let verifier = verifier.build();
        verifier.map_err(|error| self.roots.bad(&error.to_string()))
    }

    fn server(
        &self,
        provider: &Arc<CryptoProvider>,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder
            .with_single_cert(self.chain.chain()?, self.key.key()?)
            .map_err(|error| self.key.bad(&error.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A resumed session would not look at the certificates again, which may have expired meanwhile. Connections
        // between nodes last long, so that a handshake is rare.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn client(
        &self,
        provider: &Arc<CryptoProvider>,
        servers: &Arc<WebPkiServerVerifier>,
        alpn: &[u8],
    ) -> Result<ClientConfig, Error> {
        let (chain, key) = match &self.client {
            Some((chain, key)) => (chain, key),
            None => (&self.chain, &self.key),
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_webpki_verifier(Arc::clone(servers))
            .with_client_auth_cert(chain.chain()?, key.key()?)
            .map_err(|error| key.bad(&error.to_string()))?;
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unusable(error: rustls::Error) -> Error {
    Error::invalid_option("tls", error.to_string())
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates")
            .field(&self.0.settings)
            .finish()
    }
}
