//! Anti-entropy: this node pulls from its peers the changes that it has missed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use peers::{ChangesRequest, LogPosition, Peer, Routes};

use super::now;
use crate::group::inner::Inner;

impl Inner {
    /// Notes the end of a peer's log, which came with a reply, and pulls what this node has missed.
    pub(in crate::group) fn heard(self: &Arc<Self>, peer: &Peer, end: Option<LogPosition>) {
        let Some(end) = end else { return };
        let routes = self.router.routes();
        let is_member = |id: &str| is_member(&routes, id);
        let id = peer.member().id();
        if self
            .coherence
            .claim_pull_if_behind(id, end, is_member, now())
        {
            self.spawn_pull(peer.clone());
        }
    }

    /// Pulls from all peers that have been quiet for the interval, once per interval, until the group is
    /// dropped.
    pub(in crate::group) async fn pull_from_quiet_peers(group: Weak<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let Some(inner) = group.upgrade() else { return };
            let routes = inner.router.snapshot();
            for peer in routes.peers().iter().filter(|peer| !peer.is_self()) {
                let is_member = |id: &str| is_member(&routes, id);
                let id = peer.member().id();
                if inner
                    .coherence
                    .claim_pull_if_quiet(id, interval, is_member, now())
                {
                    // Not awaited, so that a slow peer does not hold up the others.
                    inner.spawn_pull(peer.clone());
                }
            }
        }
    }

    fn spawn_pull(self: &Arc<Self>, peer: Peer) {
        let inner = Arc::clone(self);
        self.runtime
            .handle()
            .spawn(async move { inner.pull(&peer).await });
    }

    /// Reads the rest of a peer's log, and forgets the keys in it.
    async fn pull(self: &Arc<Self>, peer: &Peer) {
        let pull = self.coherence.claimed_pull(peer.member().id(), now());
        let request = ChangesRequest {
            group: &self.name,
            since: pull.from(),
        };
        let changes = match peer.changes(request).await {
            Ok(changes) => changes,
            Err(error) if error.is_unsupported() => return pull.give_up(),
            Err(error) => {
                let (group, peer) = (&self.name, peer.member());
                tracing::debug!(%group, %peer, %error, "a pull of the change log failed");
                return pull.fail(now());
            }
        };
        let missed = pull.missed(&changes);
        if missed.is_new_log {
            self.fence.raise_mirrors();
        }
        for key in &missed.keys {
            if missed.is_new_log {
                self.forget_mirror(key);
            } else {
                self.forget(key);
            }
        }
        if missed.all {
            let inner = Arc::clone(self);
            // A sweep looks at every entry, which takes long.
            let sweep = move || inner.forget_all_mirrors();
            if let Err(error) = self.runtime.handle().spawn_blocking(sweep).await {
                tracing::error!(group = %self.name, %error, "a sweep failed");
                return pull.fail(now());
            }
        }
        pull.finish(changes.position, missed.all, now());
    }
}

fn is_member(routes: &Routes, id: &str) -> bool {
    routes.peers().iter().any(|peer| peer.member().id() == id)
}
