//! Why a ring could not be built.

use std::fmt;

use crate::points::MAX_POINTS;

/// Why [`Ring::new`](crate::Ring::new) or [`Ring::with_members`](crate::Ring::with_members) refused to
/// build a ring.
///
/// No ring has been made, and the members passed have been dropped.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    NoMembers,
    NoReplicas,
    DuplicateMember(Box<str>),
    TooManyPoints { members: usize, replicas: u32 },
}

impl Error {
    pub(crate) fn no_members() -> Self {
        Self {
            kind: Kind::NoMembers,
        }
    }

    pub(crate) fn no_replicas() -> Self {
        Self {
            kind: Kind::NoReplicas,
        }
    }

    pub(crate) fn duplicate_member(name: &[u8]) -> Self {
        Self {
            kind: Kind::DuplicateMember(String::from_utf8_lossy(name).into()),
        }
    }

    pub(crate) fn too_many_points(members: usize, replicas: u32) -> Self {
        Self {
            kind: Kind::TooManyPoints { members, replicas },
        }
    }

    /// The member list was empty, so no member could own a key.
    pub fn is_no_members(&self) -> bool {
        matches!(self.kind, Kind::NoMembers)
    }

    /// The scheme asked for zero points per member.
    pub fn is_no_replicas(&self) -> bool {
        matches!(self.kind, Kind::NoReplicas)
    }

    /// Two members have the same bytes, which the error message shows.
    pub fn is_duplicate_member(&self) -> bool {
        matches!(self.kind, Kind::DuplicateMember(_))
    }

    /// Members times replicas exceeds [`MAX_POINTS`].
    pub fn is_too_many_points(&self) -> bool {
        matches!(self.kind, Kind::TooManyPoints { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::NoMembers => f.write_str("a ring needs at least one member"),
            Kind::NoReplicas => f.write_str("a ring needs at least one replica per member"),
            Kind::DuplicateMember(name) => write!(f, "member {name:?} is listed twice"),
            Kind::TooManyPoints { members, replicas } => write!(
                f,
                "{members} members with {replicas} replicas each exceed the {MAX_POINTS} points \
                 a ring may have"
            ),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small_and_crosses_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
        assert!(size_of::<Error>() <= 24, "{}", size_of::<Error>());
    }
}
