use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;

use crate::Error;

/// One member of the cluster: the id that is hashed on the ring, and the URL that is dialled.
///
/// Usually both are the same text. They differ where addresses change and names do not: a pod's
/// name and its IP. Nothing is normalised: every byte of the id counts on the ring, so all nodes
/// have to spell a member the same way.
///
/// ```
/// use peers::Member;
///
/// let plain: Member = "http://10.0.0.1:8080".parse()?;
/// assert_eq!(plain.id(), "http://10.0.0.1:8080");
///
/// let named: Member = "pod-1=http://10.0.0.1:8080".parse()?;
/// assert_eq!((named.id(), named.url()), ("pod-1", "http://10.0.0.1:8080"));
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    id: Arc<str>,
    url: Arc<str>,
}

impl Member {
    /// A member whose id is its URL.
    ///
    /// # Errors
    ///
    /// The URL needs a scheme (`http` or `https`) and a host; a port and a path prefix are
    /// allowed; a trailing slash (which would turn every request into a redirect), a user name, a
    /// query and a fragment are not.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        let url = url.as_ref();
        Self::with_id(url, url)
    }

    /// A member with an id apart from its URL.
    ///
    /// # Errors
    ///
    /// An empty id, or one of the errors of [`new`](Self::new).
    pub fn with_id(id: impl AsRef<str>, url: impl AsRef<str>) -> Result<Self, Error> {
        let (id, url) = (id.as_ref(), url.as_ref());
        check_url(url).map_err(|reason| Error::invalid_member(without_user(url), reason))?;
        if id.is_empty() {
            return Err(Error::invalid_member(url, "its id is empty"));
        }
        Ok(Self {
            id: id.into(),
            url: url.into(),
        })
    }

    /// Reads a list of members that are separated by commas, each as `URL` or `ID=URL`. Empty items, such
    /// as that after a comma at the end, are skipped.
    ///
    /// ```
    /// let members = peers::Member::list("http://10.0.0.1:8080, http://10.0.0.2:8080/,")?;
    /// assert_eq!(members.len(), 2);
    /// assert_eq!(members[1].url(), "http://10.0.0.2:8080");
    /// # Ok::<(), peers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of an item, as [`with_id`](Self::with_id).
    pub fn list(text: &str) -> Result<Vec<Self>, Error> {
        text.split(',')
            .filter(|item| !item.trim().is_empty())
            .map(str::parse)
            .collect()
    }

    /// The same member under another id, which is not empty.
    pub(crate) fn renamed(&self, id: &str) -> Self {
        Self {
            id: id.into(),
            url: Arc::clone(&self.url),
        }
    }

    /// The text that the ring hashes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The URL that peers dial.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether a connection to either URL, made on the machine of one, reaches the same server: the URLs
    /// are equal but for case, a default port, and the name of the local machine.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// What two URLs of the [same place](Self::is_same_place) have in common.
    pub(crate) fn place(&self) -> Option<Place> {
        place(&self.url)
    }
}

/// Scheme, host, port and path.
type Place = (String, String, u16, String);

/// The text without what may be a user's name and password.
fn without_user(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(end)) if scheme + 3 <= end => {
            format!("{}…{}", &url[..scheme + 3], &url[end..])
        }
        _ => url.to_owned(),
    }
}

/// The place of a URL. The names of the local machine are one host.
fn place(url: &str) -> Option<Place> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default_port = if scheme == "https" { 443 } else { 80 };
    let host = uri.host()?.to_ascii_lowercase();
    let is_local = matches!(
        &*host,
        "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0" | "[::]"
    );
    let host = if is_local { "localhost".into() } else { host };
    let port = uri.port_u16().unwrap_or(default_port);
    Some((scheme, host, port, uri.path().trim_end_matches('/').into()))
}

fn check_url(url: &str) -> Result<(), &'static str> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("a member's URL starts with http:// or https://, as in http://10.0.0.1:8080");
    }
    if url.contains(char::is_whitespace) {
        return Err("a member's URL has no spaces");
    }
    if url.contains('#') {
        return Err("a member's URL has no fragment");
    }
    if url.ends_with('/') {
        return Err("a member's URL has no trailing slash");
    }
    let uri: Uri = url.parse().map_err(|_| "it is not a URL")?;
    let authority = uri.authority().ok_or("its URL has no host")?;
    if authority.host().is_empty() {
        return Err("its URL has no host");
    }
    if authority.as_str().contains('@') {
        return Err("a member's URL has no user name");
    }
    if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
        return Err("its port is not a number from 0 to 65535");
    }
    if uri.query().is_some() {
        return Err("a member's URL has no query");
    }
    Ok(())
}

impl fmt::Display for Member {
    /// The text that [`from_str`](Self::from_str) reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id == self.url {
            f.write_str(&self.url)
        } else {
            write!(f, "{}={}", self.id, self.url)
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({self})")
    }
}

impl FromStr for Member {
    type Err = Error;

    /// Reads `URL` or `ID=URL`. The id ends at the first `=`; a text whose first `=` comes after
    /// `://` is a URL. Spaces around the text, and one slash at its end, are dropped.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let text = match text.strip_suffix('/') {
            Some(url) if !url.ends_with('/') => url,
            _ => text,
        };
        match text.split_once('=') {
            Some((id, url)) if !id.contains("://") => Self::with_id(id, url),
            _ => Self::new(text),
        }
    }
}

impl TryFrom<&str> for Member {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for Member {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Member {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&Member> for Member {
    type Error = Error;

    fn try_from(member: &Member) -> Result<Self, Error> {
        Ok(member.clone())
    }
}

/// A map of `id` and `url`.
#[cfg(feature = "serde")]
impl serde::Serialize for Member {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut map = serializer.serialize_struct("Member", 2)?;
        map.serialize_field("id", self.id())?;
        map.serialize_field("url", self.url())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_many_urls() {
        let same = |one: &str, other: &str| {
            let member = |url: &str| Member::new(url).unwrap();
            member(one).is_same_place(&member(other))
        };
        assert!(same("http://localhost:8080", "http://127.0.0.1:8080"));
        assert!(same("http://0.0.0.0:8080", "http://[::1]:8080"));
        assert!(same("http://Node-1", "http://node-1:80"));
        assert!(!same("http://localhost:8080", "http://127.0.0.2:8080"));
        assert!(!same("http://localhost:8080", "http://localhost:8081"));
        assert!(!same("http://localhost:443", "https://localhost"));
        assert!(!same("http://node/a", "http://node/b"));
    }

    #[test]
    fn a_url_is_its_own_id() {
        let member = Member::new("http://10.0.0.1:8080").unwrap();
        assert_eq!(member.id(), "http://10.0.0.1:8080");
        assert_eq!(member.url(), "http://10.0.0.1:8080");
        assert_eq!(member.to_string(), "http://10.0.0.1:8080");
    }

    #[test]
    fn an_id_may_differ_from_the_url_and_the_text_reads_back() {
        let member: Member = "pod-1=http://10.0.0.1:8080/cache".parse().unwrap();
        assert_eq!(member.id(), "pod-1");
        assert_eq!(member.url(), "http://10.0.0.1:8080/cache");
        assert_eq!(member.to_string().parse::<Member>().unwrap(), member);
    }

    #[test]
    fn what_people_type_is_read() {
        for text in [
            "http://a:1/",
            " http://a:1",
            "http://a:1\n",
            ",http://a:1,,",
        ] {
            let members = Member::list(text).unwrap();
            assert_eq!(members, [Member::new("http://a:1").unwrap()], "{text:?}");
        }
        assert_eq!(Member::list(" , ").unwrap(), []);
        assert!(Member::list("http://a:1,a:2").is_err());
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "starts with http"),
            ("10.0.0.1:8080", "starts with http"),
            ("ftp://10.0.0.1", "starts with http"),
            ("http://", "trailing slash"),
            ("http://10.0.0.1:8080//", "trailing slash"),
            ("a=http://10.0.0.1:8080//", "trailing slash"),
            ("http://10.0.0.1:99999", "port"),
            ("http://10.0.0.1:", "port"),
            ("http://10.0.0.1:port", "port"),
            ("http://user@10.0.0.1", "user name"),
            ("http://10.0.0.1?a=b", "query"),
            ("http://10.0.0.1#a", "fragment"),
            ("http://exa mple", "no spaces"),
            ("http://example/a\u{3000}/", "no spaces"),
            ("=http://10.0.0.1:8080", "id is empty"),
            ("pod-1=", "starts with http"),
        ] {
            let error = text.parse::<Member>().unwrap_err();
            assert!(error.is_configuration(), "{text}");
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn no_error_shows_a_password() {
        for text in [
            "http://user:p@ss@host:1",
            "a=https://user:p@ss@host",
            "ftp://user:p@ss@",
        ] {
            let error = text.parse::<Member>().unwrap_err();
            assert!(!format!("{error:?} {error}").contains("p@ss"), "{error}");
        }
    }
}
