use std::fmt;
use std::str::FromStr;

use consistenthash::Scheme;

use crate::{Error, Member};

/// A wire format of the family, and the ring that goes with it.
///
/// The protocols whose crates not everybody needs each stand behind a feature of their own.
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
    #[cfg(feature = "mailgun")]
    Mailgun,
    /// groupcache-go, version 3: mailgun's with one request that removes several keys. Members are
    /// `host:port` on its ring.
    #[cfg(feature = "groupcache-go")]
    GroupcacheGo,
    /// ipronko/groupcache: raw bytes over HTTP, mailgun's ring.
    #[cfg(feature = "ipronko")]
    Ipronko,
    /// vimeo/galaxycache over HTTP: raw bytes on paths of its own, golang's ring but for ties.
    Galaxycache,
    /// vimeo/galaxycache over gRPC, with the same ring. Go nodes receive messages of up to 4 MiB unless
    /// their dial options say otherwise, and load larger values themselves.
    #[cfg(feature = "grpc")]
    GalaxycacheGrpc,
}

/// The features that a build may lack, each with the name of its protocol.
const FEATURES: &[(&str, &str)] = &[
    ("mailgun", "mailgun"),
    ("groupcache-go", "groupcache-go"),
    ("ipronko", "ipronko"),
    ("galaxycache-grpc", "grpc"),
];

impl Protocol {
    /// Every protocol that this build speaks.
    pub const ALL: &[Self] = &[
        Self::Native,
        Self::Golang,
        #[cfg(feature = "mailgun")]
        Self::Mailgun,
        #[cfg(feature = "groupcache-go")]
        Self::GroupcacheGo,
        #[cfg(feature = "ipronko")]
        Self::Ipronko,
        Self::Galaxycache,
        #[cfg(feature = "grpc")]
        Self::GalaxycacheGrpc,
    ];

    /// The protocol's name, as flags and configuration files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Golang => "golang",
            #[cfg(feature = "mailgun")]
            Self::Mailgun => "mailgun",
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => "groupcache-go",
            #[cfg(feature = "ipronko")]
            Self::Ipronko => "ipronko",
            Self::Galaxycache => "galaxycache",
            #[cfg(feature = "grpc")]
            Self::GalaxycacheGrpc => "galaxycache-grpc",
        }
    }

    /// The ring of the protocol, with its default number of replicas.
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Native => Scheme::native(),
            Self::Golang => Scheme::golang(),
            #[cfg(feature = "mailgun")]
            Self::Mailgun => Scheme::mailgun(),
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => Scheme::groupcache_go(),
            #[cfg(feature = "ipronko")]
            Self::Ipronko => Scheme::ipronko(),
            Self::Galaxycache => Scheme::galaxycache(),
            #[cfg(feature = "grpc")]
            Self::GalaxycacheGrpc => Scheme::galaxycache(),
        }
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
        match self {
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => {
                let host = url.split_once("://").map_or(url, |(_, host)| host);
                host.split_once('/').map_or(host, |(host, _)| host)
            }
            _ => url,
        }
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
        if let Some(&protocol) = Self::ALL.iter().find(|protocol| protocol.name() == name) {
            return Ok(protocol);
        }
        Err(lacking(name).unwrap_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|protocol| protocol.name()).collect();
            Error::unknown_protocol(name, known.join(", "))
        }))
    }
}

/// The error for the name of a protocol whose feature this build does not have.
fn lacking(name: &str) -> Option<Error> {
    let (_, feature) = FEATURES.iter().find(|(protocol, _)| *protocol == name)?;
    let reason = format!("{name} needs the feature `{feature}`, which this build does not have");
    Some(Error::invalid_option("protocol", reason))
}

/// The name.
#[cfg(feature = "serde")]
impl serde::Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests are built with every feature.
    #[test]
    fn the_name_of_a_protocol_that_a_build_lacks_tells_the_feature() {
        let always = [Protocol::Native, Protocol::Golang, Protocol::Galaxycache];
        for protocol in Protocol::ALL {
            let error = lacking(protocol.name());
            assert_eq!(error.is_none(), always.contains(protocol), "{protocol}");
        }
        for (name, feature) in FEATURES {
            assert!(name.parse::<Protocol>().is_ok(), "{name}");
            let error = lacking(name).unwrap();
            assert!(error.is_configuration());
            assert!(
                error.to_string().contains(&format!("`{feature}`")),
                "{error}"
            );
        }
        let unknown = "nativ".parse::<Protocol>().unwrap_err();
        assert!(
            unknown.to_string().contains("known are native"),
            "{unknown}"
        );
    }
}
