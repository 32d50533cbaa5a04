use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::changes::Changes;
use crate::tls::{PeerCertificate, ServerName};
use crate::{Error, Member};

/// The names whose certificates a node accepts: those of the current members, and those that you add.
///
/// A certificate is a member's if it is made out to the host of the member's URL, or to the member's id: as a
/// subject alternative name, which may have a wildcard. Its chain and its dates are checked by the
/// [`TlsListener`](crate::TlsListener) when the connection is made.
///
/// ```
/// use peers::{CircuitOptions, HttpOptions, HttpTransport, Member, Protocol, Roster, Router};
/// use std::sync::Arc;
///
/// let transport = HttpTransport::new(Protocol::Native, HttpOptions::default())?;
/// let this = Member::new("https://cache-0.example")?;
/// let router = Router::new(
///     this,
///     Protocol::Native.scheme(),
///     Arc::new(transport),
///     CircuitOptions::default(),
/// );
/// let roster = Roster::new(router.watch_members()).also(["admin.example"])?;
/// let options = HttpOptions::default().roster(roster);
/// # drop(options);
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone)]
pub struct Roster {
    members: watch::Receiver<Arc<[Member]>>,
    also: Arc<[ServerName]>,
}

impl Roster {
    /// The members of a [`Router`](crate::Router::watch_members), or of a list of your own.
    pub fn new(members: watch::Receiver<Arc<[Member]>>) -> Self {
        Self {
            members,
            also: Arc::default(),
        }
    }

    /// Accepts certificates that are made out to these names too, such as those of nodes that ask the members and
    /// are none themselves. DNS names and IP addresses.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if one is neither.
    pub fn also<T: AsRef<str>>(self, names: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let more = names.into_iter().map(|name| ServerName::new(name.as_ref()));
        let also = self.also.iter().cloned().map(Ok).chain(more);
        Ok(Self {
            also: also.collect::<Result<_, _>>()?,
            ..self
        })
    }

    /// Whether the certificate is that of somebody on the list. O(1) unless the members have changed since the
    /// connection's last request, then O(n) in their number.
    pub(super) fn lists(&self, certificate: &PeerCertificate) -> bool {
        let members = Arc::clone(&self.members.borrow());
        certificate.verdict(&members, &self.also, || {
            let names = members.iter().flat_map(names);
            certificate.is_for_any(names.chain(self.also.iter().cloned()))
        })
    }

    /// Tells when the members change.
    pub(super) fn changes(&self) -> Changes<Arc<[Member]>> {
        Changes::of(self.members.clone())
    }
}

/// The names of a member: the host of its URL, and its id if that can be a name.
fn names(member: &Member) -> impl Iterator<Item = ServerName> + use<> {
    let host = ServerName::of_url(member.url());
    let id = ServerName::new(member.id()).ok();
    host.into_iter().chain(id)
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster")
            .field("members", &self.members.borrow().len())
            .field("also", &self.also)
            .finish_non_exhaustive()
    }
}
