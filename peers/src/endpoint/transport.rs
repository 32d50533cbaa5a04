use std::sync::Arc;
use std::time::Duration;

use crate::galaxycache::GalaxycacheClient;
#[cfg(feature = "grpc")]
use crate::galaxycache::grpc::GrpcClient;
use crate::golang::GolangClient;
#[cfg(feature = "groupcache-go")]
use crate::groupcache_go::GroupcacheGoClient;
use crate::http::BodyBudget;
use crate::http::client::HttpClient;
#[cfg(feature = "ipronko")]
use crate::ipronko::IpronkoClient;
#[cfg(feature = "mailgun")]
use crate::mailgun;
use crate::native::NativeClient;
use crate::{Error, HttpOptions, Member, PeerClient, Protocol, Transport};

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
    /// Those of [`HttpOptions::validate`].
    pub fn new(protocol: Protocol, options: HttpOptions) -> Result<Self, Error> {
        options.validate()?;
        let mut options = options;
        let tokens = options.guard.tokens.take();
        options.guard.tokens = tokens.map(|tokens| tokens.for_protocol(protocol));
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
        let options = || Arc::clone(&self.options);
        let http = || HttpClient::new(member, options(), Arc::clone(&self.bodies));
        // These protocols carry moments.
        let measured = || http().map(HttpClient::measuring_clock);
        Ok(match self.protocol {
            Protocol::Native => {
                let http = http()?.addressed_to(member.id());
                Arc::new(NativeClient::new(http, Arc::clone(&self.bodies)))
            }
            Protocol::Golang => Arc::new(GolangClient::new(http()?)),
            #[cfg(feature = "mailgun")]
            Protocol::Mailgun => Arc::new(mailgun::client(measured()?)),
            #[cfg(feature = "groupcache-go")]
            Protocol::GroupcacheGo => Arc::new(GroupcacheGoClient::new(measured()?)),
            #[cfg(feature = "ipronko")]
            Protocol::Ipronko => Arc::new(IpronkoClient::new(http()?)),
            Protocol::Galaxycache => Arc::new(GalaxycacheClient::new(measured()?)),
            #[cfg(feature = "grpc")]
            Protocol::GalaxycacheGrpc => Arc::new(GrpcClient::new(member, options())?),
        })
    }

    fn request_timeout(&self) -> Option<Duration> {
        Some(self.options.request_timeout)
    }

    fn max_value_bytes(&self) -> Option<usize> {
        Some(self.options.max_value_bytes)
    }

    /// Only the native protocol does.
    fn names_changes(&self) -> bool {
        self.protocol == Protocol::Native
    }

    fn body_bytes_in_flight(&self) -> Option<usize> {
        Some(self.bodies.in_use())
    }
}
