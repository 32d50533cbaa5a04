use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::pki_types::{self, CertificateDer, UnixTime};

use super::certificates::{Certificates, Configs};
use crate::BoxFuture;
use crate::http::Credential;

/// The certificates that the other end of a connection has shown, which were good when the connection was made. They are
/// looked at again when this node's own have been reloaded, as the roots may be others, and now and then, as
/// certificates expire.
pub(super) struct ShownChain {
    chain: Vec<CertificateDer<'static>>,
    /// The name that the certificate has to be made out to. `None` if the other end has dialled.
    name: Option<pki_types::ServerName<'static>>,
    certificates: Certificates,
    latest: ArcSwap<Look>,
    /// Held during a look.
    looking: Mutex<()>,
    is_over: AtomicBool,
}

/// The last look at a chain.
struct Look {
    with: Arc<Configs>,
    at: Instant,
}

impl ShownChain {
    /// A chain that was found good with `configs`.
    pub(super) fn new(
        chain: &[CertificateDer<'_>],
        name: Option<pki_types::ServerName<'static>>,
        certificates: &Certificates,
        configs: Arc<Configs>,
    ) -> Self {
        Self {
            chain: chain.iter().map(|it| it.clone().into_owned()).collect(),
            name,
            certificates: certificates.clone(),
            latest: ArcSwap::from_pointee(Look {
                with: configs,
                at: Instant::now(),
            }),
            looking: Mutex::new(()),
            is_over: AtomicBool::new(false),
        }
    }

    /// Whether this node's certificates are those of the latest look, which is not long ago.
    fn is_up_to_date(&self) -> bool {
        let latest = self.latest.load();
        Arc::ptr_eq(&latest.with, &self.certificates.in_use())
            && latest.at.elapsed() < self.certificates.look_every()
    }

    fn look(&self) {
        let current = self.certificates.current();
        self.is_over.store(!self.is_good(&current), Relaxed);
        self.latest.store(Arc::new(Look {
            with: current,
            at: Instant::now(),
        }));
    }

    fn is_good(&self, with: &Configs) -> bool {
        let Some((first, others)) = self.chain.split_first() else {
            return true;
        };
        let now = UnixTime::now();
        match (&self.name, &with.clients) {
            (Some(name), _) => {
                let verified = with
                    .servers
                    .verify_server_cert(first, others, name, &[], now);
                verified.is_ok()
            }
            (None, Some(clients)) => clients.verify_client_cert(first, others, now).is_ok(),
            (None, None) => true,
        }
    }
}

impl Credential for ShownChain {
    fn is_over(&self) -> bool {
        if self.is_over.load(Relaxed) {
            return true;
        }
        // A caller that finds it locked leaves the look to the one who has it.
        if !self.is_up_to_date()
            && let Some(_looking) = self.looking.try_lock()
        {
            self.look();
        }
        self.is_over.load(Relaxed)
    }

    fn change(&self) -> BoxFuture<'_, ()> {
        let mut reloads = self.certificates.reloads();
        Box::pin(async move {
            // A reload before this call counts too, and so does a look that found it over.
            if self.is_over.load(Relaxed) {
                return;
            }
            if !Arc::ptr_eq(&self.certificates.in_use(), &self.latest.load().with) {
                return;
            }
            tokio::select! {
                _ = reloads.changed() => {}
                () = sleep(self.certificates.look_every()) => {}
            }
        })
    }
}
