use std::fmt;

use http::Uri;
use tokio_rustls::rustls::pki_types;

use crate::Error;

/// A name to which a certificate is made out: a DNS name or an IP address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerName(pub(super) pki_types::ServerName<'static>);

impl ServerName {
    /// Reads a name. An address of IPv6 may stand in brackets.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if it is neither.
    pub fn new(name: &str) -> Result<Self, Error> {
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        pki_types::ServerName::try_from(bare.unwrap_or(name).to_owned())
            .map(Self)
            .map_err(|_| {
                let reason = format!("{name:?} is neither a DNS name nor an IP address");
                Error::invalid_option("server name", reason)
            })
    }

    /// The host of a URL.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        Self::of_uri(&url.parse().ok()?)
    }

    pub(super) fn of_uri(url: &Uri) -> Option<Self> {
        Self::new(url.host()?).ok()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_as_urls_spell_them() {
        for (url, name) in [
            ("https://cache-0.example:8443", "cache-0.example"),
            ("https://10.0.0.1", "10.0.0.1"),
            ("https://[::1]:8080/path", "::1"),
        ] {
            assert_eq!(ServerName::of_url(url).unwrap().to_string(), name);
        }
        for name in ["", "https://a", "a b", "a/b", "10.0.0.1:80", "-"] {
            let error = ServerName::new(name).unwrap_err();
            assert!(error.is_configuration(), "{error}");
        }
    }
}
