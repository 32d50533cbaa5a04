use std::fmt;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::Error;

/// How [`Etcd`](super::Etcd) connects, who it is there, and how long an announcement outlives its node.
///
/// Its debug output has no secrets.
///
/// ```
/// use std::time::Duration;
/// use peers::EtcdOptions;
///
/// let options = EtcdOptions::default()
///     .credentials("cache", "secret")
///     .lease_ttl(Duration::from_secs(5));
/// assert!(options.validate().is_ok());
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct EtcdOptions {
    pub(super) lease_ttl: Duration,
    pub(super) timeout: Duration,
    pub(super) credentials: Option<Credentials>,
    ca_certificate: Option<Vec<u8>>,
    client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
}

#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            credentials: None,
            ca_certificate: None,
            client_certificate: None,
            server_name: None,
        }
    }
}

impl EtcdOptions {
    /// How long the announcement of a node that has died stays, in whole seconds. It is renewed three times in that
    /// time, and a server that is silent for half of it is left for the next one. The server has a lower bound of its
    /// own, 2 s with its usual settings. Default: 10 s.
    pub fn lease_ttl(mut self, lease_ttl: Duration) -> Self {
        self.lease_ttl = lease_ttl;
        self
    }

    /// How long a connection to one server, or one call, may take before the next server is tried. Default: 1 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The name and the password of a user of etcd. Default: none.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials {
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// The authorities that the servers' certificates may come from, in PEM. For URLs with `https`. Default: those of
    /// the system.
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificate = Some(pem.into());
        self
    }

    /// The certificate that this client shows, and its key, in PEM. For URLs with `https`. Default: none.
    pub fn client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.client_certificate = Some((certificate_pem.into(), key_pem.into()));
        self
    }

    /// The name that the servers' certificates have to be for. Default: the host of the URL.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Checks every option. Of certificates it sees no more than whether there are any.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits: the lease is from 1 s to a day, the time-out
    /// from 1 ms to a minute, a user has a name, and certificates are PEM.
    pub fn validate(&self) -> Result<(), Error> {
        let day = Duration::from_secs(24 * 60 * 60);
        if !(Duration::from_secs(1)..=day).contains(&self.lease_ttl) {
            let reason = format!("{:?} is not from 1 s to a day", self.lease_ttl);
            return Err(Error::invalid_option("lease_ttl", reason));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.timeout) {
            let reason = format!("{:?} is not from 1 ms to a minute", self.timeout);
            return Err(Error::invalid_option("timeout", reason));
        }
        if matches!(&self.credentials, Some(Credentials { user, .. }) if user.is_empty()) {
            return Err(Error::invalid_option("credentials", "the user has no name"));
        }
        let client = self.client_certificate.as_ref().map(|(pem, _)| pem);
        for (name, pem) in [
            ("ca_certificate", self.ca_certificate.as_ref()),
            ("client_certificate", client),
        ] {
            // Without one, nobody would be trusted, and nothing said.
            if pem.is_some_and(|pem| !has_certificate(pem)) {
                let reason = "there is no certificate in it";
                return Err(Error::invalid_option(name, reason));
            }
        }
        Ok(())
    }

    pub(super) fn tls(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.ca_certificate {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.client_certificate {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        if let Some(name) = &self.server_name {
            tls = tls.domain_name(name);
        }
        tls
    }
}

fn has_certificate(pem: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    pem.windows(BEGIN.len()).any(|text| text == BEGIN)
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdOptions")
            .field("lease_ttl", &self.lease_ttl)
            .field("timeout", &self.timeout)
            .field("user", &self.credentials.as_ref().map(|it| &it.user))
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = EtcdOptions::default;
        options().validate().unwrap();
        for (name, options) in [
            ("lease_ttl", options().lease_ttl(Duration::from_millis(999))),
            ("lease_ttl", options().lease_ttl(Duration::MAX)),
            ("timeout", options().timeout(Duration::ZERO)),
            ("credentials", options().credentials("", "secret")),
            ("ca_certificate", options().ca_certificate("a file's name")),
            (
                "client_certificate",
                options().client_certificate("no PEM", "no key"),
            ),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = EtcdOptions::default()
            .credentials("cache", "secret password")
            .client_certificate("certificate", "secret key");
        let text = format!("{options:?}");
        assert!(text.contains("cache") && !text.contains("secret"), "{text}");
    }
}
