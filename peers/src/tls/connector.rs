use std::io;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use tokio_rustls::TlsConnector as Handshake;

use super::certificates::{Certificates, MOST_UNWRITTEN};
use super::dialled::Dialled;
use super::refusal;
use super::server_name::ServerName;
use super::settings::ExpectedName;
use super::shown_chain::ShownChain;
use crate::http::Validity;
use crate::{BoxFuture, Connected, Connector, Destination, Io};

/// Makes encrypted connections over those of another connector. Made by [`Certificates::connector`].
///
/// The peer's certificate has to be made out to the name that the [settings expect](crate::Tls::expect), and the
/// roots have to vouch for it. It is told by ALPN whether HTTP/1.1 or HTTP/2 follows.
#[derive(Clone, Debug)]
pub struct TlsConnector<C> {
    inner: C,
    certificates: Certificates,
}

impl Certificates {
    /// Wraps a connector: it dials `https` URLs, and no others.
    pub fn connector<C: Connector>(&self, inner: C) -> TlsConnector<C> {
        TlsConnector {
            inner,
            certificates: self.clone(),
        }
    }
}

impl<C: Connector> Connector for TlsConnector<C> {
    fn supports(&self, scheme: &Scheme) -> bool {
        *scheme == Scheme::HTTPS
    }

    /// For HTTP/1.1 with a member whose id is its URL.
    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let name = match &self.certificates.settings().expected {
                ExpectedName::Fixed(name) => Some(name.clone()),
                ExpectedName::Host | ExpectedName::Id => ServerName::of_uri(url),
            };
            let io = self.inner.connect(url).await?;
            let connected = self.encrypted(io, name, false).await?;
            Ok(connected.io)
        })
    }

    fn dial<'a>(&'a self, to: &'a Destination) -> BoxFuture<'a, io::Result<Connected>> {
        Box::pin(async move {
            let name = match &self.certificates.settings().expected {
                ExpectedName::Fixed(name) => Some(name.clone()),
                ExpectedName::Id => ServerName::new(to.id())
                    .ok()
                    .or_else(|| ServerName::of_uri(to.url())),
                ExpectedName::Host => ServerName::of_uri(to.url()),
            };
            let connected = self.inner.dial(to).await?;
            self.encrypted(connected.io, name, to.is_http2()).await
        })
    }
}

impl<C> TlsConnector<C> {
    async fn encrypted(
        &self,
        io: Box<dyn Io>,
        name: Option<ServerName>,
        http2: bool,
    ) -> io::Result<Connected> {
        let ServerName(name) = name.ok_or(io::ErrorKind::InvalidInput)?;
        let current = self.certificates.current();
        let config = if http2 {
            &current.http2
        } else {
            &current.http1
        };
        let handshake = Handshake::from(Arc::clone(config)).connect(name.clone(), io);
        let mut stream = handshake.await.map_err(refusal::named)?;
        let (_, connection) = stream.get_mut();
        connection.set_buffer_limit(Some(MOST_UNWRITTEN));
        let chain = connection.peer_certificates().unwrap_or_default();
        let shown = ShownChain::new(chain, Some(name), &self.certificates, current);
        let io = Box::new(Dialled::new(stream));
        Ok(Connected::valid(io, Validity::of(shown)))
    }
}
