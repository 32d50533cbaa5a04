use std::fmt;
use std::future::pending;
use std::sync::Arc;

use crate::BoxFuture;

/// What a connection was admitted by, which may become worthless while the connection lasts: a certificate that expires.
pub(crate) trait Credential: Send + Sync + 'static {
    /// Whether it is worthless by now. Asked with every request, and so quick.
    fn is_over(&self) -> bool;

    /// Waits until the answer may be another one.
    fn change(&self) -> BoxFuture<'_, ()>;
}

/// For how long requests may begin on a connection: as long as its credential is worth something. Without one, as long as
/// it lasts.
#[derive(Clone, Default)]
pub(crate) struct Validity(Option<Arc<dyn Credential>>);

impl Validity {
    #[cfg(feature = "tls")]
    pub(crate) fn of(credential: impl Credential) -> Self {
        Self(Some(Arc::new(credential)))
    }

    pub(crate) fn is_over(&self) -> bool {
        let credential = self.0.as_ref();
        credential.is_some_and(|credential| credential.is_over())
    }

    /// Waits until it is over.
    pub(crate) async fn over(self) {
        let Some(credential) = self.0 else {
            return pending().await;
        };
        while !credential.is_over() {
            credential.change().await;
        }
    }
}

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_limited = self.0.is_some();
        f.debug_struct("Validity")
            .field("is_limited", &is_limited)
            .finish()
    }
}
