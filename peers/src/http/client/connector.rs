use std::fmt;
use std::io;

use http::Uri;
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::BoxFuture;

/// A connection: anything that reads and writes bytes.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Makes connections to peers. The seam for TLS, Unix sockets, proxies and simulated networks.
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// Whether URLs of this scheme can be dialled. By default only `http` can.
    fn supports(&self, scheme: &Scheme) -> bool {
        *scheme == Scheme::HTTP
    }

    /// Connects to the host of `url`, a member's URL. The caller limits the time.
    ///
    /// # Errors
    ///
    /// Whatever prevented the connection.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the attempt has to end.
    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>>;
}

/// Connects over TCP, without delay for small packets (`TCP_NODELAY`). Tries every address that a
/// name resolves to. The port is 80 where the URL has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpConnector;

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let host = url.host().ok_or(io::ErrorKind::InvalidInput)?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}
