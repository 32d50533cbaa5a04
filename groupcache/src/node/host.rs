use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peers::{Member, Protocol, Router, WallClock};
use tokio::runtime::Handle;

use super::groups::Groups;
use crate::Group;
use crate::clock::SharedClock;
use crate::group::LoadBound;
use crate::report::KeyMask;

/// What a node lends its groups.
pub(crate) struct Host {
    pub(crate) groups: Arc<Groups>,
    pub(crate) router: Arc<Router>,
    pub(crate) clock: SharedClock,
    pub(crate) wall_clock: WallClock,
    pub(crate) runtime: Handle,
    /// How long peers wait for this node, if they have its settings and its transport has a limit.
    pub(crate) request_timeout: Option<Duration>,
    /// The largest value that its transport takes, if that has a limit.
    pub(crate) max_value_bytes: Option<usize>,
    /// How long a peer's request waits for its turn on this node.
    pub(crate) request_queue: Duration,
    /// How many getter calls of all groups may be under way; `None`: any number.
    pub(crate) load_bound: Option<Arc<LoadBound>>,
    /// Called with every new group.
    pub(crate) on_group: Option<OnGroup>,
    /// How keys are shown in reports and logs.
    pub(crate) key_mask: KeyMask,
    pub(super) protocol: Protocol,
    /// The label of the cluster.
    pub(super) cluster: Option<String>,
    pub(super) started: Instant,
    pub(super) include_self: bool,
}

/// A hook that sees new groups.
pub(crate) type OnGroup = Box<dyn Fn(&Group) + Send + Sync>;

impl Host {
    /// A list of members as the protocol names them, with this node among them unless it was left
    /// out.
    pub(crate) fn with_self(&self, members: Vec<Member>) -> Vec<Member> {
        let this = self.router.this();
        let named = members
            .into_iter()
            .map(|member| self.protocol.named(member));
        let mut members: Vec<_> = named.collect();
        if self.include_self && members.iter().all(|member| member.id() != this.id()) {
            members.insert(0, this.clone());
        }
        members
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("member", self.router.this())
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}
