use std::pin::pin;
use std::sync::Arc;

use peers::{Context, KnownChange, Peer, RemoveRequest, SetRequest, Stamp};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::clock::now;
use crate::error::FailedPeer;
use crate::group::inner::Inner;
use crate::report::FailedStep;
use crate::trace::{asking, spans};
use crate::{ErrorKind, Key, Value};

/// A change as it is sent to a peer.
#[derive(Clone)]
pub(in crate::group) enum Change {
    Remove(Arc<[Key]>),
    /// With the earlier changes of the key that this node knows.
    Set(Key, Value, Arc<[KnownChange]>),
    Clear,
}

impl Change {
    fn operation(&self) -> &'static str {
        match self {
            Self::Remove(_) => "remove",
            Self::Set(..) => "set",
            Self::Clear => "clear",
        }
    }

    /// Whether a peer that did not take the change has to hear of it later. It does not have to if it cannot have an older
    /// value: it lacks the group, its protocol carries no changes, or the key is too long for it.
    fn is_owed_after(&self, error: &peers::Error) -> bool {
        let is_refused_value = matches!(self, Self::Set(..)) && error.is_too_large();
        let is_over = error.is_unsupported() || error.is_no_such_group() || error.is_too_large();
        is_refused_value || !is_over
    }
}

impl Inner {
    /// Sends each peer its change, all at the same time, and returns the peers that failed. They will be told later of what
    /// has changed from this position on.
    pub(super) async fn send_all(
        self: &Arc<Self>,
        changes: impl IntoIterator<Item = (Peer, Change)>,
        stamp: Option<Stamp>,
        since: u64,
    ) -> Vec<FailedPeer> {
        let mut sent = JoinSet::new();
        for (peer, change) in changes {
            let inner = Arc::clone(self);
            let send = async move {
                let span = spans::tell(change.operation(), &inner.name, peer.member());
                let sent = asking(span, pin!(inner.send(&peer, &change, stamp))).await;
                let error = sent.err()?;
                if change.is_owed_after(&error) {
                    inner.coherence.not_told(&peer, since, now());
                }
                inner.note_failed_change(&peer, &change, &error);
                Some(FailedPeer::new(peer.member().clone(), error))
            };
            let send = Context::current().scope(send.in_current_span());
            sent.spawn_on(send, self.runtime.handle());
        }
        sent.join_all().await.into_iter().flatten().collect()
    }

    /// Notes a change that did not reach a peer. One that is left alone has failed before, and a protocol that cannot say
    /// it never can.
    fn note_failed_change(&self, peer: &Peer, change: &Change, error: &peers::Error) {
        let has_left = |peer: &Peer| {
            let routes = self.router.routes();
            routes
                .peers()
                .iter()
                .all(|member| member.member() != peer.member())
        };
        if error.is_circuit_open() || error.is_unsupported() || has_left(peer) {
            return;
        }
        let kind = if error.is_denied() {
            ErrorKind::Denied
        } else {
            ErrorKind::Unreachable
        };
        let key = match change {
            Change::Remove(keys) if keys.len() > 1 => None,
            Change::Remove(keys) => keys.first(),
            Change::Set(key, ..) => Some(key),
            Change::Clear => None,
        };
        let (step, peer) = (FailedStep::Change, Some(peer.member()));
        self.measures
            .record_failure(step, kind, error, key, peer, &self.key_mask);
    }

    async fn send(
        &self,
        peer: &Peer,
        change: &Change,
        stamp: Option<Stamp>,
    ) -> Result<(), peers::Error> {
        let group = &*self.name;
        match change {
            Change::Remove(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
                let keys = &keys;
                peer.remove(RemoveRequest { group, keys, stamp }).await
            }
            Change::Set(key, value, known) => {
                peer.set(SetRequest {
                    group,
                    key,
                    value: value.view().clone(),
                    expiry: value.expiry().for_owner(),
                    stamp,
                    known,
                })
                .await
            }
            Change::Clear => peer.clear(group, stamp).await,
        }
    }
}
