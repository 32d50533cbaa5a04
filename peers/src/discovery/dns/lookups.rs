use std::net::IpAddr;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::{DnsOptions, IpFamily};

/// What a name server has said, and until when it stands by it.
pub(super) struct Answer<T> {
    pub(super) records: Vec<T>,
    pub(super) until: Instant,
}

/// Asks name servers. Remembers no answers: the callers ask when the former answer has ended.
#[derive(Clone, Debug)]
pub(super) struct Lookups {
    resolver: TokioResolver,
}

impl Lookups {
    /// # Errors
    ///
    /// The system's configuration is needed and cannot be read.
    pub(super) fn new(options: &DnsOptions) -> Result<Self, NetError> {
        let mut builder = if options.name_servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = options.name_servers.iter().map(|server| {
                let port = server.port();
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                let connections = connections.map(|connection| with_port(connection, port));
                NameServerConfig::new(server.ip(), true, connections.into())
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            let mut resolver_options = ResolverOpts::default();
            resolver_options.use_hosts_file = ResolveHosts::Never;
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(resolver_options)
        };
        let resolver_options = builder.options_mut();
        resolver_options.cache_size = 0;
        // TTLs have bounds of their own here.
        resolver_options.positive_min_ttl = None;
        resolver_options.positive_max_ttl = None;
        if let Some(timeout) = options.timeout {
            resolver_options.timeout = timeout;
        }
        Ok(Self {
            resolver: builder.build()?,
        })
    }

    /// The addresses of a name. An answer without any is an error.
    pub(super) async fn addresses(
        &self,
        name: &Name,
        family: IpFamily,
    ) -> Result<Answer<IpAddr>, NetError> {
        let (v4, v6) = (RecordType::A, RecordType::AAAA);
        match family {
            IpFamily::V4 => self.addresses_of(name, v4).await,
            IpFamily::V6 => self.addresses_of(name, v6).await,
            IpFamily::PreferV4 => match self.addresses_of(name, v4).await {
                Err(error) if is_without_records(&error) => self.addresses_of(name, v6).await,
                answer => answer,
            },
            IpFamily::PreferV6 => match self.addresses_of(name, v6).await {
                Err(error) if is_without_records(&error) => self.addresses_of(name, v4).await,
                answer => answer,
            },
            IpFamily::All => {
                let both = (self.addresses_of(name, v4), self.addresses_of(name, v6));
                match futures_util::future::join(both.0, both.1).await {
                    (Ok(mut one), Ok(other)) => {
                        one.records.extend(other.records);
                        one.until = one.until.min(other.until);
                        Ok(one)
                    }
                    (Err(error), answer) | (answer, Err(error)) if is_without_records(&error) => {
                        answer
                    }
                    (Err(error), _) | (_, Err(error)) => Err(error),
                }
            }
        }
    }

    async fn addresses_of(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<Answer<IpAddr>, NetError> {
        self.lookup(name, kind, |data| match data {
            RData::A(address) => Some(address.0.into()),
            RData::AAAA(address) => Some(address.0.into()),
            _ => None,
        })
        .await
    }

    /// The SRV records of a name. An answer without any is an error.
    pub(super) async fn services(&self, name: &Name) -> Result<Answer<SRV>, NetError> {
        self.lookup(name, RecordType::SRV, |data| match data {
            // A root as the target says that there is no such service.
            RData::SRV(service) if !service.target.is_root() => Some(service.clone()),
            _ => None,
        })
        .await
    }

    /// Also gets records of other kinds, such as the CNAME records on the way, which `read` drops.
    async fn lookup<T>(
        &self,
        name: &Name,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, NetError> {
        let lookup = self.resolver.lookup(name.clone(), kind).await?;
        let data = lookup.answers().iter().map(|record| &record.data);
        let records: Vec<T> = data.filter_map(read).collect();
        if records.is_empty() {
            return Err(NetError::Message(WITHOUT_RECORDS));
        }
        Ok(Answer {
            records,
            until: lookup.valid_until(),
        })
    }
}

const WITHOUT_RECORDS: &str = "the answer has no records of the type";

fn with_port(mut connection: ConnectionConfig, port: u16) -> ConnectionConfig {
    connection.port = port;
    connection
}

/// Whether the name server has answered, and has no such records.
pub(super) fn is_without_records(error: &NetError) -> bool {
    error.is_no_records_found() || matches!(error, NetError::Message(WITHOUT_RECORDS))
}

/// How long an answer stands from `now` on, within bounds.
pub(super) fn time_left(until: Instant, now: Instant, options: &DnsOptions) -> Duration {
    until
        .saturating_duration_since(now)
        .clamp(options.min_ttl, options.max_ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_kept_within_its_bounds() {
        let now = Instant::now();
        let options = DnsOptions::default()
            .min_ttl(Duration::from_secs(2))
            .max_ttl(Duration::from_secs(30));
        for (ttl, left) in [(0, 2), (1, 2), (2, 2), (5, 5), (30, 30), (86_400, 30)] {
            let until = now + Duration::from_secs(ttl);
            assert_eq!(time_left(until, now, &options), Duration::from_secs(left));
        }
    }
}
