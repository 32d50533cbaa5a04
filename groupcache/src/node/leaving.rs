//! The end of a node in order: its peers hear of it, and get its values.

use futures_util::future::join_all;
use tokio::time::timeout;

use super::groups::Groups;
use super::hand_over::not_taken;

/// Of the time that a node has to leave, this part may pass until all peers have heard of it.
const TELLING: u32 = 4;

impl Groups {
    /// Tells all peers that this node leaves, so that the ring is theirs, and offers them what they own from now on.
    /// Takes no longer than the time for that.
    pub(super) async fn leave(&self) {
        let time = self.hand_over.leave_timeout;
        if time.is_zero() || self.hand_over.runtime.is_none() || !self.coherence().leave() {
            return;
        }
        if timeout(time, self.leave_in_order()).await.is_err() {
            tracing::info!(
                ?time,
                "this node leaves before all its values are handed over"
            );
        }
    }

    async fn leave_in_order(&self) {
        let peers = self.peers();
        if peers.is_empty() {
            return;
        }
        let told = peers.iter().map(|peer| {
            let sync = peer.sync(self.coherence().summary());
            timeout(self.hand_over.leave_timeout / TELLING, sync)
        });
        join_all(told).await;
        let (this, origin) = (
            self.router.this().id(),
            self.coherence().node_state().origin,
        );
        for router in self.routers() {
            router.note_start(this, origin, true);
        }
        for group in self.list() {
            let offers = group.0.offers_to_all(self.hand_over.most_bytes).await;
            let offers = offers.iter().map(async |(peer, keys)| {
                if let Err(error) = group.0.offer(peer, keys, &mut 0).await {
                    not_taken(&group, peer, &error);
                }
            });
            join_all(offers).await;
        }
    }
}
