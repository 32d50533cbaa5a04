use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{BoxFuture, Error, GetMode, GetRequest, PeerClient, PeerService, Reply};

type Script = dyn Fn(GetRequest<'_>) -> Result<Reply, Error> + Send + Sync;

/// A peer that answers by a script and remembers what it was asked. It stands in for a node behind
/// a server ([`PeerService`]), or for a whole remote peer ([`PeerClient`]).
pub struct FakePeer {
    script: Box<Script>,
    delay: Duration,
    asked: Mutex<Vec<Asked>>,
}

/// A question that a [`FakePeer`] was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// [`GetRequest::group`].
    pub group: String,
    /// [`GetRequest::key`].
    pub key: Vec<u8>,
    /// [`GetRequest::mode`].
    pub mode: GetMode,
}

impl FakePeer {
    /// A peer that gives the answers of `script`, at once.
    pub fn new(
        script: impl Fn(GetRequest<'_>) -> Result<Reply, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Box::new(script),
            delay: Duration::ZERO,
            asked: Mutex::default(),
        }
    }

    /// Makes every answer take `delay`.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// What the peer was asked so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    async fn answer(&self, request: GetRequest<'_>) -> Result<Reply, Error> {
        self.asked.lock().push(Asked {
            group: request.group.into(),
            key: request.key.into(),
            mode: request.mode,
        });
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        (self.script)(request)
    }
}

impl PeerService for FakePeer {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.answer(request))
    }
}

impl PeerClient for FakePeer {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.answer(request))
    }
}

impl fmt::Debug for FakePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakePeer")
            .field("delay", &self.delay)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
