use std::sync::Arc;
use std::time::Duration;

use crate::galaxycache::GalaxycacheClient;
#[cfg(feature = "grpc")]
use crate::galaxycache::grpc::GrpcClient;
use crate::golang::GolangClient;
use crate::groupcache_go::GroupcacheGoClient;
use crate::http::BodyBudget;
use crate::http::client::HttpClient;
use crate::ipronko::IpronkoClient;
use crate::native::NativeClient;
use crate::{Error, HttpOptions, Member, PeerClient, Protocol, Transport, mailgun};

/// Dials peers over HTTP/1.1 with keep-alive connections, and with
/// [`Protocol::GalaxycacheGrpc`] over HTTP/2.
///
/// Each client keeps its own pool of connections, over HTTP/2 its one connection, which are made
/// when they are needed.
///
/// ```
/// use peers::{HttpOptions, HttpTransport, Member, Protocol, Transport};
///
/// let transport = HttpTransport::new(Protocol::Golang, HttpOptions::default())?;
/// let client = transport.dial(&Member::new("http://10.0.0.1:8080")?)?;
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpTransport {
    protocol: Protocol,
    options: Arc<HttpOptions>,
    /// The bytes of all answers that are being received.
    bodies: Arc<BodyBudget>,
}

impl HttpTransport {
    /// A transport that speaks `protocol`.
    ///
    /// # Errors
    ///
    /// Those of [`HttpOptions::validate`], and [`Error::is_configuration`] if this build does not
    /// speak the protocol.
    pub fn new(protocol: Protocol, options: HttpOptions) -> Result<Self, Error> {
        options.validate()?;
        protocol.check()?;
        Ok(Self {
            protocol,
            bodies: Arc::new(BodyBudget::new(options.max_body_bytes_in_flight)),
            options: Arc::new(options),
        })
    }
}

impl Transport for HttpTransport {
    /// A client for `member`.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if the [`connector`](HttpOptions::connector) cannot dial the
    /// URL's scheme; the default one can dial `http` only.
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        #[cfg(feature = "grpc")]
        if self.protocol == Protocol::GalaxycacheGrpc {
            let options = Arc::clone(&self.options);
            return Ok(Arc::new(GrpcClient::new(member.url(), options)?));
        }
        let http = HttpClient::new(
            member.url(),
            Arc::clone(&self.options),
            Arc::clone(&self.bodies),
        )?;
        Ok(match self.protocol {
            Protocol::Native => Arc::new(NativeClient::new(http)),
            Protocol::Golang => Arc::new(GolangClient::new(http)),
            Protocol::Mailgun => Arc::new(mailgun::client(http)),
            Protocol::GroupcacheGo => Arc::new(GroupcacheGoClient::new(http)),
            Protocol::Ipronko => Arc::new(IpronkoClient::new(http)),
            Protocol::Galaxycache => Arc::new(GalaxycacheClient::new(http)),
            Protocol::GalaxycacheGrpc => return Err(self.protocol.unavailable()),
        })
    }

    fn request_timeout(&self) -> Option<Duration> {
        Some(self.options.request_timeout)
    }
}
