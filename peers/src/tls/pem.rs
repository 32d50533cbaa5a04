//! Certificates and keys, as PEM files have them.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretSlice};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;

/// Where a PEM text comes from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes(Arc<SecretSlice<u8>>),
}

/// The largest file that is read.
const MAX_BYTES: u64 = 4 << 20;

impl Source {
    pub(super) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Arc::new(bytes.into().into()))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The text as it is now.
    pub(super) fn read(&self, what: &'static str) -> Result<Pem, Error> {
        let text = match self {
            Self::Bytes(bytes) => Arc::clone(bytes),
            Self::File(path) => {
                let failed = |error: String| Error::invalid_option("tls", error);
                let shown = path.display();
                let read = || {
                    let length = std::fs::metadata(path)?.len();
                    if length > MAX_BYTES {
                        return Err(std::io::ErrorKind::FileTooLarge.into());
                    }
                    std::fs::read(path)
                };
                let text = read().map_err(|error| failed(format!("{shown}: {error}")))?;
                Arc::new(text.into())
            }
        };
        let name = match self {
            Self::File(path) => Cow::Owned(path.display().to_string()),
            Self::Bytes(_) => Cow::Borrowed(what),
        };
        Ok(Pem { name, text })
    }
}

/// A PEM text that was read. It may hold a private key, and is overwritten when it is dropped.
pub(super) struct Pem {
    /// Its file, for errors.
    name: Cow<'static, str>,
    text: Arc<SecretSlice<u8>>,
}

impl Pem {
    /// All certificates of the text, at least one.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.text.expose_secret()).collect();
        match chain {
            Ok(chain) if chain.is_empty() => Err(self.bad("there is no certificate in it")),
            Ok(chain) => Ok(chain),
            // The error may quote the text.
            Err(_) => Err(self.bad("it is not PEM")),
        }
    }

    /// The private key of the text.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_slice(self.text.expose_secret())
            .map_err(|_| self.bad("there is no private key in it"))
    }

    /// The certificates of the text as those whose word is taken.
    pub(super) fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.chain()? {
            let added = roots.add(certificate);
            added.map_err(|error| self.bad(&error.to_string()))?;
        }
        Ok(roots)
    }

    /// The error that says what is wrong with this text.
    pub(super) fn bad(&self, reason: &str) -> Error {
        Error::invalid_option("tls", format!("{}: {reason}", self.name))
    }
}

impl PartialEq for Pem {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose_secret() == other.text.expose_secret()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Bytes(_) => f.write_str("in memory"),
        }
    }
}
