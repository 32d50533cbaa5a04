//! The task that offers values to the nodes that are to hold them on standby.

use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use peers::{Peer, Routes};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::hand_over::{Offers, by_peer};
use super::inner::Inner;
use crate::Key;

/// The most keys that are offered together.
const TOGETHER: usize = 1024;

/// How long stand-ins may take for a batch, before the next one is offered.
const PATIENCE: Duration = Duration::from_secs(1);

/// Offers what this node has `stored`, until the group ends.
pub(super) async fn offer(group: Weak<Inner>, mut stored: mpsc::Receiver<Key>) {
    let Some((mut members, mut routes)) = group.upgrade().map(|group| {
        let members = group.router.watch_members();
        (members, group.router.snapshot())
    }) else {
        return;
    };
    let mut keys = Vec::new();
    loop {
        let changed = tokio::select! {
            changed = members.changed() => changed.is_ok(),
            count = stored.recv_many(&mut keys, TOGETHER) => {
                if count == 0 {
                    return;
                }
                false
            }
        };
        let Some(group) = group.upgrade() else { return };
        if changed {
            let before = mem::replace(&mut routes, group.router.snapshot());
            let moved = group.offers_after(&before).await;
            group.offer_on_standby(moved).await;
        }
        let keys = keys.drain(..).filter_map(|key| {
            let stand_in = group.stand_in(&routes, &key).cloned();
            stand_in.map(|peer| (peer, key))
        });
        group.offer_on_standby(by_peer(keys)).await;
    }
}

impl Inner {
    async fn offer_on_standby(self: &Arc<Self>, offers: Offers) {
        let offers = offers.iter().map(async |(peer, keys)| {
            let offered = timeout(PATIENCE, self.offer(peer, keys, &mut 0)).await;
            if let Ok(Err(error)) = offered {
                let (group, peer) = (&self.name, peer.member());
                tracing::debug!(%group, %peer, %error, "values are not taken on standby");
            }
        });
        join_all(offers).await;
    }

    /// The values that others than before are to hold on standby.
    async fn offers_after(&self, before: &Routes) -> Offers {
        let offered = self.look_for(|routes, cached| {
            let held_by = self.stand_in(before, &cached.key).map(Peer::member);
            let stand_in = self.stand_in(routes, &cached.key);
            stand_in.filter(|peer| held_by != Some(peer.member()))
        });
        self.offers_of(offered.await, usize::MAX)
    }
}
