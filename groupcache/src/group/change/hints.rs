//! Hinted handoff: a change that did not reach a peer is delivered later.

use std::sync::{Arc, Weak};
use std::time::Duration;

use peers::{Hint, Peer, Phase, RemoveRequest, Scope};

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
        if self.coherence.undelivered(peer, scope, error, now()) {
            let (group, peer) = (Arc::downgrade(self), peer.into());
            let first = self.coherence.first_pause();
            self.runtime
                .handle()
                .spawn(Self::deliver_hints(group, peer, first));
        }
    }

    /// Delivers a peer's hint, and the hints that come meanwhile, until none is left or the group is
    /// dropped.
    async fn deliver_hints(group: Weak<Self>, peer: Box<str>, first: Duration) {
        let mut pause = first;
        loop {
            tokio::time::sleep(pause).await;
            let Some(inner) = group.upgrade() else { return };
            let Some(hint) = inner.coherence.take_hint(&peer) else {
                return;
            };
            pause = inner.deliver(&peer, hint).await.unwrap_or(first);
        }
    }

    /// Delivers a hint, unless the peer has left the ring. Returns the pause before the next attempt, if
    /// there has to be one.
    async fn deliver(&self, id: &str, hint: Hint) -> Option<Duration> {
        let routes = self.router.snapshot();
        let mut peers = routes.peers().iter();
        let peer = peers.find(|peer| peer.member().id() == id && !peer.is_self())?;
        let error = self.send_hint(peer, &hint).await.err()?;
        let pause = self.coherence.hint_failed(id, hint, &error, now());
        let (group, peer) = (&self.name, peer.member());
        if pause.is_some() {
            tracing::debug!(%group, %peer, %error, "a hint was not delivered");
        } else {
            tracing::warn!(%group, %peer, %error, "a hint was given up: the peer may serve old values");
        }
        pause
    }

    async fn send_hint(&self, peer: &Peer, hint: &Hint) -> Result<(), peers::Error> {
        let (group, phase) = (&*self.name, Phase::Only);
        match hint.keys() {
            Some(keys) => {
                let keys = &keys;
                peer.remove(RemoveRequest { group, keys, phase }).await
            }
            None => peer.clear(group, phase).await,
        }
    }
}
