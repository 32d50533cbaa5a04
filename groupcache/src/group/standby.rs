//! Copies of this node's own values on the nodes that stand in for it, so that its end loses little.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use peers::Routes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::hand_over::{Offers, by_peer};
use super::inner::Inner;
use crate::Key;

/// The most keys that wait to be offered. Of more, the values have no copy on standby.
const MOST_WAITING: usize = 16_384;

/// The most keys that are offered together.
const TOGETHER: usize = 1024;

/// How long stand-ins may take for a batch, before the next one is offered.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sees what this node stores.
#[derive(Debug)]
pub(super) struct Standby(mpsc::Sender<Key>);

impl Standby {
    /// Starts the task that makes the offers. It ends with the group.
    pub(super) fn start(group: Weak<Inner>, runtime: &Handle) -> Self {
        let (stored, keys) = mpsc::channel(MOST_WAITING);
        runtime.spawn(offer(group, keys));
        Self(stored)
    }

    /// Notes that this node has stored a value.
    pub(super) fn note(&self, key: &Key) {
        // A full queue means that stand-ins do not keep up.
        let _ = self.0.try_send(key.clone());
    }
}

async fn offer(group: Weak<Inner>, mut stored: mpsc::Receiver<Key>) {
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
            let before = std::mem::replace(&mut routes, group.router.snapshot());
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
            let held_by = self.stand_in(before, &cached.key).map(|peer| peer.member());
            let stand_in = self.stand_in(routes, &cached.key);
            stand_in.filter(|peer| held_by != Some(peer.member()))
        });
        self.offers_of(offered.await, usize::MAX)
    }
}
