use std::net::SocketAddr;
use std::time::Duration;

use super::IpFamily;
use crate::Error;

/// Where [`Dns`](super::Dns) asks, how often, and what becomes of the answer.
///
/// ```
/// use std::time::Duration;
/// use peers::DnsOptions;
///
/// let options = DnsOptions::default().scheme("https").max_ttl(Duration::from_secs(10));
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct DnsOptions {
    pub(super) name_servers: Vec<SocketAddr>,
    pub(super) timeout: Option<Duration>,
    pub(super) min_ttl: Duration,
    pub(super) max_ttl: Duration,
    pub(super) scheme: String,
    pub(super) ip_family: IpFamily,
    pub(super) resolve_targets: bool,
}

impl Default for DnsOptions {
    fn default() -> Self {
        Self {
            name_servers: Vec::new(),
            timeout: None,
            min_ttl: Duration::from_secs(1),
            max_ttl: Duration::from_secs(60),
            scheme: "http".into(),
            ip_family: IpFamily::default(),
            resolve_targets: false,
        }
    }
}

/// The most name servers.
const MOST_SERVERS: usize = 16;

impl DnsOptions {
    /// The name servers to ask, over UDP and, for large answers, TCP. A name is then a full one, as no search domains
    /// are known, and the hosts file is not read. Default: the system's configuration, such as `/etc/resolv.conf`.
    pub fn name_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.name_servers = servers.into_iter().collect();
        self
    }

    /// How long one request to a name server may take. A request without an answer is repeated twice. Default: that
    /// of the system's configuration, which is mostly 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The shortest time between two questions, also where the answer's time to live (TTL) is shorter. Default: 1 s.
    pub fn min_ttl(mut self, min_ttl: Duration) -> Self {
        self.min_ttl = min_ttl;
        self
    }

    /// The longest time between two questions, also where the answer's TTL is longer. Default: 60 s.
    pub fn max_ttl(mut self, max_ttl: Duration) -> Self {
        self.max_ttl = max_ttl;
        self
    }

    /// The scheme of the members' URLs, `http` or `https`. Default: `http`.
    pub fn scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = scheme.into();
        self
    }

    /// Which addresses count. Default: [`IpFamily::PreferV4`].
    pub fn ip_family(mut self, ip_family: IpFamily) -> Self {
        self.ip_family = ip_family;
        self
    }

    /// Whether the targets of SRV records are resolved here. A member's id is then `SCHEME://TARGET:PORT` and its URL
    /// has the target's lowest address, so that a member that moves keeps its keys. Otherwise the first is the URL too,
    /// and each dial resolves it. Default: `false`.
    pub fn resolve_targets(mut self, resolve_targets: bool) -> Self {
        self.resolve_targets = resolve_targets;
        self
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits: times are from 1 ms to a day, there are at most
    /// 16 name servers, and the scheme is `http` or `https`.
    pub fn validate(&self) -> Result<(), Error> {
        let times = [("min_ttl", self.min_ttl), ("max_ttl", self.max_ttl)];
        let timeout = self.timeout.map(|timeout| ("timeout", timeout));
        for (name, time) in times.into_iter().chain(timeout) {
            if !(Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60)).contains(&time) {
                let reason = format!("{time:?} is not from 1 ms to a day");
                return Err(Error::invalid_option(name, reason));
            }
        }
        if self.min_ttl > self.max_ttl {
            let reason = format!("it is more than the max_ttl of {:?}", self.max_ttl);
            return Err(Error::invalid_option("min_ttl", reason));
        }
        if self.name_servers.len() > MOST_SERVERS {
            let reason = format!("there are more than {MOST_SERVERS}");
            return Err(Error::invalid_option("name_servers", reason));
        }
        if !matches!(&*self.scheme, "http" | "https") {
            let reason = format!("{:?} is neither http nor https", self.scheme);
            return Err(Error::invalid_option("scheme", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = DnsOptions::default;
        options().validate().unwrap();
        let server = SocketAddr::from(([127, 0, 0, 1], 53));
        for (name, options) in [
            ("timeout", options().timeout(Duration::ZERO)),
            ("min_ttl", options().min_ttl(Duration::ZERO)),
            ("min_ttl", options().min_ttl(Duration::from_secs(61))),
            ("max_ttl", options().max_ttl(Duration::MAX)),
            ("scheme", options().scheme("ftp")),
            ("name_servers", options().name_servers([server; 17])),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
