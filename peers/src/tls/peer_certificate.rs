use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::ParsedCertificate;

use super::server_name::ServerName;
use crate::Member;
use crate::http::Validity;

/// The certificate that the other end of a connection has shown and proved to be its own: in the extensions of the
/// requests that [`HttpOptions::on_request`](crate::HttpOptions::on_request) sees.
///
/// A [`TlsListener`](crate::TlsListener) puts it there, after it has checked the chain. A server of your own that
/// mounts a node does the same, or no request passes a [`Roster`](crate::Roster). Clones share their memory.
#[derive(Clone)]
pub struct PeerCertificate(Arc<Inner>);

struct Inner {
    der: CertificateDer<'static>,
    /// For how long the chain is good.
    validity: Validity,
    /// The last verdict on the certificate.
    verdict: ArcSwapOption<Verdict>,
}

/// Whether a certificate is that of one of these members, or made out to one of the other names.
struct Verdict {
    members: Arc<[Member]>,
    also: Arc<[ServerName]>,
    is_for_one: bool,
}

impl PeerCertificate {
    /// A certificate in DER. **Its chain has to be verified before.**
    pub fn new(der: impl Into<Vec<u8>>) -> Self {
        Self::valid(der.into().into(), Validity::default())
    }

    pub(super) fn valid(der: CertificateDer<'static>, validity: Validity) -> Self {
        Self(Arc::new(Inner {
            der,
            validity,
            verdict: ArcSwapOption::empty(),
        }))
    }

    pub(crate) fn validity(&self) -> Validity {
        self.0.validity.clone()
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whether the certificate is made out to this name.
    pub fn is_for(&self, name: &ServerName) -> bool {
        self.is_for_any([name.clone()])
    }

    pub(crate) fn is_for_any(&self, names: impl IntoIterator<Item = ServerName>) -> bool {
        let Ok(parsed) = ParsedCertificate::try_from(&self.0.der) else {
            return false;
        };
        let mut names = names.into_iter();
        names.any(|name| verify_server_name(&parsed, &name.0).is_ok())
    }

    /// The verdict on the certificate among these members and other names: the last one, unless they are others by
    /// now.
    pub(crate) fn verdict(
        &self,
        members: &Arc<[Member]>,
        also: &Arc<[ServerName]>,
        judge: impl FnOnce() -> bool,
    ) -> bool {
        if let Some(last) = &*self.0.verdict.load()
            && Arc::ptr_eq(&last.members, members)
            && Arc::ptr_eq(&last.also, also)
        {
            return last.is_for_one;
        }
        let is_for_one = judge();
        self.0.verdict.store(Some(Arc::new(Verdict {
            members: Arc::clone(members),
            also: Arc::clone(also),
            is_for_one,
        })));
        is_for_one
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate").finish_non_exhaustive()
    }
}
