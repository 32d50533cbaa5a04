//! Leases: a node that was not told of a change, and is no owner of its keys, cannot serve its copies for ever.

use std::time::Duration;

use peers::Routes;
use tokio::time::{Instant, sleep};

use crate::Key;
use crate::error::FailedPeer;
use crate::group::inner::Inner;

/// How often it is looked up whether the peers have been told meanwhile.
const LOOK: Duration = Duration::from_millis(50);

impl Inner {
    /// With leases, a node that has left keeps nothing that has none.
    pub(crate) fn forget_what_others_own(&self) {
        if self.freshness.mirror_lease.is_some() {
            // Of what is on disk, nothing is served that this node does not answer for.
            self.forget_memory();
        }
    }

    /// Waits until the peers that were not told have been told, or all copies that they may serve have run out. No copy is
    /// younger than now if all who answer for the keys have been told. Returns the peers that may still serve an older value.
    pub(super) async fn outlast_leases(
        &self,
        routes: &Routes,
        keys: &[Key],
        failed: Vec<FailedPeer>,
    ) -> Vec<FailedPeer> {
        let Some(lease) = self.freshness.mirror_lease.filter(|_| !failed.is_empty()) else {
            return failed;
        };
        let has_failed = |id: &str| failed.iter().any(|failed| failed.member().id() == id);
        let owners = keys
            .iter()
            .flat_map(|key| self.owners(routes, key))
            .cloned();
        // One that leaves has what it owned before, and forgets it at the end.
        let mut owners = owners.chain(self.router.left_lately());
        if owners.any(|owner| has_failed(owner.member().id())) {
            return failed;
        }
        let told = Instant::now();
        let is_behind = |failed: &FailedPeer| self.coherence.is_behind(failed.member());
        while told.elapsed() < lease && failed.iter().any(is_behind) {
            sleep(LOOK.min(lease)).await;
        }
        Vec::new()
    }
}
