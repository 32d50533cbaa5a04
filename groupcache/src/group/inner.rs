use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use peers::Router;
use tokio::runtime::Handle;

use super::catch_up::KnownLogs;
use super::change_log::ChangeLog;
use super::fence::Fence;
use super::flights::Flights;
use super::limits::Limits;
use super::recent::Recent;
use super::redelivery::Backlogs;
use crate::clock::SharedClock;
use crate::getter::BoxedGetter;
use crate::lifetime::Aging;
use crate::promoter::Promoter;
use crate::rates::Rates;
use crate::stats::Counters;
use crate::store::Storage;
use crate::{Error, Key};

/// What the handles of a group share. The get path is spread over the neighbouring files, a step
/// each: `get`, `load`, `serve`.
pub(crate) struct Inner {
    pub(crate) name: Arc<str>,
    pub(super) store: Storage,
    /// Raised by every removal, checked by every store of a loaded value.
    pub(super) fence: Fence,
    /// Flights of this node's own callers. A fetch may wait for a load, never the other way round.
    pub(super) fetches: Flights,
    /// Flights of getter calls, which callers here and peers share.
    pub(super) loads: Flights,
    pub(super) getter: Box<dyn BoxedGetter>,
    pub(super) promoter: Box<dyn Promoter>,
    /// Of own keys as they are asked for by all nodes, and of others' as they are asked for here.
    pub(super) rates: Rates,
    pub(super) router: Arc<Router>,
    pub(super) counters: Counters,
    pub(super) clock: SharedClock,
    pub(super) aging: Aging,
    pub(super) limits: Limits,
    /// What has changed of the keys that this node owns.
    pub(super) log: ChangeLog,
    /// The numbers of changes that went round and that this node was told of in the last phase: it need
    /// not heed them once more when an owner's log has them.
    pub(super) told: Mutex<Recent>,
    /// How far the logs of the peers are known.
    pub(super) known_logs: KnownLogs,
    /// What peers could not be told.
    pub(super) backlogs: Backlogs,
    /// Where loads run, so that they outlive whoever started them.
    pub(super) runtime: Handle,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn check_keys(&self, keys: &[Key]) -> Result<(), Error> {
        let limit = self.limits.max_key_bytes;
        match keys.iter().map(|key| key.len()).max() {
            Some(size) if size > limit => Err(Error::too_large("a key", size as u64, limit as u64)),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_value(&self, what: &'static str, value: &[u8]) -> Result<(), Error> {
        let (size, limit) = (value.len(), self.limits.max_value_bytes);
        match size > limit {
            true => Err(Error::too_large(what, size as u64, limit as u64)),
            false => Ok(()),
        }
    }

    pub(super) fn stats(&self) -> crate::Stats {
        let mut stats = self.counters.stats();
        self.store.add_to(&mut stats);
        stats.untold = self.backlogs.count();
        stats
    }
}
