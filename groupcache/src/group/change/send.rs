use std::pin::pin;
use std::sync::Arc;

use peers::{Context, Peer, Phase, RemoveRequest, Scope, SetRequest};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::error::FailedPeer;
use crate::group::inner::Inner;
use crate::report::FailedStep;
use crate::trace::{asking, spans};
use crate::{ErrorKind, Key, Value};

/// A change as it is sent to a peer.
#[derive(Clone)]
pub(super) enum Change {
    Remove(Vec<Key>),
    Set(Key, Value),
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

    fn scope(&self) -> Scope<'_, Key> {
        match self {
            Self::Remove(keys) => Scope::Keys(keys),
            Self::Set(key, _) => Scope::Value(key),
            Self::Clear => Scope::All,
        }
    }
}

impl Inner {
    /// Sends each peer its change, all at the same time, and returns the peers that failed. A hint for each
    /// of them is kept.
    pub(super) async fn send_all(
        self: &Arc<Self>,
        changes: impl IntoIterator<Item = (Peer, Change)>,
        phase: Phase,
    ) -> Vec<FailedPeer> {
        let mut sent = JoinSet::new();
        for (peer, change) in changes {
            let inner = Arc::clone(self);
            let send = async move {
                let id = peer.member().id();
                let span = spans::tell(change.operation(), &inner.name, peer.member());
                match asking(span, pin!(inner.send(&peer, &change, phase))).await {
                    Ok(()) => {
                        inner.coherence.delivered(id, change.scope());
                        None
                    }
                    Err(error) => {
                        inner.keep_hint(id, change.scope(), &error);
                        inner.note_failed_change(&peer, &change, &error);
                        Some(FailedPeer::new(peer.member().clone(), error))
                    }
                }
            };
            let send = Context::current().scope(send.in_current_span());
            sent.spawn_on(send, self.runtime.handle());
        }
        sent.join_all().await.into_iter().flatten().collect()
    }

    /// Notes a change that did not reach a peer. One that is left alone has failed before, and a protocol that cannot say
    /// it never can.
    fn note_failed_change(&self, peer: &Peer, change: &Change, error: &peers::Error) {
        if error.is_circuit_open() || error.is_unsupported() {
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
            Change::Set(key, _) => Some(key),
            Change::Clear => None,
        };
        let (step, peer) = (FailedStep::Change, Some(peer.member()));
        self.measures
            .record_failure(step, kind, error, key, peer, &self.key_mask);
    }

    async fn send(&self, peer: &Peer, change: &Change, phase: Phase) -> Result<(), peers::Error> {
        let group = &*self.name;
        match change {
            Change::Remove(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
                let keys = &keys;
                peer.remove(RemoveRequest { group, keys, phase }).await
            }
            Change::Set(key, value) => {
                peer.set(SetRequest {
                    group,
                    key,
                    value: value.view().clone(),
                    expires_at: value.expiry().moment(self.clock.now()),
                    phase,
                })
                .await
            }
            Change::Clear => peer.clear(group, phase).await,
        }
    }
}
