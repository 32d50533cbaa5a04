use std::time::Duration;

use peers::{Member, Peer};
use serde::Serialize;

use super::query::Query;
use crate::report::serialized::optional_seconds;
use crate::{Cached, Node};

/// Where a key is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeyAnswer {
    /// The node has no such group.
    NoSuchGroup {
        group: String,
    },
    Found(Place),
}

#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) group: String,
    /// The key as text.
    pub(super) key: String,
    /// The owner, and who stands in for it.
    pub(super) owners: Vec<Member>,
    pub(super) is_own: bool,
    /// Whether the node tells of no key whether it is cached: a guess must not find out.
    pub(super) keys_are_hidden: bool,
    /// The value, if it is cached here.
    pub(super) cached: Option<CachedHere>,
}

/// What is known of a value without a get. Times are in seconds where they serialize.
#[derive(Debug, Serialize)]
pub(super) struct CachedHere {
    /// `main`, `hot` or `stale`.
    pub(super) source: &'static str,
    pub(super) value_bytes: usize,
    #[serde(serialize_with = "optional_seconds")]
    pub(super) age: Option<Duration>,
    #[serde(serialize_with = "optional_seconds")]
    pub(super) fresh_for: Option<Duration>,
    #[serde(serialize_with = "optional_seconds")]
    pub(super) kept_for: Option<Duration>,
}

impl From<Cached> for CachedHere {
    fn from(cached: Cached) -> Self {
        Self {
            source: cached.source.as_str(),
            value_bytes: cached.value.len(),
            age: cached.age,
            fresh_for: cached.fresh_for,
            kept_for: cached.kept_for,
        }
    }
}

/// The most owners of a key that are told.
const MAX_OWNERS: usize = 3;

impl KeyAnswer {
    /// The answer to a query that has a key and the name of a group.
    pub(super) fn find(node: &Node, query: &Query) -> Option<Self> {
        let (group, key) = (query.group_of_key()?, query.key.as_ref()?);
        let Ok(group) = node.find_group(group) else {
            return Some(Self::NoSuchGroup {
                group: group.clone(),
            });
        };
        let keys_are_hidden = node.0.host.key_mask.hides();
        let routes = group.0.router.routes();
        let owners = || routes.owners(key.as_bytes());
        Some(Self::Found(Place {
            group: group.name().to_owned(),
            key: key.escaped().into_owned(),
            owners: owners()
                .take(MAX_OWNERS)
                .map(|owner| owner.member().clone())
                .collect(),
            is_own: owners().next().is_some_and(Peer::is_self),
            keys_are_hidden,
            cached: if keys_are_hidden {
                None
            } else {
                group.inspect(key).map(Into::into)
            },
        }))
    }
}
