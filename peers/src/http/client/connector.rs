use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use tokio::net::{TcpStream, lookup_host};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connected::Connected;
use super::destination::Destination;
use super::io::Io;
use super::refusal::refusal;
use crate::{BoxFuture, Error};

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

    /// The same for connectors to which it matters who is dialled, and what for. This is what clients call.
    /// Default: [`connect`](Self::connect) with the URL.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). One of the kind `PermissionDenied` with a message of its own says that the
    /// peer refuses this node, as a read from the connection may say later.
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    fn dial<'a>(&'a self, to: &'a Destination) -> BoxFuture<'a, io::Result<Connected>> {
        Box::pin(async { self.connect(to.url()).await.map(Connected::new) })
    }
}

/// A connector that is shared.
impl<C: Connector + ?Sized> Connector for Arc<C> {
    fn supports(&self, scheme: &Scheme) -> bool {
        (**self).supports(scheme)
    }

    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        (**self).connect(url)
    }

    fn dial<'a>(&'a self, to: &'a Destination) -> BoxFuture<'a, io::Result<Connected>> {
        (**self).dial(to)
    }
}

/// Connects over TCP, without delay for small packets (`TCP_NODELAY`). Where the URL has no port, it is that of the
/// URL's scheme: 80 or 443.
///
/// A name may have several addresses. They are tried in turn, the two families alternating, each 250 ms
/// after the one before or as soon as that one has failed, and the first connection wins ("happy
/// eyeballs", RFC 8305). So an address that swallows packets delays the others by no more than that.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpConnector;

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, url: &'a Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let host = url.host().ok_or(io::ErrorKind::InvalidInput)?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_https = url.scheme() == Some(&Scheme::HTTPS);
            let port = url.port_u16().unwrap_or(if is_https { 443 } else { 80 });
            let addresses = lookup_host((host, port)).await?;
            let stream = first_of(alternating(addresses), TcpStream::connect).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// How long an address has for itself before the next one is tried too.
const STAGGER: Duration = Duration::from_millis(250);

/// Alternates between the families of the addresses, beginning with that of the first one.
fn alternating(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let (mut these, mut others) = (VecDeque::new(), VecDeque::new());
    for address in addresses {
        let first: &SocketAddr = these.front().unwrap_or(&address);
        if address.is_ipv4() == first.is_ipv4() {
            these.push_back(address);
        } else {
            others.push_back(address);
        }
    }
    let mut all = VecDeque::with_capacity(these.len() + others.len());
    while !these.is_empty() || !others.is_empty() {
        all.extend(these.pop_front());
        all.extend(others.pop_front());
    }
    all
}

/// The first connection that comes about, or the last error.
async fn first_of<T, F>(
    mut addresses: VecDeque<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    if let [only] = addresses.make_contiguous() {
        return connect(*only).await;
    }
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    // Dropped with whatever is still under way.
    let mut attempts = JoinSet::new();
    loop {
        match addresses.pop_front() {
            Some(address) => drop(attempts.spawn(connect(address))),
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        select! {
            Some(attempt) = attempts.join_next() => match attempt {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => last = error,
                Err(error) => last = io::Error::other(error),
            },
            () = sleep(STAGGER), if !addresses.is_empty() => {}
        }
    }
}

/// Why no connection to the peer `name` was made: the peer's fault, its refusal of this node, or this node's own
/// lack of file descriptors, ports or memory.
pub(crate) fn failure(name: &str, error: io::Error) -> Error {
    if let Some(why) = refusal(&error) {
        return Error::denied_in_handshake(name, why);
    }
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

    fn addresses(texts: &[&str]) -> VecDeque<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_alternate_and_keep_their_order() {
        let all = ["[::1]:1", "[::1]:2", "[::1]:3", "1.1.1.1:1", "1.1.1.1:2"];
        let expected = ["[::1]:1", "1.1.1.1:1", "[::1]:2", "1.1.1.1:2", "[::1]:3"];
        assert_eq!(
            alternating(addresses(&all).into_iter()),
            addresses(&expected)
        );
        assert_eq!(alternating(std::iter::empty()), addresses(&[]));
    }

    /// Port 1 swallows packets, port 2 refuses, others answer after a tenth of a second.
    async fn connect(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.port() {
            1 => std::future::pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => {
                sleep(STAGGER * 2 / 5).await;
                Ok(address)
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_silent_or_refuses_hides_no_other() {
        for (all, expected) in [
            (["1.1.1.1:1", "1.1.1.2:3"], STAGGER * 7 / 5),
            (["1.1.1.1:2", "1.1.1.2:3"], STAGGER * 2 / 5),
            (["1.1.1.1:3", "1.1.1.2:1"], STAGGER * 2 / 5),
        ] {
            let start = tokio::time::Instant::now();
            let connected = first_of(addresses(&all), connect).await.unwrap();
            assert_eq!(connected.port(), 3);
            assert_eq!(start.elapsed(), expected, "{all:?}");
        }
        let error = first_of(addresses(&["1.1.1.1:2", "1.1.1.2:2"]), connect);
        let refused = io::ErrorKind::ConnectionRefused;
        assert_eq!(error.await.unwrap_err().kind(), refused);
        assert!(first_of(addresses(&[]), connect).await.is_err());
    }

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
