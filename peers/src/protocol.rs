use std::fmt;
use std::str::FromStr;

use consistenthash::Scheme;

use crate::{Error, Member};

/// A wire format of the family, and the ring that goes with it.
///
/// # Where protocols share a path
///
/// All protocols but galaxycache's use [`base_path`](crate::HttpOptions::base_path), and three of them
/// disagree there. A request does not name its protocol. So the node's own protocol decides how the
/// server reads and answers requests under that path:
///
/// | | golang | mailgun, groupcache-go |
/// |---|---|---|
/// | a client sends a space as | `+`, as in a query | `%20`, as in a path |
/// | a client sends a plus sign as | `%2B` | `+` |
/// | so our server reads `+` as | a space | a plus sign |
/// | our server's status for "not found" | 500 | 404 |
/// | our server's status when the getter failed | 500 | 503 |
/// | a Go caller that gets that | loads the value itself | takes it for final |
///
/// Our clients escape a space as `%20` and a plus sign as `%2B`, which all servers read alike. The
/// members of a cluster all need the same protocol. A caller of another would find its spaces turned
/// into plus signs or the other way round, and would read 404 and 503 as other errors.
///
/// ```
/// use peers::Protocol;
///
/// assert_eq!("golang".parse::<Protocol>()?, Protocol::Golang);
/// assert_eq!(Protocol::Golang.to_string(), "golang");
/// # Ok::<(), peers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Between nodes of this implementation: an even, order-independent ring.
    #[default]
    Native,
    /// golang/groupcache: protobuf over HTTP, crc32 ring.
    Golang,
    /// mailgun/groupcache, version 2: the same with expiry, set and remove; a ring of its own.
    Mailgun,
    /// groupcache-go, version 3: mailgun's with one request that removes several keys. Members are
    /// `host:port` on its ring.
    GroupcacheGo,
    /// ipronko/groupcache: raw bytes over HTTP, mailgun's ring.
    Ipronko,
    /// vimeo/galaxycache over HTTP: raw bytes on paths of its own, golang's ring but for ties.
    Galaxycache,
    /// vimeo/galaxycache over gRPC, with the same ring. Needs the feature `grpc`. Go nodes receive
    /// messages of up to 4 MiB unless their dial options say otherwise, and load larger values
    /// themselves.
    GalaxycacheGrpc,
}

const EVERY: &[Protocol] = &[
    Protocol::Native,
    Protocol::Golang,
    Protocol::Mailgun,
    Protocol::GroupcacheGo,
    Protocol::Ipronko,
    Protocol::Galaxycache,
    Protocol::GalaxycacheGrpc,
];

impl Protocol {
    /// Every protocol that this build speaks: [`GalaxycacheGrpc`](Self::GalaxycacheGrpc), the last,
    /// only with the feature `grpc`.
    pub const ALL: &[Self] = match EVERY {
        [others @ .., Self::GalaxycacheGrpc] if !cfg!(feature = "grpc") => others,
        every => every,
    };

    /// The protocol's name, as flags and configuration files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Golang => "golang",
            Self::Mailgun => "mailgun",
            Self::GroupcacheGo => "groupcache-go",
            Self::Ipronko => "ipronko",
            Self::Galaxycache => "galaxycache",
            Self::GalaxycacheGrpc => "galaxycache-grpc",
        }
    }

    /// The ring of the protocol, with its default number of replicas.
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Native => Scheme::native(),
            Self::Golang => Scheme::golang(),
            Self::Mailgun => Scheme::mailgun(),
            Self::GroupcacheGo => Scheme::groupcache_go(),
            Self::Ipronko => Scheme::ipronko(),
            Self::Galaxycache | Self::GalaxycacheGrpc => Scheme::galaxycache(),
        }
    }

    /// Whether this build speaks the protocol.
    pub(crate) fn check(self) -> Result<(), Error> {
        if Self::ALL.contains(&self) {
            Ok(())
        } else {
            Err(self.unavailable())
        }
    }

    pub(crate) fn unavailable(self) -> Error {
        let reason = format!("{self} needs the feature `grpc`, which this build does not have");
        Error::invalid_option("protocol", reason)
    }

    /// The id of a member that has a URL alone: `host:port` with
    /// groupcache-go, otherwise the URL itself.
    ///
    /// ```
    /// use peers::Protocol;
    ///
    /// let url = "http://10.0.0.1:8080";
    /// assert_eq!(Protocol::GroupcacheGo.default_id(url), "10.0.0.1:8080");
    /// assert_eq!(Protocol::Mailgun.default_id(url), url);
    /// ```
    pub fn default_id(self, url: &str) -> &str {
        if self != Self::GroupcacheGo {
            return url;
        }
        let host = url.split_once("://").map_or(url, |(_, host)| host);
        host.split_once('/').map_or(host, |(host, _)| host)
    }

    /// The member as this protocol's ring knows it: one whose id is its URL gets the
    /// [`default_id`](Self::default_id), others stay as they are.
    pub fn named(self, member: Member) -> Member {
        if member.id() == member.url() {
            member.renamed(self.default_id(member.url()))
        } else {
            member
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        // Those that this build lacks too: whoever uses one is told what is missing.
        EVERY
            .iter()
            .copied()
            .find(|protocol| protocol.name() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|protocol| protocol.name()).collect();
                Error::unknown_protocol(name, known.join(", "))
            })
    }
}
