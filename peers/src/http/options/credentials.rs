use super::http_options::HttpOptions;
#[cfg(feature = "tls")]
use crate::access::Roster;
use crate::access::{Access, Tokens};

/// # Who may talk
impl HttpOptions {
    /// The tokens that the nodes of the cluster share: the client sends the first one with every request, and the
    /// server refuses requests without one of them, by 401 (over gRPC `UNAUTHENTICATED`) and before their body is
    /// read. Default: none.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.guard.tokens = Some(tokens);
        self
    }

    /// Whose certificates are accepted: the server refuses requests over connections without a certificate by 401,
    /// and those with the certificate of somebody else by 403 (over gRPC `UNAUTHENTICATED` and `PERMISSION_DENIED`).
    /// Default: nobody is asked for a certificate. Needs the feature `tls`.
    ///
    /// Whoever is on the list is looked up again after each change of it. Beside [`tokens`](Self::tokens), a
    /// request needs both.
    #[cfg(feature = "tls")]
    pub fn roster(mut self, roster: Roster) -> Self {
        self.guard.roster = Some(roster);
        self
    }

    /// Which requests need these credentials. Default: all.
    pub fn access(mut self, access: Access) -> Self {
        self.guard.access = Some(access);
        self
    }

    /// Whether something looks at who asks before requests are answered: credentials, or a
    /// [hook](Self::on_request).
    pub fn is_guarded(&self) -> bool {
        self.guard.asks() || self.on_request.is_some()
    }
}
