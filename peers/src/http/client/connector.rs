use std::fmt;
use std::io;

use http::Uri;
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{BoxFuture, Error};

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

/// Why no connection to the peer `name` was made: the peer's fault, or this node's own lack of file
/// descriptors, ports or memory.
pub(crate) fn failure(name: &str, error: io::Error) -> Error {
    use io::ErrorKind::{AddrNotAvailable, OutOfMemory};
    /// `ENFILE`, `EMFILE` and `ENOBUFS`, for which the standard library has no kind.
    const EXHAUSTED: [i32; 3] = [23, 24, 105];
    let is_exhausted = cfg!(target_os = "linux")
        && error
            .raw_os_error()
            .is_some_and(|code| EXHAUSTED.contains(&code));
    if is_exhausted || matches!(error.kind(), AddrNotAvailable | OutOfMemory) {
        Error::out_of_resources(name, error)
    } else {
        Error::unreachable(name, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_or_ports_is_not_the_peers_fault() {
        for code in [23, 24, 105] {
            let error = failure("http://a", io::Error::from_raw_os_error(code));
            assert_eq!(error.is_of_this_side(), cfg!(target_os = "linux"), "{code}");
        }
        let ports = failure("http://a", io::ErrorKind::AddrNotAvailable.into());
        assert!(ports.is_of_this_side() && !ports.is_transport() && !ports.is_answer());
        let refused = failure("http://a", io::ErrorKind::ConnectionRefused.into());
        assert!(refused.is_transport() && !refused.is_of_this_side());
    }
}
