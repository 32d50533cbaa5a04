//! Hints: a change that did not reach a peer is delivered later.

use std::sync::{Arc, Weak};
use std::time::Duration;

use peers::{Delivery, Peer, Phase, RemoveRequest, Scope};

use super::now;
use crate::Key;
use crate::group::inner::Inner;

impl Inner {
    /// Keeps a change that did not reach a peer as a hint, and starts a task that delivers it.
    pub(super) fn keep_hint(
        self: &Arc<Self>,
        peer: &str,
        scope: Scope<'_, Key>,
        error: &peers::Error,
    ) {
        if let Some(pause) = self.coherence.undelivered(peer, scope, error, now()) {
            let (group, peer) = (Arc::downgrade(self), peer.into());
            self.runtime
                .handle()
                .spawn(Self::deliver_hints(group, peer, pause));
        }
    }

    /// Delivers a peer's hint, and the hints that come meanwhile, until none is left or the group is
    /// dropped.
    async fn deliver_hints(group: Weak<Self>, peer: Box<str>, first: Duration) {
        let mut pause = first;
        loop {
            tokio::time::sleep(pause).await;
            let Some(inner) = group.upgrade() else { return };
            let Some(delivery) = inner.coherence.next_delivery(&peer) else {
                return;
            };
            pause = inner.deliver(&peer, delivery).await.unwrap_or(first);
        }
    }

    /// Delivers a hint, unless the peer has left the ring. Returns the pause before the next attempt, if
    /// there has to be one.
    async fn deliver(&self, id: &str, delivery: Delivery<'_>) -> Option<Duration> {
        let routes = self.router.snapshot();
        let mut peers = routes.peers().iter();
        let Some(peer) = peers.find(|peer| peer.member().id() == id && !peer.is_self()) else {
            delivery.finish();
            return None;
        };
        let Err(error) = self.send_hint(peer, &delivery).await else {
            delivery.finish();
            return None;
        };
        let pause = self.coherence.delivery_failed(delivery, &error, now());
        let (group, peer) = (&self.name, peer.member());
        if pause.is_some() {
            tracing::debug!(%group, %peer, %error, "a hint was not delivered");
        } else {
            tracing::warn!(%group, %peer, %error, "a hint was given up: the peer may serve old values");
        }
        pause
    }

    async fn send_hint(&self, peer: &Peer, delivery: &Delivery<'_>) -> Result<(), peers::Error> {
        let (group, phase) = (&*self.name, Phase::Only);
        match delivery.keys() {
            Some(keys) => {
                let keys = &keys;
                peer.remove(RemoveRequest { group, keys, phase }).await
            }
            None => peer.clear(group, phase).await,
        }
    }
}
