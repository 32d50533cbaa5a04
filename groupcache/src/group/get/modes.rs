//! The gets that do not go all the way: peek, no load by a peer, and warm-up.

use std::pin::pin;
use std::sync::Arc;

use peers::GetMode;

use super::outcome::OutcomeGuard;
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::trace::{recorded, spans};
use crate::{Entry, Error, Key, NotFound};

impl Inner {
    /// A get that takes only what is cached, here or at the key's owner.
    pub(in crate::group) async fn peek(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let span = spans::get(self.traced(), &key, "peek");
        let work = async {
            let outcome = OutcomeGuard::new(&self);
            outcome.record(match self.peek_owner(&key).await {
                Ok(found) => found.ok_or_else(|| Error::from_getter(NotFound.into())),
                Err(error) => Err(error),
            })
        };
        recorded(span, pin!(work)).await
    }

    /// A get that makes no other node load.
    pub(in crate::group) async fn get_without_peer_load(
        self: Arc<Self>,
        key: Key,
    ) -> Result<Entry, Error> {
        let span = spans::get(self.traced(), &key, "no peer load");
        let work = async {
            let outcome = OutcomeGuard::new(&self);
            // An owner that cannot answer, or cannot be asked, is passed over.
            let found = self.peek_owner(&key).await.ok().flatten();
            outcome.record(match found {
                Some(entry) => Ok(entry),
                None => {
                    let result = self.load(key.clone()).await;
                    result.or_else(|error| self.or_last_resort(&key, error))
                }
            })
        };
        recorded(span, pin!(work)).await
    }

    /// The owner's copy, if the owner is another node and has one.
    async fn peek_owner(self: &Arc<Self>, key: &Key) -> Result<Option<Entry>, Error> {
        self.check_key(key)?;
        let routes = self.router.snapshot();
        let Some(owner) = routes.owner(key).filter(|owner| !owner.is_self()) else {
            return Ok(None);
        };
        let since = self.coherence.position();
        match self.ask(owner, 0, key, GetMode::Peek).await {
            Ok(reply) => Ok(Some(self.accept(key, reply, Via::Peek, &routes, since))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the key's owner load the value if the owner lacks it. Counts no get.
    pub(in crate::group) async fn warm_up(self: Arc<Self>, key: Key) -> Result<(), Error> {
        let span = spans::get(self.traced(), &key, "warm-up");
        let work = async {
            self.check_key(&key)?;
            let routes = self.router.snapshot();
            match self.ask_owners(&routes, &key, GetMode::WarmUp).await {
                Some(answer) => answer.map(drop),
                None => self.load(key).await.map(drop),
            }
        };
        recorded(span, pin!(work)).await
    }
}
