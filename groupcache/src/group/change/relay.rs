//! A change that came from a node with other members goes on to this node's own: some of them may not have got it.

use std::sync::Arc;

use peers::Stamp;

use super::initiate::others;
use super::send::Change;
use crate::group::inner::Inner;

impl Inner {
    /// Passes a change on that this node has just heard of, if its sender has other members. Peers that are not reached are
    /// told later.
    pub(in crate::group) async fn relay(
        self: &Arc<Self>,
        change: impl FnOnce() -> Change,
        stamp: Option<Stamp>,
    ) {
        let routes = self.router.snapshot();
        let members = routes.members_hash();
        let Some(stamp) = stamp.filter(|stamp| stamp.members != members) else {
            return;
        };
        let (change, stamp) = (change(), Stamp { members, ..stamp });
        let all = others(&routes).map(|peer| (peer.clone(), change.clone()));
        // The change has been heard of just now.
        let since = self.coherence.position().saturating_sub(1);
        self.send_all(all, Some(stamp), since).await;
    }
}
