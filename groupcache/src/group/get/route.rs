//! Step 3, route: which peers to ask for a key, and in which order.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use peers::{GetMode, GetRequest, NodeState, Peer, Reply, Routes, Trust};

use crate::group::inner::Inner;
use crate::report::FailedStep;
use crate::stats::Event;
use crate::trace::{asking, spans};
use crate::{Error, Key};

impl Inner {
    /// The peers that answer for a key: its owner, and the successors that stand in for it.
    pub(in crate::group) fn owners<'a>(
        &self,
        routes: &'a Routes,
        key: &[u8],
    ) -> impl Iterator<Item = &'a Peer> + use<'a> {
        routes
            .owners(key)
            .take(self.limits.failovers.saturating_add(1))
    }

    /// Asks the key's owners in turn, until one answers. `None` if it is this node's turn, because it
    /// comes next or none has answered.
    pub(super) async fn ask_owners(
        self: &Arc<Self>,
        routes: &Routes,
        key: &Key,
        mode: GetMode,
    ) -> Option<Result<Reply, Error>> {
        let owners = self.owners(routes, key).take_while(|peer| !peer.is_self());
        for (attempt, peer) in owners.enumerate() {
            let is_hedged = attempt == 0 && mode == GetMode::Load;
            let hedge = is_hedged.then(|| self.hedge(routes, peer, key)).flatten();
            let answer = match hedge {
                Some(hedge) => self.ask_with_hedge(peer, key, hedge).await,
                None => self.ask(peer, attempt, key, mode).await,
            };
            match self.verdict(peer, Some(key), answer, &mut false) {
                Verdict::Answer(answer) => return Some(answer),
                Verdict::NextPeer => {}
                Verdict::ThisNode => return None,
            }
        }
        None
    }

    /// What follows from the result of asking a peer, about one key or about several. Counts a peer that gave no answer,
    /// and [notes](Self::note_failure) a failure unless another one of the same exchange `is_noted`.
    pub(in crate::group) fn verdict<T>(
        &self,
        peer: &Peer,
        key: Option<&Key>,
        result: Result<T, peers::Error>,
        is_noted: &mut bool,
    ) -> Verdict<T> {
        let group = &self.name;
        match result {
            Ok(reply) => Verdict::Answer(Ok(reply)),
            Err(error) if error.is_answer() => {
                let error = Error::from(error);
                if !error.is_not_found() {
                    self.note_failure(FailedStep::Fetch, &error, key, Some(peer), is_noted);
                }
                Verdict::Answer(Err(error))
            }
            Err(error) if error.is_of_this_side() => {
                // Other peers would not be reached either.
                tracing::debug!(%group, %error, "no peer can be asked");
                Verdict::ThisNode
            }
            Err(error) => {
                self.counters.add(Event::PeerError);
                tracing::debug!(%group, peer = %peer.member(), %error, "no answer");
                // A peer that is not asked has failed before.
                if !error.is_circuit_open() && !error.is_behind() {
                    let error = Error::from(error);
                    self.note_failure(FailedStep::Fetch, &error, key, Some(peer), is_noted);
                }
                Verdict::NextPeer
            }
        }
    }

    /// Asks one peer. So many others were asked for the key before.
    pub(in crate::group) async fn ask(
        self: &Arc<Self>,
        peer: &Peer,
        attempt: usize,
        key: &Key,
        mode: GetMode,
    ) -> Result<Reply, peers::Error> {
        let group = &*self.name;
        let known = &*self.coherence.known(group, key);
        let trust = self.trust(peer)?;
        let request = GetRequest {
            group,
            key,
            mode,
            known,
        };
        let span = spans::fetch(
            self.traced(),
            key,
            peer.member(),
            attempt,
            spans::word(mode),
        );
        let begun = self.lease_begins();
        let mut reply = asking(span, pin!(peer.get(request))).await?;
        self.lease(&mut reply, begun);
        self.trust_reply(peer, trust, reply.state)?;
        Ok(reply)
    }

    /// When the leases of values begin that are asked for now, if they have leases.
    pub(in crate::group) fn lease_begins(&self) -> Option<Instant> {
        self.freshness.mirror_lease.map(|_| self.clock.now())
    }

    /// Limits a copy to its lease.
    pub(in crate::group) fn lease(&self, reply: &mut Reply, begun: Option<Instant>) {
        if let Some(begun) = begun {
            let asked = self.clock.now().saturating_duration_since(begun);
            self.freshness.lease(reply, asked);
        }
    }

    /// Refuses a peer whose values may be older than changes that this node remembers no more. What it knows of the key has
    /// been read before, so that no change is forgotten in between.
    pub(in crate::group) fn trust(&self, peer: &Peer) -> Result<Trust, peers::Error> {
        match self.coherence.trust(peer.member()) {
            Trust::None => Err(peers::Error::behind(peer.member().url())),
            trust => Ok(trust),
        }
    }

    /// Refuses the reply of a peer that has started again since it was trusted.
    pub(in crate::group) fn trust_reply(
        &self,
        peer: &Peer,
        trust: Trust,
        state: Option<NodeState>,
    ) -> Result<(), peers::Error> {
        let Some(state) = state else { return Ok(()) };
        self.coherence.heard(peer, state);
        match trust {
            Trust::Of(trusted) if trusted != state.origin => {
                Err(peers::Error::behind(peer.member().url()))
            }
            _ => Ok(()),
        }
    }
}

/// What follows from the result of asking a peer.
pub(in crate::group) enum Verdict<T> {
    /// The peer has answered, for good.
    Answer(Result<T, Error>),
    /// The key's next owner is asked.
    NextPeer,
    /// No peer can be asked: this node loads the value.
    ThisNode,
}
