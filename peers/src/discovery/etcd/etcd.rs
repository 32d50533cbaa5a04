use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tonic::{Code, Status};

use super::EtcdOptions;
use super::announcement::Lease;
use super::client::Client;
use super::messages::{Done, PutRequest};
use super::view::{Change, Keys, View};
use crate::discovery::tells_lists::TellsLists;
use crate::{BoxFuture, Discovery, Error, Member, MemberLists};

/// The members that have announced themselves in an etcd cluster, version 3.4 or later.
///
/// A node that joins puts the key `PREFIX/ID` with its URL as the value, under a lease that a task of this source
/// renews. So the key of a node that dies goes when the lease ends, 10 s later by default, and that of a node that
/// leaves goes at once. The list is read once, and then watched from its revision on, so that a change is known at
/// once.
///
/// The prefix is the cluster's label: another prefix is another cluster, also where one begins with the other. In a
/// key, the id's slashes, percent signs and characters that are not ASCII are percent-encoded. Keys with a further
/// slash belong to other clusters and are skipped, with one warning in the log. A key or a URL that cannot be read is
/// skipped with a warning each time.
///
/// A connection that breaks, a server that has lost the others, and a lease that ends because no server was reached in
/// time are errors or lists without this node. The caller then joins again and asks again, and is told the whole list.
/// History that etcd has compacted meanwhile costs another reading of the list. Each call tries the servers in turn,
/// beginning with the one that answered last. A server that does not renew the lease for half of its time, or whose
/// connection is silent for 5 s and then does not answer a ping, is left for the next one. A list is limited to 4 MB,
/// about 40,000 members.
///
/// ```
/// use peers::{Etcd, EtcdOptions};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let servers = ["http://10.0.0.7:2379", "http://10.0.0.8:2379", "http://10.0.0.9:2379"];
/// let source = Etcd::new(servers, "groupcache/thumbnails", EtcdOptions::default())?;
/// # drop(source);
/// # Ok::<(), peers::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Etcd {
    client: Arc<Client>,
    options: EtcdOptions,
    keys: Arc<Keys>,
    name: Arc<str>,
    /// `None` unless this node has joined.
    lease: Option<Lease>,
}

/// Reads the list and then watches it.
struct Watching {
    client: Arc<Client>,
    keys: Arc<Keys>,
    name: Arc<str>,
    /// `None` before the first list and after a failure.
    view: Option<View>,
}

impl Etcd {
    /// The members under `PREFIX/` in the cluster of these servers, given by their URLs, at most 16. Makes no
    /// connection yet. Slashes at the end of the prefix do not count.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`]: no URL or too many, not a URL, an empty prefix, or an option outside its limits.
    /// [`Error::is_discovery`]: certificates that cannot be read.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
        prefix: &str,
        options: EtcdOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Err(Error::invalid_option("etcd prefix", "it is empty"));
        }
        let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
        Ok(Self {
            client: Arc::new(Client::new(&urls, &options)?),
            options,
            keys: Arc::new(Keys::new(prefix)),
            name: format!("etcd, {prefix}/").into(),
            lease: None,
        })
    }

    /// Reads `URL[,URL]/PREFIX`, with the other options at their defaults. The slash behind the last URL begins the
    /// prefix, and is no part of it. A URL may have `USER:PASSWORD@` before the host, percent-encoded. A prefix with an
    /// `@` is refused: the end of a password with a slash would be read as one, and be shown.
    pub(in crate::discovery) fn parse(text: &str) -> Result<Self, Error> {
        let last = text.rfind("://").map_or(0, |at| at + "://".len());
        let (urls, prefix) = match text[last..].split_once('/') {
            Some((rest, prefix)) => (&text[..last + rest.len()], prefix),
            None => (text, ""),
        };
        if prefix.contains('@') {
            let reason = "it has an @; a slash within a password is written as %2F";
            return Err(Error::invalid_option("etcd prefix", reason));
        }
        let mut options = EtcdOptions::default();
        let mut plain_urls = Vec::new();
        for url in urls.split(',').map(str::trim) {
            let (url, credentials) = without_credentials(url)?;
            plain_urls.push(url);
            if let Some((user, password)) = credentials {
                options = options.credentials(user, password);
            }
        }
        Self::new(plain_urls, prefix, options)
    }

    /// Puts this node's key, once more under a new lease if the lease had ended unnoticed.
    async fn announce(&mut self, this: &Member) -> Result<(), Status> {
        match self.put(this).await {
            Err(status) if status.code() == Code::NotFound => self.put(this).await,
            answer => answer,
        }
    }

    async fn put(&mut self, this: &Member) -> Result<(), Status> {
        let lease = match self.lease.take() {
            Some(lease) if !lease.has_ended() => lease,
            _ => Lease::grant(&self.client, self.options.lease_ttl).await?,
        };
        let lease = self.lease.insert(lease).id();
        let request = PutRequest {
            key: self.keys.key(this.id()),
            value: this.url().into(),
            lease,
        };
        let put = self.client.call::<_, Done>("/etcdserverpb.KV/Put", request);
        let answer = put.await.map(drop);
        if matches!(&answer, Err(status) if status.code() == Code::NotFound) {
            self.lease = None; // it has ended, and the next put takes another
        }
        answer
    }
}

impl Watching {
    async fn next_members(&mut self) -> Result<Vec<Member>, Status> {
        loop {
            let Some(view) = &mut self.view else {
                let view = View::open(&self.client, &self.keys).await?;
                return Ok(self.view.insert(view).members());
            };
            match view.change().await {
                Ok(Change::Members) => return Ok(view.members()),
                Ok(Change::Compacted) => self.view = None,
                Err(status) => {
                    self.view = None;
                    return Err(status);
                }
            }
        }
    }
}

impl TellsLists for Watching {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        let answer = self.next_members().await;
        answer.map_err(|status| Error::discovery(&*self.name, status))
    }
}

impl Discovery for Etcd {
    fn kind(&self) -> &'static str {
        "etcd"
    }

    fn join<'a>(&'a mut self, this: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let answer = self.announce(this).await;
            answer.map_err(|status| Error::discovery(&*self.name, status))
        })
    }

    fn lists(&mut self) -> MemberLists {
        let watching = Watching {
            client: Arc::clone(&self.client),
            keys: Arc::clone(&self.keys),
            name: Arc::clone(&self.name),
            view: None,
        };
        watching.into_lists()
    }

    fn leave<'a>(&'a mut self, _: &'a Member) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let Some(lease) = self.lease.take() else {
                return Ok(());
            };
            let answer = lease.revoke(&self.client).await;
            answer.map_err(|status| Error::discovery(&*self.name, status))
        })
    }
}

/// A URL, and the user and the password that were in it.
fn without_credentials(url: &str) -> Result<(String, Option<(String, String)>), Error> {
    let parts = url.split_once("://");
    let parts = parts.and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    let Some((scheme, (credentials, host))) = parts else {
        return Ok((url.to_owned(), None));
    };
    let decoded = |text| percent_decode_str(text).decode_utf8();
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (Ok(user), Ok(password)) = (decoded(user), decoded(password)) else {
        return Err(Error::invalid_option("credentials", "they are not UTF-8"));
    };
    let credentials = (user.into_owned(), password.into_owned());
    Ok((format!("{scheme}://{host}"), Some(credentials)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_has_urls_and_a_prefix_and_perhaps_credentials() {
        for text in [
            "",
            "a:2379/x",
            "http://a:2379",
            "http://a:2379/",
            "ftp://a/x",
            "http:///x",
            "http://a:/x",
            "http://a:port/x",
            "http://a:65536/x",
        ] {
            let error = Etcd::parse(text).unwrap_err();
            assert!(error.is_configuration(), "{text}: {error}");
        }
        let source = Etcd::parse("http://a:2379, http://b:2379/groupcache/prod/").unwrap();
        assert_eq!(&*source.name, "etcd, groupcache/prod/");
        assert!(source.options.credentials.is_none());
        let source = Etcd::parse("http://cache:top%2Fsecret%40@a:2379,http://b:2379/x").unwrap();
        let credentials = source.options.credentials.as_ref().unwrap();
        assert_eq!(
            (&*credentials.user, &*credentials.password),
            ("cache", "top/secret@")
        );
        assert!(!format!("{source:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_password_that_is_not_encoded_is_not_repeated() {
        for text in [
            "http://cache:s/ecret@a:2379/x",
            "http://cache:1/ecret@a:2379/x",
            "http://cache:s/ecret@a:2379",
            "http://cache:s,ecret@a:2379/x",
            "http://cache:1,ecret@a:2379/x",
            "http://cache:s/ecret,http://b:2379/x",
            "http://cache:s ecret/@a:2379/x",
        ] {
            let error = Etcd::parse(text).unwrap_err();
            assert!(error.is_configuration(), "{text}: {error}");
            assert!(!format!("{error:?} {error}").contains("ecret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn credentials_in_a_url_are_refused_and_not_repeated() {
        let error = Etcd::new(["http://cache:secret@a:2379"], "x", EtcdOptions::default());
        let error = error.unwrap_err();
        assert!(error.is_configuration());
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
