use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use http::header::{HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConstantTimeEq as _};
use tokio::sync::watch;

use super::changes::Changes;
use crate::{Error, Protocol};

/// The secret that the nodes of a cluster share, and those that came before it.
///
/// A node sends the first token with every request, as `Authorization: Bearer <token>`, and accepts all of them.
/// In the ipronko [`Protocol`] it sends the token alone, which is what ipronko's `HTTPPoolOptions.Auth` compares.
/// A token is accepted in either form.
///
/// Clones share the list: keep one, and [`set`](Self::set) changes the tokens of a running node. To replace a token
/// while the cluster runs, go round all nodes three times: have them accept the new one as well
/// (`["old", "new"]`), then send it (`["new", "old"]`), then forget the old one (`["new"]`). A native stream that was
/// opened with a token that is forgotten ends.
///
/// Without [TLS](crate#tls) everybody on the way can read the token.
///
/// Tokens are compared in a time that tells nothing but their length. No log, error or `Debug` output shows one.
///
/// ```
/// use peers::{HttpOptions, Tokens};
///
/// let tokens = Tokens::new("correct horse battery staple")?;
/// let options = HttpOptions::default().tokens(tokens.clone());
/// assert!(!format!("{options:?}").contains("horse"));
///
/// tokens.set(["a new one", "correct horse battery staple"])?;
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone)]
pub struct Tokens {
    list: Arc<watch::Sender<List>>,
    /// Whether the header is the token and nothing else.
    bare: bool,
}

/// The tokens, the one that is sent first.
pub(super) struct List {
    accepted: Vec<SecretString>,
    /// The first one, as a header after `Bearer` and alone.
    bearer: HeaderValue,
    bare: HeaderValue,
}

/// What stands before a token, in any case of letters.
const SCHEME: &[u8] = b"bearer ";

impl Tokens {
    /// One token: visible ASCII characters, and spaces between them.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if it is empty or has other characters. The error does not show it.
    pub fn new(token: impl Into<String>) -> Result<Self, Error> {
        let list = List::new([token.into()])?;
        Ok(Self {
            list: Arc::new(watch::Sender::new(list)),
            bare: false,
        })
    }

    /// The tokens of a file, one a line, of which the first is sent. Spaces around them and empty lines do not count.
    /// Blocks while it reads. The file is not read again.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), naming the file: one that cannot be read, is longer than 64 KiB, or has no token.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let unusable = |reason: &dyn fmt::Display| {
            Error::invalid_option("token", format!("{}: {reason}", path.display()))
        };
        let text = read(path).map_err(|error| unusable(&error))?;
        let lines = text.expose_secret().lines().map(str::trim);
        let tokens = lines.filter(|line| !line.is_empty()).map(str::to_owned);
        let list = List::new(tokens).map_err(|error| unusable(&error))?;
        Ok(Self {
            list: Arc::new(watch::Sender::new(list)),
            bare: false,
        })
    }

    /// Replaces the tokens: the first one is sent from now on, and all of them are accepted.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and without any token; the tokens are as they were.
    pub fn set<T: Into<String>>(&self, tokens: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let list = List::new(tokens.into_iter().map(Into::into))?;
        self.list.send_replace(list);
        Ok(())
    }

    /// The same list, sent as callers of `protocol` send it.
    pub(crate) fn for_protocol(self, protocol: Protocol) -> Self {
        let bare = protocol.name() == "ipronko"; // the variant needs a feature
        Self { bare, ..self }
    }

    /// The header `Authorization` of a request.
    pub(crate) fn header(&self) -> HeaderValue {
        let list = self.list.borrow();
        if self.bare { &list.bare } else { &list.bearer }.clone()
    }

    /// Whether a request with this header `Authorization` has a token.
    pub(super) fn accept(&self, header: &HeaderValue) -> bool {
        self.list.borrow().accept(header.as_bytes())
    }

    /// Tells when the list changes.
    pub(super) fn changes(&self) -> Changes<List> {
        Changes::of(self.list.subscribe())
    }
}

impl List {
    fn new(tokens: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let accepted: Vec<_> = tokens.into_iter().map(SecretString::from).collect();
        let first = accepted
            .first()
            .ok_or_else(|| Error::invalid_option("token", "there is none"))?
            .expose_secret();
        let (bearer, bare) = (header(&format!("Bearer {first}"))?, header(first)?);
        for token in &accepted {
            check(token.expose_secret())?;
        }
        Ok(Self {
            accepted,
            bearer,
            bare,
        })
    }

    /// Compares with every token, and every one to its end.
    fn accept(&self, header: &[u8]) -> bool {
        let stripped = match header.split_at_checked(SCHEME.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token,
            _ => header,
        };
        let accepted = self.accepted.iter().fold(Choice::from(0), |found, token| {
            let token = token.expose_secret().as_bytes();
            found | token.ct_eq(stripped) | token.ct_eq(header)
        });
        accepted.into()
    }
}

/// The longest file.
const MAX_BYTES: u64 = 64 << 10;

fn read(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text.into())
}

fn header(token: &str) -> Result<HeaderValue, Error> {
    check(token)?;
    let unusable = |_: InvalidHeaderValue| invalid();
    let mut header = HeaderValue::from_str(token).map_err(unusable)?;
    header.set_sensitive(true);
    Ok(header)
}

fn check(token: &str) -> Result<(), Error> {
    let is_visible = token.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if token.trim().is_empty() || token.trim() != token || !is_visible {
        return Err(invalid());
    }
    Ok(())
}

fn invalid() -> Error {
    let reason = "it is made of visible ASCII characters, and has no space at its ends";
    Error::invalid_option("token", reason)
}

impl TryFrom<&str> for Tokens {
    type Error = Error;

    fn try_from(token: &str) -> Result<Self, Error> {
        Self::new(token)
    }
}

impl TryFrom<String> for Tokens {
    type Error = Error;

    fn try_from(token: String) -> Result<Self, Error> {
        Self::new(token)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(tokens: &Tokens, header: &str) -> bool {
        tokens.accept(&HeaderValue::from_str(header).unwrap())
    }

    #[test]
    fn a_file_has_one_token_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Tokens::from_file(&path)
        };
        let tokens = read("\n a new one \r\nold").unwrap();
        assert_eq!(tokens.header(), "Bearer a new one");
        assert!(tokens.accept(&HeaderValue::from_static("Bearer old")));
        let long = "secret".repeat(20_000);
        for (text, reason) in [
            ("\n", "there is none"),
            ("sécret", "ASCII"),
            (&long, "large"),
        ] {
            let error = read(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                error.is_configuration() && shown.contains("tokens"),
                "{shown}"
            );
            assert!(shown.contains(reason) && !shown.contains("cret"), "{shown}");
        }
        assert!(Tokens::from_file(folder.path().join("none")).is_err());
    }

    #[test]
    fn a_token_is_accepted_after_its_scheme_and_alone_and_nothing_else_is() {
        let tokens = Tokens::new("open sesame").unwrap();
        for header in ["Bearer open sesame", "bEARER open sesame", "open sesame"] {
            assert!(accepts(&tokens, header), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer open",
            "Bearer open sesamE",
            "Bearer open sesame ",
            "Bearer open sesame, Bearer open sesame",
            "Bearer Bearer open sesame",
            "Basic open sesame",
            "open sesame\0",
        ] {
            let header = HeaderValue::from_bytes(header.as_bytes());
            let is_accepted = header.is_ok_and(|header| tokens.accept(&header));
            assert!(!is_accepted);
        }
    }

    #[test]
    fn a_token_may_begin_like_a_scheme() {
        let tokens = Tokens::new("Bearer x").unwrap();
        assert!(accepts(&tokens, "Bearer x"));
        assert!(accepts(&tokens, "Bearer Bearer x"));
        assert!(!accepts(&tokens, "x"));
    }

    #[test]
    fn the_first_token_is_sent_and_all_are_accepted() {
        let tokens = Tokens::new("old").unwrap();
        let handle = tokens.clone();
        assert_eq!(tokens.header(), "Bearer old");
        handle.set(["new", "old"]).unwrap();
        assert_eq!(tokens.header(), "Bearer new");
        assert!(accepts(&tokens, "Bearer old") && accepts(&tokens, "Bearer new"));
        handle.set(["new"]).unwrap();
        assert!(!accepts(&tokens, "Bearer old"));
        #[cfg(feature = "ipronko")]
        assert_eq!(tokens.for_protocol(Protocol::Ipronko).header(), "new");
    }

    #[test]
    fn what_is_no_token_is_refused_and_changes_nothing() {
        let tokens = Tokens::new("good").unwrap();
        for bad in [
            "",
            " ",
            "se cret\n",
            " secret",
            "secret ",
            "sécret",
            "se\tcret",
        ] {
            for error in [
                Tokens::new(bad).unwrap_err(),
                tokens.set(["fine", bad]).unwrap_err(),
                tokens.set([bad, "fine"]).unwrap_err(),
            ] {
                assert!(error.is_configuration());
                assert!(!format!("{error} {error:?}").contains("cret"), "{error:?}");
            }
        }
        assert!(tokens.set([""; 0]).is_err());
        assert!(accepts(&tokens, "Bearer good") && !accepts(&tokens, "Bearer fine"));
    }

    #[test]
    fn nothing_that_is_printed_shows_a_token() {
        let tokens = Tokens::new("hidden").unwrap();
        let printed = format!("{tokens:?} {:?}", tokens.header());
        assert!(!printed.contains("hidden"), "{printed}");
    }
}
