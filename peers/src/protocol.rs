use std::fmt;
use std::str::FromStr;

use consistenthash::Scheme;

use crate::Error;

/// A wire format of the family, and the ring that goes with it.
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
}

impl Protocol {
    /// Every protocol this version speaks.
    pub const ALL: &[Self] = &[Self::Native, Self::Golang];

    /// The protocol's name, as flags and configuration files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Golang => "golang",
        }
    }

    /// The ring of the protocol, with its default number of replicas.
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Native => Scheme::native(),
            Self::Golang => Scheme::golang(),
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
        Self::ALL
            .iter()
            .copied()
            .find(|protocol| protocol.name() == name)
            .ok_or_else(|| Error::unknown_protocol(name))
    }
}
