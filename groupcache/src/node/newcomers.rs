//! What members that have started are offered: the values that they own, and hold on standby.

use std::time::Duration;

use peers::{Knowledge, Peer};
use tokio::time::sleep;

use super::groups::Groups;
use super::hand_over::not_taken;
use crate::Group;
use crate::group::Copies;
use crate::panics::survived;

/// How often a member that has started is offered values at most: it may have no such group yet, or may not know this node.
const TRIES: u32 = 6;

/// The pause before the second try. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

impl Groups {
    /// Has the ring follow what a peer says of itself, and offers it what it owns if it has started.
    pub(super) fn note_start(&self, theirs: &Knowledge) {
        if *theirs.member == *self.router.this().id() {
            return;
        }
        let routers = self.routers();
        let starts = routers
            .iter()
            .filter(|router| router.note_start(&theirs.member, theirs.origin, theirs.is_leaving));
        if starts.count() > 0
            && let Some(runtime) = &self.hand_over.runtime
            && let Some(groups) = self.this.upgrade()
            && self.hand_over.begin(&theirs.member)
        {
            let member = theirs.member.clone();
            runtime.spawn(async move {
                loop {
                    survived("hand-over", groups.offer_to(&member)).await;
                    if groups.hand_over.is_over(&member) {
                        return;
                    }
                }
            });
        }
    }

    async fn offer_to(&self, member: &str) {
        for group in self.list() {
            let offers = {
                let _turn = self.hand_over.turns.acquire().await;
                group.0.offers_to(member, self.hand_over.most_bytes).await
            };
            for (peer, copies) in offers {
                self.offer_patiently(&group, &peer, &copies).await;
            }
            // What it was not offered, or has not taken.
            group.0.look_after_standby();
        }
    }

    /// Offers copies until they are taken.
    pub(super) async fn offer_patiently(&self, group: &Group, peer: &Peer, copies: &Copies) {
        let mut offered = 0;
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
            }
            let turn = self.hand_over.turns.acquire().await;
            let taken = group.0.offer(peer, copies, &mut offered).await;
            drop(turn);
            match taken {
                Ok(()) => return,
                Err(error) => not_taken(group, peer, &error),
            }
        }
    }
}
