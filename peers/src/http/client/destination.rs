use http::Uri;

use crate::{Error, Member};

/// The member that a [`Connector`](crate::Connector) connects to, and the version of HTTP that follows.
#[derive(Clone, Debug)]
pub struct Destination {
    member: Member,
    url: Uri,
    http2: bool,
}

impl Destination {
    /// A member, for HTTP/2 or for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`] if the member's URL has no scheme or no host.
    pub fn new(member: Member, http2: bool) -> Result<Self, Error> {
        let invalid = |reason| Error::invalid_member(member.url(), reason);
        let url: Uri = member
            .url()
            .parse()
            .map_err(|_| invalid("it is not a URL"))?;
        if url.scheme().is_none() {
            return Err(invalid("its URL has no scheme"));
        }
        if url.authority().is_none() {
            return Err(invalid("its URL has no host"));
        }
        Ok(Self { member, url, http2 })
    }

    /// The member's id.
    pub fn id(&self) -> &str {
        self.member.id()
    }

    /// The member's URL.
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// Whether HTTP/2 is spoken on the connection, and not HTTP/1.1.
    pub fn is_http2(&self) -> bool {
        self.http2
    }

    /// The member's URL as given, for errors.
    pub(crate) fn name(&self) -> &str {
        self.member.url()
    }
}
