use std::net::SocketAddr;

use peers::{Access, HttpOptions, HttpService, Listener, Router, Server, Tokens};
#[cfg(feature = "tls")]
use peers::{Certificates, Roster, Tls};

/// The settings that say who may talk to a node to be.
#[derive(Default)]
pub(super) struct Security {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) tokens: Option<Result<Tokens, peers::Error>>,
    pub(super) access: Option<Access>,
}

/// The same, once the certificates are loaded.
pub(super) struct Secured {
    #[cfg(feature = "tls")]
    pub(super) certificates: Option<Certificates>,
    access: Option<Access>,
}

impl Security {
    /// Loads the certificates, and sets the options of a client: it dials with TLS and sends the token.
    pub(super) async fn load(
        self,
        mut http: HttpOptions,
    ) -> Result<(Secured, HttpOptions), peers::Error> {
        if let Some(tokens) = self.tokens {
            http = http.tokens(tokens?);
        }
        #[cfg(feature = "tls")]
        let certificates = match self.tls {
            Some(tls) => Some(load(tls).await?),
            None => None,
        };
        #[cfg(feature = "tls")]
        if let Some(certificates) = &certificates {
            http = http.tls(certificates);
        }
        let secured = Secured {
            #[cfg(feature = "tls")]
            certificates,
            access: self.access,
        };
        Ok((secured, http))
    }
}

/// Reads the files on a thread that may block.
#[cfg(feature = "tls")]
async fn load(tls: Tls) -> Result<Certificates, peers::Error> {
    let loading = tokio::task::spawn_blocking(|| tls.load());
    let failed =
        |error: tokio::task::JoinError| peers::Error::invalid_option("tls", error.to_string());
    loading.await.map_err(failed)?
}

impl Secured {
    /// Sets the options of the server: it answers the router's members.
    pub(super) fn guard(
        &self,
        mut http: HttpOptions,
        router: &Router,
    ) -> Result<HttpOptions, peers::Error> {
        if let Some(access) = self.access {
            http = http.access(access);
        }
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates
            && certificates.asks_for_certificates()
        {
            let roster = Roster::new(router.watch_members());
            return Ok(http.roster(roster.also(certificates.also_admitted())?));
        }
        let _ = router;
        Ok(http)
    }

    /// Starts a server on a listener, with TLS if the node has certificates.
    pub(super) fn serve(
        &self,
        listener: impl Listener,
        service: HttpService,
    ) -> Result<Server, peers::Error> {
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates {
            return Server::start(certificates.listener(listener), service);
        }
        Server::start(listener, service)
    }
}

/// Tells the log that anybody on the network may read and delete, if that is so.
pub(super) fn warn_if_open(address: SocketAddr, http: &HttpOptions) {
    if !address.ip().to_canonical().is_loopback() && !http.is_guarded() {
        tracing::warn!(
            %address,
            "whoever reaches this address can read and delete all values: the node asks for no credentials; \
             see NodeBuilder::token and NodeBuilder::tls"
        );
    }
}
