use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::circuit::CircuitOptions;
use crate::{Error, PeerClient};

/// Tells a peer that takes its time from one that hangs.
///
/// An exchange may be silent because a getter is slow, or because the peer is stopped, wedged or
/// cut off without a word. Whoever waits for long has the peer pinged, one ping at a time for all
/// who wait; a peer that answers no ping is lost, and all who wait for it learn so at once.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// When a ping was last answered.
    heard: Mutex<Option<Instant>>,
    pinging: AtomicBool,
    /// How many pings have failed.
    losses: AtomicU64,
    /// Wakes all who wait when a ping has failed.
    lost: Notify,
}

impl Liveness {
    /// Ends when the peer is lost, with the error that says so.
    pub(crate) async fn lost(&self, client: &dyn PeerClient, options: &CircuitOptions) -> Error {
        let limit = options.ping_timeout;
        let before = self.losses.load(Ordering::SeqCst);
        loop {
            tokio::select! {
                () = self.lost.notified() => {}
                () = sleep(options.silence) => {}
            }
            // Asked for in any case: a call that comes while nobody listens would be missed.
            if self.losses.load(Ordering::SeqCst) != before {
                break;
            }
            let Some(_claim) = Claim::take(&self.pinging) else {
                continue;
            };
            let recently = |heard: Instant| heard.elapsed() < options.silence;
            if self.heard.lock().is_some_and(recently) {
                continue;
            }
            match timeout(limit, client.ping()).await {
                Ok(Ok(())) => *self.heard.lock() = Some(Instant::now()),
                Ok(Err(_)) | Err(_) => {
                    self.losses.fetch_add(1, Ordering::SeqCst);
                    self.lost.notify_waiters();
                    break;
                }
            }
        }
        Error::timed_out("the answer to a ping", limit)
    }
}

/// The one who pings. Given back when dropped, also on the way.
struct Claim<'a>(&'a AtomicBool);

impl<'a> Claim<'a> {
    fn take(pinging: &'a AtomicBool) -> Option<Self> {
        (!pinging.swap(true, Ordering::AcqRel)).then_some(Self(pinging))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
