//! The end of a node in order: its peers hear of it, and get its values.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::groups::Groups;

/// Of the time that a node has to leave, this part may pass until all peers have heard of it.
const TELLING: u32 = 4;

impl Groups {
    /// Tells all peers that this node leaves, so that the ring is theirs, and offers them what they own from now on.
    /// Takes no longer than the time for that. A call goes on where one was broken off.
    pub(super) async fn leave(&self) {
        let time = self.hand_over.leave_timeout;
        let has_left = &self.hand_over.has_left;
        if time.is_zero() || !self.hands_over() || has_left.load(Ordering::SeqCst) {
            return;
        }
        self.coherence().leave();
        if timeout(time, self.leave_in_order()).await.is_err() {
            tracing::info!(
                ?time,
                "this node leaves before all its values are handed over"
            );
        }
        for group in self.list() {
            group.0.forget_what_others_own();
        }
        has_left.store(true, Ordering::SeqCst);
    }

    async fn leave_in_order(&self) {
        let peers = self.peers();
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
        // All at the same time, so that none waits for one that is slow.
        let groups = self.list().into_iter().map(async |group| {
            let offers = group.0.offers_to_all(self.hand_over.most_bytes).await;
            let offers = offers.iter();
            let offers = offers.map(|(peer, copies)| self.offer_patiently(&group, peer, copies));
            join_all(offers).await;
        });
        join_all(groups).await;
    }
}
