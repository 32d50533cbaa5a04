use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant as StdInstant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::rdata::SRV;
use tokio::time::Instant;

use super::DnsOptions;
use super::lookups::{Answer, Lookups, is_without_records, time_left};
use crate::discovery::tells_lists::TellsLists;
use crate::{Discovery, Error, Member, MemberLists};

/// The members that name servers know, by hickory-resolver: the addresses of a name, or the targets of its SRV records.
///
/// The name servers are asked again when the time to live (TTL) of their answer ends, within the bounds of
/// [`DnsOptions`]. So a change is known here at most that long after the name servers know it. Kubernetes' name server
/// says 5 s for a headless service.
///
/// A name that does not exist, a name without records, and a name server that does not answer are errors: the caller
/// keeps the members that it has.
///
/// Somebody else fills the name servers, so that joining and leaving do nothing. A node has to give its own URL and id
/// as the answer spells them; otherwise it is two members.
///
/// ```
/// use peers::{Dns, DnsOptions};
///
/// // http://10.0.0.1:8080, http://10.0.0.2:8080 ...
/// let name_servers = ["10.0.0.53:53".parse()?];
/// let options = DnsOptions::default().name_servers(name_servers);
/// let pods = Dns::addresses("cache.default.svc.cluster.local", 8080, options.clone())?;
///
/// // Host names and ports, as in http://cache-0.example.com:8080.
/// let named = Dns::services("_groupcache._tcp.example.com", options)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Dns(Resolving);

/// Asks the name servers again and again.
#[derive(Clone, Debug)]
struct Resolving {
    question: Question,
    options: DnsOptions,
    lookups: Lookups,
    /// `None` before the first answer and after a failure.
    latest: Option<Latest>,
}

#[derive(Clone, Debug)]
enum Question {
    Addresses { name: Name, port: u16 },
    Services { name: Name },
}

/// The latest list, and when to ask again.
#[derive(Clone, Debug)]
struct Latest {
    members: Vec<Member>,
    until: Instant,
}

/// Targets of SRV records that are resolved at the same time.
const LOOKUPS_AT_ONCE: usize = 16;

impl Dns {
    /// Each address of a name is a member: `http://ADDRESS:PORT`, with an IPv6 address in brackets.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`]: not a name, the port 0, or an option outside its limits. [`Error::is_discovery`]:
    /// the system's configuration cannot be read.
    pub fn addresses(name: &str, port: u16, options: DnsOptions) -> Result<Self, Error> {
        if port == 0 {
            return Err(Error::invalid_option("port", "it is not 0"));
        }
        let name = parse_name(name)?;
        Self::new(Question::Addresses { name, port }, options)
    }

    /// Each SRV record of a name, such as `_groupcache._tcp.example.com`, is a member: `http://TARGET:PORT`, without
    /// the dot at the target's end. Priorities and weights do not count. See also
    /// [`resolve_targets`](DnsOptions::resolve_targets).
    ///
    /// # Errors
    ///
    /// As [`addresses`](Self::addresses).
    pub fn services(name: &str, options: DnsOptions) -> Result<Self, Error> {
        let name = parse_name(name)?;
        Self::new(Question::Services { name }, options)
    }

    /// Reads `[https://]NAME:PORT`, with the other options at their defaults.
    pub(in crate::discovery) fn parse_addresses(text: &str) -> Result<Self, Error> {
        let (options, text) = parse_scheme(text);
        let (name, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let port = port.parse().map_err(|_| {
            Error::invalid_option("port", format!("{name:?} is followed by no :PORT"))
        })?;
        Self::addresses(name, port, options)
    }

    /// Reads `[https://]NAME`, with the other options at their defaults.
    pub(in crate::discovery) fn parse_services(text: &str) -> Result<Self, Error> {
        let (options, name) = parse_scheme(text);
        Self::services(name, options)
    }

    fn new(question: Question, options: DnsOptions) -> Result<Self, Error> {
        options.validate()?;
        let lookups = Lookups::new(&options)
            .map_err(|error| Error::discovery("the system's name servers", error))?;
        Ok(Self(Resolving {
            question,
            options,
            lookups,
            latest: None,
        }))
    }
}

impl Discovery for Dns {
    fn kind(&self) -> &'static str {
        "dns"
    }

    fn lists(&mut self) -> MemberLists {
        self.0.clone().into_lists()
    }
}

impl Resolving {
    async fn ask(&self) -> Result<Latest, Error> {
        let answer = match &self.question {
            Question::Addresses { name, port } => self.ask_addresses(name, *port).await,
            Question::Services { name } => self.ask_services(name).await,
        };
        let answer = answer.map_err(|error| self.error(error))?;
        let members: Result<BTreeSet<Member>, Error> = answer
            .records
            .iter()
            .map(|(id, url)| Member::with_id(id, url))
            .collect();
        let left = time_left(answer.until, StdInstant::now(), &self.options);
        Ok(Latest {
            members: members?.into_iter().collect(),
            until: Instant::now() + left,
        })
    }

    /// Ids and URLs.
    async fn ask_addresses(
        &self,
        name: &Name,
        port: u16,
    ) -> Result<Answer<(String, String)>, NetError> {
        let family = self.options.ip_family;
        let Answer { records, until } = self.lookups.addresses(name, family).await?;
        let urls = records.into_iter().map(|ip| self.url_of(ip, port));
        Ok(Answer {
            records: urls.map(|url| (url.clone(), url)).collect(),
            until,
        })
    }

    /// Ids and URLs.
    async fn ask_services(&self, name: &Name) -> Result<Answer<(String, String)>, NetError> {
        let Answer { records, mut until } = self.lookups.services(name).await?;
        if !self.options.resolve_targets {
            let urls = records.iter().map(|service| self.id_of(service));
            let records = urls.map(|url| (url.clone(), url)).collect();
            return Ok(Answer { records, until });
        }
        let resolved: Vec<_> = stream::iter(records)
            .map(|service| self.resolved(service))
            .buffer_unordered(LOOKUPS_AT_ONCE)
            .try_collect()
            .await?;
        let mut members = Vec::with_capacity(resolved.len());
        for (id, addresses) in resolved.into_iter().flatten() {
            until = until.min(addresses.until);
            members.extend(addresses.records.into_iter().map(|url| (id.clone(), url)));
        }
        if members.is_empty() {
            return Err(NetError::Message("no target has an address"));
        }
        Ok(Answer {
            records: members,
            until,
        })
    }

    /// A target's id, and the URL with its lowest address. `None` for a target without an address, which nobody could
    /// dial.
    async fn resolved(&self, service: SRV) -> Result<Option<(String, Answer<String>)>, NetError> {
        let family = self.options.ip_family;
        let addresses = match self.lookups.addresses(&service.target, family).await {
            Err(error) if is_without_records(&error) => return Ok(None),
            answer => answer?,
        };
        let lowest = addresses.records.into_iter().min();
        let url = lowest.map(|ip| self.url_of(ip, service.port));
        let answer = Answer {
            records: url.into_iter().collect(),
            until: addresses.until,
        };
        Ok(Some((self.id_of(&service), answer)))
    }

    fn id_of(&self, service: &SRV) -> String {
        let target = service.target.to_ascii().to_ascii_lowercase();
        let host = target.trim_end_matches('.');
        format!("{}://{host}:{}", self.options.scheme, service.port)
    }

    fn url_of(&self, ip: IpAddr, port: u16) -> String {
        format!("{}://{}", self.options.scheme, SocketAddr::new(ip, port))
    }

    fn error(&self, error: NetError) -> Error {
        let (kind, name) = match &self.question {
            Question::Addresses { name, .. } => ("addresses", name),
            Question::Services { name } => ("SRV records", name),
        };
        Error::discovery(format!("the {kind} of {name}"), error)
    }
}

impl TellsLists for Resolving {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        loop {
            if let Some(latest) = &self.latest {
                tokio::time::sleep_until(latest.until).await;
            }
            let answer = self.ask().await;
            // After a failure, the next call asks at once, and tells its answer in any case.
            let before = self.latest.take();
            let latest = self.latest.insert(answer?);
            if before.is_none_or(|before| before.members != latest.members) {
                return Ok(latest.members.clone());
            }
        }
    }
}

fn parse_scheme(text: &str) -> (DnsOptions, &str) {
    let options = DnsOptions::default();
    match text.split_once("://") {
        Some((scheme, rest)) => (options.scheme(scheme), rest),
        None => (options, text),
    }
}

fn parse_name(text: &str) -> Result<Name, Error> {
    let refused = |reason: String| Error::invalid_option("DNS name", reason);
    if text.parse::<IpAddr>().is_ok() {
        return Err(refused(format!("{text} is an address, not a name")));
    }
    match Name::from_utf8(text) {
        Ok(name) if name.num_labels() > 0 => Ok(name),
        Ok(_) => Err(refused("it is empty".into())),
        Err(error) => Err(refused(format!("{text:?}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused() {
        let options = || DnsOptions::default().name_servers([([127, 0, 0, 1], 53).into()]);
        for name in ["", ".", "10.0.0.1", "::1", "a..b", &"a".repeat(64)] {
            let error = Dns::addresses(name, 8080, options()).unwrap_err();
            assert!(error.is_configuration(), "{name}");
            assert!(Dns::services(name, options()).is_err(), "{name}");
        }
        assert!(Dns::addresses("cache", 0, options()).is_err());
        assert!(Dns::addresses("cache", 1, options()).is_ok());
    }

    #[test]
    fn a_text_has_a_name_a_port_and_perhaps_a_scheme() {
        for text in [
            "cache",
            "cache:",
            "cache:x",
            "cache:65536",
            "ftp://cache:1",
            ":1",
        ] {
            let error = Dns::parse_addresses(text).unwrap_err();
            assert!(error.is_configuration(), "{text}: {error}");
        }
        let source = Dns::parse_addresses("https://cache.example.com:8443").unwrap();
        assert_eq!(source.0.options.scheme, "https");
        let Question::Addresses { name, port } = &source.0.question else {
            panic!("{source:?}")
        };
        assert_eq!((&*name.to_ascii(), *port), ("cache.example.com", 8443));
        let source = Dns::parse_services("_groupcache._tcp.example.com").unwrap();
        assert_eq!(source.0.options.scheme, "http");
    }
}
