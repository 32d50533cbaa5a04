//! The rules of one ring, as one value.

use crate::{HashFn, Labels};

/// The rules by which members and keys are placed on a [`Ring`](crate::Ring): hash function,
/// labels, collisions and the number of points per member.
///
/// Two processes are sure to agree on every owner only if they use equal schemes and equal members.
/// With [`Ties::LastListed`], they also have to list the members in the same order. Start from the
/// scheme of the cluster to join, and replace what that cluster has replaced:
///
/// ```
/// use consistenthash::{HashFn, Scheme};
///
/// const SCHEME: Scheme = Scheme::galaxycache().hash(HashFn::Fnv1a32).replicas(160);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    hash: HashFn,
    labels: Labels,
    ties: Ties,
    replicas: u32,
}

/// The rule for the owner of a point on which replicas of several members fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The member that comes last in the list. All processes have to list the members in the same
    /// order.
    LastListed,
    /// The member whose bytes are the greatest, whatever the order of the list.
    GreatestName,
}

impl Ties {
    /// The name: `last-listed` or `greatest-name`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LastListed => "last-listed",
            Self::GreatestName => "greatest-name",
        }
    }
}

impl Scheme {
    /// The scheme for clusters that run only this crate: XXH3 of the name and a four-byte replica
    /// number, 2,048 points per member.
    ///
    /// The owner of a key does not depend on the order in which members are listed. The fullest of
    /// ten members holds more than 1.10 of the mean in about one of 60,000 clusters. A ring takes
    /// 15 to 18 bytes per point, or 30 to 36 KiB per member.
    ///
    /// The replica number is little-endian. A port to another language hashes `name ++ u32_le(i)`
    /// with XXH3 (64 bits, seed 0) for `i` from 0 to 2,047.
    pub const fn native() -> Self {
        Self {
            hash: HashFn::Xxh3,
            labels: Labels::NameThenNumber,
            ties: Ties::GreatestName,
            replicas: 2048,
        }
    }

    /// The ring of golang/groupcache: CRC-32 of decimal number and name, 50 points per member. The
    /// member listed last owns a shared point.
    ///
    /// golang accepts a member twice. Its ring is then that of the list without the earlier
    /// mention.
    pub const fn golang() -> Self {
        Self {
            hash: HashFn::Crc32,
            labels: Labels::NumberThenName,
            ties: Ties::LastListed,
            replicas: 50,
        }
    }

    /// The ring of mailgun/groupcache: FNV-1 (64 bits) of the hexadecimal MD5 of decimal number and
    /// name, 50 points per member. The member listed last owns a shared point.
    ///
    /// The Go program stores these hashes as signed integers. The sign only moves the point where
    /// the circle is cut open, and changes no key's owner.
    ///
    /// Keys are hashed by FNV-1 alone, whose upper bits hardly depend on the last bytes. Keys with
    /// a common prefix and a running number crowd on few members.
    #[cfg(feature = "md5")]
    pub const fn mailgun() -> Self {
        Self {
            hash: HashFn::Fnv1,
            labels: Labels::Md5HexOfNumberThenName,
            ties: Ties::LastListed,
            replicas: 50,
        }
    }

    /// The ring of groupcache/groupcache-go v3: that of [`mailgun`](Self::mailgun), but the
    /// greatest name owns a shared point.
    ///
    /// groupcache-go names its members `host:port`, without a URL scheme. It leaves the owner of a
    /// shared point undefined, because its sort is unstable. Here the greatest name owns the point,
    /// so that at least our own nodes agree. Only names without a URL scheme, such as `10.0.0.5:80`
    /// and `110.0.0.5:80`, can have equal labels and so share points.
    #[cfg(feature = "md5")]
    pub const fn groupcache_go() -> Self {
        Self {
            ties: Ties::GreatestName,
            ..Self::mailgun()
        }
    }

    /// The ring of ipronko/groupcache: the same as that of [`mailgun`](Self::mailgun).
    #[cfg(feature = "md5")]
    pub const fn ipronko() -> Self {
        Self::mailgun()
    }

    /// The ring of vimeo/galaxycache: that of [`golang`](Self::golang), but the greatest name owns
    /// a shared point. galaxycache's alternative hash is [`HashFn::Fnv1a32`].
    pub const fn galaxycache() -> Self {
        Self {
            ties: Ties::GreatestName,
            ..Self::golang()
        }
    }

    /// The same scheme with another hash function.
    #[must_use]
    pub const fn hash(self, hash: HashFn) -> Self {
        Self { hash, ..self }
    }

    /// The same scheme with other labels.
    #[must_use]
    pub const fn labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    /// The same scheme with another rule for shared points.
    #[must_use]
    pub const fn ties(self, ties: Ties) -> Self {
        Self { ties, ..self }
    }

    /// The same scheme with `replicas` points per member. [`Ring::new`](crate::Ring::new) refuses
    /// zero.
    ///
    /// More points spread keys more evenly, and cost memory and build time in proportion.
    #[must_use]
    pub const fn replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// The number of points per member.
    pub const fn replica_count(&self) -> u32 {
        self.replicas
    }

    /// The hash function.
    pub const fn hash_fn(&self) -> HashFn {
        self.hash
    }

    /// The rule by which a member's labels are made.
    pub const fn label_rule(&self) -> Labels {
        self.labels
    }

    /// The rule for the owner of a shared point.
    pub const fn tie_rule(&self) -> Ties {
        self.ties
    }

    /// The position of a key, or of a label, on the ring.
    #[inline]
    pub(crate) fn position(&self, bytes: &[u8]) -> u64 {
        self.hash.spread(bytes)
    }

    /// Calls `visit` with the position of each point of `name`.
    pub(crate) fn visit_points(
        &self,
        name: &[u8],
        scratch: &mut Vec<u8>,
        mut visit: impl FnMut(u64),
    ) {
        self.labels.visit(name, self.replicas, scratch, |label| {
            visit(self.position(label));
        });
    }
}

impl Default for Scheme {
    /// [`Scheme::native`].
    fn default() -> Self {
        Self::native()
    }
}
