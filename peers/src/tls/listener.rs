use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::select;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::certificates::{Certificates, MOST_UNWRITTEN};
use super::peer_certificate::PeerCertificate;
use super::shown_chain::ShownChain;
use crate::http::Validity;
use crate::{Accepted, BoxFuture, Io, Listener, RemoteAddr};

/// Accepts encrypted connections over those of another listener. Made by [`Certificates::listener`].
///
/// Each handshake runs on a task of its own, so that a slow one delays no other, within
/// [`handshake_timeout`](crate::Tls::handshake_timeout) and [`max_handshakes`](crate::Tls::max_handshakes).
/// A handshake that fails is logged, at the level `debug`, and costs nothing else. Dropping the listener ends those
/// that are under way.
#[derive(Debug)]
pub struct TlsListener<L> {
    inner: L,
    certificates: Certificates,
    /// Those under way, and those that are done and not taken yet.
    handshakes: JoinSet<Option<Accepted>>,
    /// The same, the oldest first.
    oldest: VecDeque<AbortHandle>,
}

impl Certificates {
    /// Wraps a listener: its connections are encrypted, and carry the [`PeerCertificate`] if the peer has shown one.
    pub fn listener<L: Listener>(&self, inner: L) -> TlsListener<L> {
        TlsListener {
            inner,
            certificates: self.clone(),
            handshakes: JoinSet::new(),
            oldest: VecDeque::new(),
        }
    }
}

impl<L: Listener> Listener for TlsListener<L> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            loop {
                select! {
                    biased;
                    Some(shaken) = self.handshakes.join_next() => {
                        if let Ok(Some(accepted)) = shaken {
                            return Ok(accepted);
                        }
                    }
                    accepted = self.inner.accept() => self.begin(accepted?),
                }
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl<L> TlsListener<L> {
    /// Begins a handshake. Where there are too many, the oldest one gives way: it is the least likely to end, and silent
    /// connections keep nobody out.
    fn begin(&mut self, accepted: Accepted) {
        self.oldest.retain(|handshake| !handshake.is_finished());
        if self.oldest.len() >= self.certificates.settings().max_handshakes
            && let Some(oldest) = self.oldest.pop_front()
        {
            oldest.abort();
        }
        let handshake = shake(self.certificates.clone(), accepted);
        self.oldest.push_back(self.handshakes.spawn(handshake));
    }
}

/// How long a peer that is refused has for reading why.
const LINGER: Duration = Duration::from_secs(1);

/// Closes the connection after the other end has. Were it closed at once, what the other end sends meanwhile would
/// have the operating system reset the connection, and the alert might be lost.
async fn linger(mut io: Box<dyn Io>) -> io::Result<()> {
    io.shutdown().await?;
    let mut rest = [0; 1024];
    while io.read(&mut rest).await? > 0 {}
    Ok(())
}

/// The connection after its handshake.
async fn shake(certificates: Certificates, accepted: Accepted) -> Option<Accepted> {
    let current = certificates.current();
    let acceptor = TlsAcceptor::from(Arc::clone(&current.server));
    let limit = certificates.settings().handshake_timeout;
    let remote = accepted.known::<RemoteAddr>().copied();
    let (io, known) = accepted.into_parts();
    let error = match timeout(limit, acceptor.accept(io).into_fallible()).await {
        Ok(Ok(mut stream)) => {
            let (_, connection) = stream.get_mut();
            connection.set_buffer_limit(Some(MOST_UNWRITTEN));
            let chain = connection.peer_certificates().unwrap_or_default();
            let Some(first) = chain.first() else {
                return Some(Accepted::from_parts(Box::new(stream), known));
            };
            let first = first.clone().into_owned();
            let shown = ShownChain::new(chain, None, &certificates, current);
            let validity = Validity::of(shown);
            let certificate = PeerCertificate::valid(first, validity.clone());
            let accepted = Accepted::from_parts(Box::new(stream), known);
            return Some(accepted.with(certificate).valid(validity));
        }
        Ok(Err((error, io))) => {
            // While it lasts, the handshake counts as one that is under way.
            _ = timeout(LINGER, linger(io)).await;
            error
        }
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    let remote = remote.map(|RemoteAddr(address)| address);
    tracing::debug!(?remote, %error, "a TLS handshake has failed");
    None
}
