use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::accepted::{Accepted, RemoteAddr};
use crate::BoxFuture;

/// Accepts connections from peers. The seam for TLS and simulated networks.
pub trait Listener: Send + 'static {
    /// The next connection.
    ///
    /// # Errors
    ///
    /// None of them ends the server: it logs the error, waits a moment and asks again.
    ///
    /// # Cancel safety
    ///
    /// No connection may be lost when the future is dropped before it is ready.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>>;

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Connections get `TCP_NODELAY`, and their requests a [`RemoteAddr`].
impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            let (stream, remote) = Self::accept(self).await?;
            // A connection that is already gone says so when it is first read.
            let _ = stream.set_nodelay(true);
            Ok(Accepted::new(stream).with(RemoteAddr(remote)))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}
