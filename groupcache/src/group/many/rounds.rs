use std::collections::HashMap;
use std::pin::pin;
use std::ptr;
use std::sync::Arc;

use lru::DefaultHashBuilder;
use peers::{GetManyRequest, GetMode, KnownChange, Peer, Reply};

use crate::group::inner::Inner;
use crate::trace::{asking, spans};

/// How many rounds one call has under way at a time.
pub(super) const ROUNDS_AT_ONCE: usize = 16;

/// How many keys of one round are asked for at a time, each alone.
pub(super) const GETS_AT_ONCE: usize = 16;

/// Something with a key to ask a peer for.
pub(super) trait Keyed {
    fn key(&self) -> &[u8];
}

/// One request to one peer.
pub(super) struct Round<T> {
    pub(super) peer: Peer,
    pub(super) items: Vec<T>,
}

/// Sorts items into requests by the peer that is asked for them, and returns the items besides for which
/// there is none.
pub(super) fn rounds<'a, T: Keyed>(
    items: Vec<T>,
    peer_of: impl Fn(&[u8]) -> Option<&'a Peer>,
) -> (Vec<Round<T>>, Vec<T>) {
    // The rounds, with the bytes of their keys, in the order in which they are begun.
    let mut rounds = Vec::<(Round<T>, usize)>::new();
    // By the address of the peer in its ring.
    let mut open = HashMap::<*const Peer, usize, DefaultHashBuilder>::default();
    let mut last = (ptr::null(), 0);
    let mut others = Vec::new();
    for item in items {
        let Some(peer) = peer_of(item.key()) else {
            others.push(item);
            continue;
        };
        let length = item.key().len();
        let has_room = |(round, bytes): &(Round<T>, usize)| {
            round.items.len() < GetManyRequest::MAX_KEYS
                && bytes + length <= GetManyRequest::MAX_BYTES
        };
        let address = ptr::from_ref(peer);
        let held = match last {
            (of, place) if of == address => Some(place),
            _ => open.get(&address).copied(),
        };
        let place = match held {
            Some(place) if has_room(&rounds[place]) => place,
            _ => {
                let (peer, items) = (peer.clone(), Vec::new());
                rounds.push((Round { peer, items }, 0));
                open.insert(address, rounds.len() - 1);
                rounds.len() - 1
            }
        };
        last = (address, place);
        let (round, bytes) = &mut rounds[place];
        *bytes += length;
        round.items.push(item);
    }
    let rounds = rounds.into_iter().map(|(round, _)| round).collect();
    (rounds, others)
}

impl Inner {
    /// Asks one peer for several keys, for copies that have leases. A key without an answer is to be asked for again.
    pub(super) async fn ask_together<T: Keyed>(
        self: &Arc<Self>,
        peer: &Peer,
        items: &[T],
        mode: GetMode,
    ) -> Result<Vec<Option<Result<Reply, peers::Error>>>, peers::Error> {
        let begun = self.lease_begins();
        let mut answers = self.ask_as_owner(peer, items, mode).await?;
        for reply in answers.iter_mut().flatten().flatten() {
            self.lease(reply, begun);
        }
        Ok(answers)
    }

    /// The same for values that this node is to answer for.
    pub(super) async fn ask_as_owner<T: Keyed>(
        self: &Arc<Self>,
        peer: &Peer,
        items: &[T],
        mode: GetMode,
    ) -> Result<Vec<Option<Result<Reply, peers::Error>>>, peers::Error> {
        let keys: Vec<&[u8]> = items.iter().map(T::key).collect();
        let known = self.known_of_each(&keys);
        let trust = self.trust(peer)?;
        let request = GetManyRequest {
            group: &self.name,
            keys: &keys,
            mode,
            known: &known,
        };
        let span = spans::fetch_many(&self.name, keys.len(), peer.member(), mode);
        let answers = match asking(span, pin!(peer.get_many(request))).await {
            // The request or the answer, whose limits are not those of one key.
            Err(error) if error.is_too_large() => return Ok(items.iter().map(|_| None).collect()),
            answers => answers?,
        };
        // All replies of an exchange say the same of the peer.
        let reply = answers.iter().flatten().flatten().next();
        self.trust_reply(peer, trust, reply.and_then(|reply| reply.state))?;
        Ok(answers)
    }

    /// The changes that this node knows of each key, with the key's place.
    fn known_of_each(&self, keys: &[&[u8]]) -> Vec<(u32, KnownChange)> {
        let known = (0..).zip(keys).flat_map(|(place, key)| {
            let known = self.coherence.known(&self.name, key).into_iter();
            known.map(move |change| (place, change))
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for Vec<u8> {
        fn key(&self) -> &[u8] {
            self
        }
    }

    #[test]
    fn keys_that_no_peer_is_asked_for_are_returned() {
        let keys = vec![b"a".to_vec(), b"b".to_vec()];
        let (rounds, others) = rounds(keys.clone(), |_| None);
        assert!(rounds.is_empty());
        assert_eq!(others, keys);
    }
}
