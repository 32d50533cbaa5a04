#[cfg(feature = "tls")]
use std::sync::Arc;

use http::Extensions;
use http::HeaderValue;
use http::header::HeaderMap;

use super::changes::Changes;
use super::guard::{Guard, Shown};
#[cfg(feature = "tls")]
use super::roster::Roster;
use super::tokens::{List, Tokens};
#[cfg(feature = "tls")]
use crate::{Member, tls::PeerCertificate};

/// The credentials with which a stream was opened. They hold for its calls as long as the guard accepts them.
#[derive(Clone)]
pub(crate) struct Pass {
    guard: Guard,
    authorization: Option<HeaderValue>,
    #[cfg(feature = "tls")]
    certificate: Option<PeerCertificate>,
    /// What may have changed since the stream was opened.
    tokens: Option<Changes<List>>,
    #[cfg(feature = "tls")]
    roster: Option<Changes<Arc<[Member]>>>,
}

impl Pass {
    /// The pass of a request, if it has all the credentials that the guard asks for.
    pub(crate) fn of(guard: &Guard, headers: &HeaderMap, extensions: &Extensions) -> Option<Self> {
        // Before the check, so that no change between the two is missed.
        let tokens = guard.tokens.as_ref().map(Tokens::changes);
        #[cfg(feature = "tls")]
        let roster = guard.roster.as_ref().map(Roster::changes);
        let shown = Shown::by(headers, extensions);
        guard.check(shown).ok()?;
        Some(Self {
            authorization: shown.authorization.cloned().map(sensitive),
            #[cfg(feature = "tls")]
            certificate: shown.certificate.cloned(),
            guard: guard.clone(),
            tokens,
            #[cfg(feature = "tls")]
            roster,
        })
    }

    /// Whether the guard still accepts the credentials.
    pub(crate) fn is_valid(&self) -> bool {
        let has_changed = self.tokens.as_ref().is_some_and(Changes::has_changed);
        #[cfg(feature = "tls")]
        let has_changed = has_changed || self.roster.as_ref().is_some_and(Changes::has_changed);
        !has_changed || self.is_accepted()
    }

    /// Waits until the guard accepts the credentials no more, or the certificate counts no more.
    #[cfg(feature = "tls")]
    pub(crate) async fn expiry(self) {
        let certificate = self.certificate.as_ref();
        let validity = certificate.map(PeerCertificate::validity);
        tokio::select! {
            () = validity.unwrap_or_default().over() => {}
            () = self.refusal() => {}
        }
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) async fn expiry(self) {
        self.refusal().await;
    }

    async fn refusal(mut self) {
        while self.is_accepted() {
            self.change().await;
        }
    }

    #[cfg(feature = "tls")]
    async fn change(&mut self) {
        let (tokens, roster) = (&mut self.tokens, &mut self.roster);
        tokio::select! {
            () = next(tokens.as_mut().map(Changes::next)) => {}
            () = next(roster.as_mut().map(Changes::next)) => {}
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn change(&mut self) {
        next(self.tokens.as_mut().map(Changes::next)).await;
    }

    fn is_accepted(&self) -> bool {
        let shown = Shown {
            authorization: self.authorization.as_ref(),
            #[cfg(feature = "tls")]
            certificate: self.certificate.as_ref(),
        };
        self.guard.check(shown).is_ok()
    }
}

/// Never ready where there is nothing to wait for.
async fn next(change: Option<impl Future<Output = ()>>) {
    match change {
        Some(change) => change.await,
        None => std::future::pending().await,
    }
}

fn sensitive(mut header: HeaderValue) -> HeaderValue {
    header.set_sensitive(true);
    header
}
