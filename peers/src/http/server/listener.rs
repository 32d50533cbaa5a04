use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use super::accepted::{Accepted, RemoteAddr};
use crate::BoxFuture;
use crate::http::HttpOptions;

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

/// A listener that is chosen while the program runs.
impl<L: Listener + ?Sized> Listener for Box<L> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        (**self).accept()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        (**self).local_addr()
    }
}

/// Listens at an address such as `0.0.0.0:8080` or `localhost:8080`, with the options'
/// [`backlog`](HttpOptions::backlog). Takes the first of the name's addresses that can be bound.
///
/// # Errors
///
/// Whatever the operating system says of the name, or of the last address.
pub async fn listen(address: &str, options: &HttpOptions) -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host(address).await? {
        match bind(address, options.backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // So that a restarted server need not wait for the connections of its last life.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(backlog)
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
