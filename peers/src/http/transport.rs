use std::sync::Arc;

use super::HttpOptions;
use super::caller::Caller;
use crate::golang::GolangClient;
use crate::{Error, Member, PeerClient, Protocol, Transport};

/// Dials peers over HTTP/1.1 with keep-alive connections.
///
/// Each client keeps its own pool of connections, which are made when they are needed.
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
}

impl HttpTransport {
    /// A transport that speaks `protocol`.
    ///
    /// # Errors
    ///
    /// Those of [`HttpOptions::validate`].
    pub fn new(protocol: Protocol, options: HttpOptions) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self {
            protocol,
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
        let caller = Caller::new(member.url(), Arc::clone(&self.options))?;
        match self.protocol {
            Protocol::Native | Protocol::Golang => {
                Ok(Arc::new(GolangClient::new(caller, self.protocol)))
            }
        }
    }
}
