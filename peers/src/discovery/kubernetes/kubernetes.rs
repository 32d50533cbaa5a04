use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config};
use tokio::time::Instant;

use super::endpoints::members;
use super::paced::paced;
use super::{KubernetesOptions, KubernetesPort};
use crate::discovery::tells_lists::TellsLists;
use crate::{Discovery, Error, Member, MemberLists};

/// The members that are the ready endpoints of a Kubernetes service, by kube.
///
/// A member's id is its pod's name, and its URL has the pod's address, so that a pod that comes back under its name, as
/// those of a StatefulSet do, has its keys again. An endpoint that is no pod has its URL as the id. A pod that starts,
/// fails its readiness probe or terminates is no member. A node has to give its pod's name as its own id; the downward
/// API tells it.
///
/// The service's EndpointSlices are listed once and then watched, so that a change is known at once. After a broken
/// connection kube goes on from the last version that it saw, or lists again if the API server no longer has that. If
/// this fails too, it is an error, and the next list is read from the beginning. So it is with a watch that breaks off
/// twice within ten seconds. Watches that end in order, but sooner than that, begin again after pauses of up to a second.
/// A service that does not exist yet has no endpoints, and so an empty list.
///
/// A connection that has died without a word is noticed within [`read_timeout`](KubernetesOptions::read_timeout), and
/// within [`connect_timeout`](KubernetesOptions::connect_timeout) the next one is made or there is an error: 35 s in all
/// by default.
///
/// The pod's service account needs the verbs `list` and `watch` on `endpointslices` of the group `discovery.k8s.io`
/// in the service's namespace. Joining and leaving do nothing: that a pod is ready is its announcement.
///
/// ```
/// use peers::{Kubernetes, KubernetesOptions, KubernetesPort};
///
/// let options = KubernetesOptions::default().port(KubernetesPort::Name("peers".into()));
/// let source = Kubernetes::new("default", "thumbnails", options)?;
/// # drop(source);
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone)]
pub struct Kubernetes {
    namespace: String,
    service: String,
    options: KubernetesOptions,
    client: Option<Client>,
}

/// Lists the slices and then watches them.
struct Watching {
    of: Kubernetes,
    /// That of the source, at a pace. `None` before the first call.
    client: Option<Client>,
    /// `None` before the first call.
    events: Option<BoxStream<'static, watcher::Result<Event<EndpointSlice>>>>,
    /// When kube was last left to go on after a watch that broke off.
    retried: Option<Instant>,
    slices: Slices,
    /// The last list. `None` before the first one and after a failure.
    told: Option<Vec<Member>>,
}

/// The service's slices, by name.
#[derive(Default)]
struct Slices {
    known: BTreeMap<String, EndpointSlice>,
    /// Those that a list has brought so far, while it is read.
    listed: Option<BTreeMap<String, EndpointSlice>>,
    is_complete: bool,
}

/// How long after one watch that broke off another is an error, whatever was heard between them. Without it a server
/// that answers each list, and refuses each watch, would be asked as fast as the network allows.
const RETRY_EVERY: Duration = Duration::from_secs(10);

impl Kubernetes {
    /// The endpoints of a service, asked of the cluster that this process runs in: the API server and the credentials
    /// are those of the user's kubeconfig, where there is one, and otherwise those of the pod's service account. They
    /// are read when the first list is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`]: a namespace or a service that is no name, or an option outside its limits.
    pub fn new(namespace: &str, service: &str, options: KubernetesOptions) -> Result<Self, Error> {
        options.validate()?;
        for (option, name) in [("namespace", namespace), ("service", service)] {
            if !is_dns_label(name) {
                let reason = format!("{name:?} is not a name in Kubernetes");
                return Err(Error::invalid_option(option, reason));
            }
        }
        Ok(Self {
            namespace: namespace.into(),
            service: service.into(),
            options,
            client: None,
        })
    }

    /// Asks with this client. It is of the crate that is [`kube`](crate::kube) here. Its own timeouts count instead of
    /// those of the options. By kube's default a client waits for an answer without limit: set `read_timeout` and
    /// `reset_reader_on_write` of its configuration.
    pub fn with_client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Reads `[https://]NAMESPACE/SERVICE[:PORT]`, the port as a number or a name.
    pub(in crate::discovery) fn parse(text: &str) -> Result<Self, Error> {
        let options = KubernetesOptions::default();
        let (options, text) = match text.split_once("://") {
            Some((scheme, rest)) => (options.scheme(scheme), rest),
            None => (options, text),
        };
        let (namespace, service) = text.split_once('/').ok_or_else(|| {
            Error::invalid_option(
                "discovery",
                "kubernetes: is followed by NAMESPACE/SERVICE[:PORT]",
            )
        })?;
        match service.split_once(':') {
            Some((service, port)) => Self::new(
                namespace,
                service,
                options.port(KubernetesPort::parse(port)),
            ),
            None => Self::new(namespace, service, options),
        }
    }

    fn error(&self, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let source = format!(
            "the service {}/{} of Kubernetes",
            self.namespace, self.service
        );
        Error::discovery(source, reason)
    }
}

impl Watching {
    /// Waits for the next list that differs from the one before.
    async fn next_members(&mut self) -> Result<Vec<Member>, Error> {
        loop {
            let event = match self.next_event().await? {
                Ok(event) => event,
                // kube goes on by itself, from the last version or with another list.
                Err(error) if is_of_watch(&error) && self.may_retry() => {
                    self.retried = Some(Instant::now());
                    continue;
                }
                Err(error) => {
                    self.events = None;
                    return Err(self.of.error(error));
                }
            };
            self.slices.apply(event);
            if !self.slices.is_complete {
                continue;
            }
            let members = members(self.slices.known.values(), &self.of.options);
            let members = members.map_err(|reason| self.of.error(reason))?;
            if self.told.as_ref() != Some(&members) {
                self.told = Some(members.clone());
                return Ok(members);
            }
        }
    }

    async fn next_event(&mut self) -> Result<watcher::Result<Event<EndpointSlice>>, Error> {
        let events = match &mut self.events {
            Some(events) => events,
            None => {
                let of = &self.of;
                let client = match (&self.client, &of.client) {
                    (Some(client), _) => client.clone(),
                    (None, Some(client)) => self.client.insert(paced(client.clone())).clone(),
                    (None, None) => {
                        let config = Config::infer().await;
                        let config = config.map_err(|error| of.error(error))?;
                        let client = client(config, &of.options);
                        let client = client.map_err(|error| of.error(error))?;
                        self.client.insert(paced(client)).clone()
                    }
                };
                let slices: Api<EndpointSlice> = Api::namespaced(client, &of.namespace);
                let label = format!("kubernetes.io/service-name={}", of.service);
                let config = watcher::Config::default()
                    .labels(&label)
                    .timeout(of.options.watch_seconds());
                self.events.insert(watcher(slices, config).boxed())
            }
        };
        match events.next().await {
            Some(event) => Ok(event),
            None => {
                self.events = None;
                Err(self.of.error("the watch has ended"))
            }
        }
    }

    fn may_retry(&self) -> bool {
        self.retried
            .is_none_or(|retried| retried.elapsed() >= RETRY_EVERY)
    }
}

impl Slices {
    fn apply(&mut self, event: Event<EndpointSlice>) {
        match event {
            Event::Init => {
                self.listed = Some(BTreeMap::new());
                self.is_complete = false;
            }
            Event::InitApply(slice) => {
                let listed = self.listed.get_or_insert_default();
                listed.insert(name(&slice), slice);
            }
            Event::InitDone => {
                self.known = self.listed.take().unwrap_or_default();
                self.is_complete = true;
            }
            Event::Apply(slice) => {
                self.known.insert(name(&slice), slice);
            }
            Event::Delete(slice) => {
                self.known.remove(&name(&slice));
            }
        }
    }
}

/// A client that notices a dead connection.
fn client(mut config: Config, options: &KubernetesOptions) -> kube::Result<Client> {
    config.connect_timeout = Some(options.connect_timeout);
    config.read_timeout = Some(options.read_timeout);
    // The time that a connection was idle before a request does not count.
    config.reset_reader_on_write = true;
    Client::try_from(config)
}

/// Whether a watch has broken off that had begun.
fn is_of_watch(error: &watcher::Error) -> bool {
    use watcher::Error::{WatchError, WatchFailed};
    matches!(error, WatchError(_) | WatchFailed(_))
}

fn name(slice: &EndpointSlice) -> String {
    slice.metadata.name.clone().unwrap_or_default()
}

/// Whether a text is a label of RFC 1123, as names of services and namespaces are.
fn is_dns_label(text: &str) -> bool {
    let is_inner = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Discovery for Kubernetes {
    fn kind(&self) -> &'static str {
        "kubernetes"
    }

    fn lists(&mut self) -> MemberLists {
        let watching = Watching {
            of: self.clone(),
            client: None,
            events: None,
            retried: None,
            slices: Slices::default(),
            told: None,
        };
        watching.into_lists()
    }
}

impl TellsLists for Watching {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        let answer = self.next_members().await;
        if answer.is_err() {
            self.told = None;
        }
        answer
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes")
            .field("namespace", &self.namespace)
            .field("service", &self.service)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_server_that_never_answers_is_an_error() {
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let (asked, mut has_asked) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let (mut connection, _) = silent.accept().await.unwrap();
            while connection.read_u8().await.is_ok() {
                _ = asked.try_send(());
            }
        });
        let options = KubernetesOptions::default().read_timeout(Duration::from_secs(2));
        let client = client(Config::new(url.parse().unwrap()), &options).unwrap();
        let mut source = Kubernetes::new("prod", "cache", options)
            .unwrap()
            .with_client(client);
        let mut lists = source.lists();
        let answer = timeout(Duration::from_secs(20), lists.next()).await;
        assert!(answer.unwrap().unwrap().unwrap_err().is_discovery());
        assert!(has_asked.recv().await.is_some(), "nothing was asked");
    }

    #[test]
    fn a_text_has_a_namespace_a_service_and_perhaps_a_port() {
        for text in [
            "", "cache", "a/", "/b", "a/b:", "a/b:0", "a/B", "a/b c", "a/b/c", "x://a/b",
        ] {
            let error = Kubernetes::parse(text).unwrap_err();
            assert!(error.is_configuration(), "{text}");
        }
        let source = Kubernetes::parse("prod/cache").unwrap();
        assert_eq!((&*source.namespace, &*source.service), ("prod", "cache"));
        assert_eq!(source.options.port, KubernetesPort::Only);
        let source = Kubernetes::parse("https://prod/cache:8443").unwrap();
        assert_eq!(source.options.port, KubernetesPort::Number(8443));
        assert_eq!(source.options.scheme, "https");
        let source = Kubernetes::parse("prod/cache:peers").unwrap();
        assert_eq!(source.options.port, KubernetesPort::Name("peers".into()));
    }
}
