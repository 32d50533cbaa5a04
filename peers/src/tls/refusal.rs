use std::io;

use tokio_rustls::rustls::{self, AlertDescription};

/// An error that says that the other end has refused this node's certificate becomes one of the kind
/// `PermissionDenied`, by which the layers above know it: HTTP/2 passes on no more than the kind and the text.
pub(super) fn named(error: io::Error) -> io::Error {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    match inside {
        Some(rustls::Error::AlertReceived(alert)) if is_refusal(*alert) => {
            let text = format!("the TLS handshake ended with {alert:?}");
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        }
        _ => error,
    }
}

fn is_refusal(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError
    )
}
