use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Extensions, StatusCode};

use super::access::{Access, Effect};
#[cfg(feature = "tls")]
use super::roster::Roster;
use super::tokens::Tokens;
use crate::Error;
#[cfg(feature = "tls")]
use crate::tls::PeerCertificate;

/// Decides whether a request may be answered. One that asks for no credentials lets everything pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) tokens: Option<Tokens>,
    #[cfg(feature = "tls")]
    pub(crate) roster: Option<Roster>,
    /// `None`: as nobody has said.
    pub(crate) access: Option<Access>,
}

/// What a request shows for itself.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(super) authorization: Option<&'a HeaderValue>,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<&'a PeerCertificate>,
}

impl<'a> Shown<'a> {
    pub(crate) fn by(headers: &'a HeaderMap, extensions: &'a Extensions) -> Self {
        #[cfg(not(feature = "tls"))]
        let _ = extensions;
        Self {
            authorization: headers.get(AUTHORIZATION),
            #[cfg(feature = "tls")]
            certificate: extensions.get(),
        }
    }
}

impl Guard {
    /// Whether any request needs credentials.
    pub(crate) fn asks(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.roster.is_some() {
            return true;
        }
        self.tokens.is_some()
    }

    /// Refuses settings that would leave a node more open than they say.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.access.is_some() && !self.asks() {
            let reason = "it says who needs credentials, and the node asks nobody for any";
            return Err(Error::invalid_option("access", reason));
        }
        Ok(())
    }

    /// Lets a request with this effect pass, or says why it is refused: by 401 if it comes from nobody who is
    /// known, by 403 if it comes from somebody who is and must not ask.
    ///
    /// Where the node asks for a token and for a certificate, a request needs both.
    pub(crate) fn admit(&self, shown: Shown<'_>, effect: Effect) -> Result<(), Error> {
        if effect == Effect::Read && self.access == Some(Access::Changes) {
            return Ok(());
        }
        self.check(shown).map_err(|refusal| {
            let Refusal(status, why) = refusal;
            let text = format!("{} needs credentials: {why}", effect.name());
            Error::status(status.as_u16(), text)
        })
    }

    /// Whether all credentials that the node asks for were shown, if it asks for any.
    pub(crate) fn knows(&self, shown: Shown<'_>) -> bool {
        self.check(shown).is_ok()
    }

    pub(super) fn check(&self, shown: Shown<'_>) -> Result<(), Refusal> {
        #[cfg(feature = "tls")]
        if let Some(roster) = &self.roster {
            let certificate = shown.certificate.ok_or(Refusal::unknown(
                "the connection has no certificate of a peer",
            ))?;
            if !roster.lists(certificate) {
                let why = "the certificate is not that of a member";
                return Err(Refusal(StatusCode::FORBIDDEN, why));
            }
        }
        if let Some(tokens) = &self.tokens {
            let header = shown
                .authorization
                .ok_or(Refusal::unknown("there is no token"))?;
            if !tokens.accept(header) {
                return Err(Refusal::unknown("the token is not the cluster's"));
            }
        }
        Ok(())
    }
}

/// The status of a refusal, and its reason.
#[derive(Debug)]
pub(super) struct Refusal(StatusCode, &'static str);

impl Refusal {
    fn unknown(why: &'static str) -> Self {
        Self(StatusCode::UNAUTHORIZED, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_credentials_is_up_to_the_access() {
        let mut guard = Guard {
            tokens: Some(Tokens::new("t").unwrap()),
            ..Guard::default()
        };
        let [right, wrong] = ["Bearer t", "Bearer u"].map(HeaderValue::from_static);
        let mut admits = |access, header: Option<&HeaderValue>, effect| {
            guard.access = access;
            let shown = Shown {
                authorization: header,
                certificate: None,
            };
            guard
                .admit(shown, effect)
                .map_err(|error| error.to_string())
        };
        for effect in [Effect::Read, Effect::Change] {
            for access in [None, Some(Access::Everything), Some(Access::Changes)] {
                assert_eq!(admits(access, Some(&right), effect), Ok(()));
                let is_open = access == Some(Access::Changes) && effect == Effect::Read;
                for (header, why) in [(None, "no token"), (Some(&wrong), "not the cluster's")] {
                    let admitted = admits(access, header, effect);
                    assert_eq!(admitted.is_ok(), is_open);
                    if let Err(text) = admitted {
                        assert!(text.contains("401") && text.contains(why), "{text}");
                        assert!(text.contains(effect.name()), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn without_credentials_everything_passes_and_an_access_is_refused() {
        let guard = Guard::default();
        let headers = HeaderMap::new();
        let shown = || Shown::by(&headers, Box::leak(Box::default()));
        assert!(guard.admit(shown(), Effect::Change).is_ok());
        assert!(!guard.asks() && guard.validate().is_ok());
        let guard = Guard {
            access: Some(Access::Changes),
            ..guard
        };
        assert!(guard.validate().unwrap_err().is_configuration());
    }
}
