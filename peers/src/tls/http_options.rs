use std::sync::Arc;

use super::certificates::Certificates;
use crate::HttpOptions;

/// # Encryption
impl HttpOptions {
    /// Has connections to peers be encrypted, those of the [`connector`](Self::connector) that is set so far. For
    /// the server, wrap its [listener](Certificates::listener). Needs the feature `tls`.
    pub fn tls(self, certificates: &Certificates) -> Self {
        let inner = Arc::clone(&self.connector);
        self.connector(certificates.connector(inner))
    }
}
