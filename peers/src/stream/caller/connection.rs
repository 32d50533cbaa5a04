use std::sync::Arc;

use super::exchange::Exchange;
use super::shared::Shared;
use crate::http::Validity;
use crate::http::client::Lane;
use crate::stream::Message;
use crate::stream::traced::Traced;
use crate::{Error, TraceContext};

/// A connection to a peer on which many callers ask at the same time. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    /// Whether the peer reads the place in a trace that a call may have.
    takes_traces: bool,
    validity: Validity,
}

impl Connection {
    pub(super) fn new(shared: Shared, takes_traces: bool, validity: Validity) -> Self {
        Self {
            shared: Arc::new(shared),
            takes_traces,
            validity,
        }
    }

    /// Whether calls may begin on it: the other end is still known to be the peer.
    pub(super) fn is_valid(&self) -> bool {
        !self.validity.is_over()
    }

    /// The message with its place in a trace, if the peer reads that.
    pub(super) fn traced<'a, M>(
        &self,
        message: &'a M,
        trace: Option<&'a TraceContext>,
    ) -> Traced<'a, M> {
        let trace = trace.filter(|_| self.takes_traces);
        Traced { message, trace }
    }

    /// Asks, and waits for the answer.
    pub(super) fn call<'a, M: Message>(&'a self, message: &'a M, lane: Lane) -> Exchange<'a, M> {
        Exchange::new(&self.shared, message, lane)
    }

    /// Waits until a connection that was full may have room again.
    pub(super) async fn room(&self, lane: Lane, is_long: bool) {
        self.shared.room(lane, is_long).await;
    }

    /// The number of calls whose answers are still to come.
    pub(super) fn calls_under_way(&self) -> usize {
        self.shared.lock().slots.in_use()
    }

    /// Whether calls that were sent may still be answered.
    pub(super) fn is_alive(&self) -> bool {
        !self.shared.lock().has_ended()
    }

    /// Asks for a sign of life. If the future is dropped before there is one, the connection ends: what
    /// does not answer this answers nothing.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let mut unanswered = Unanswered(Some(&self.shared));
        let pong = {
            let mut state = self.shared.lock();
            if let Some(error) = state.end() {
                return Err(error);
            }
            state.ping()
        };
        let answered = pong.await;
        unanswered.0 = None;
        answered.map_err(|closed| {
            // The channel closes at the end of the connection.
            let end = self.shared.lock().end();
            end.unwrap_or_else(|| self.shared.lost(closed))
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closing = true;
        state.wake_driver();
    }
}

/// A liveness check that has no answer yet.
struct Unanswered<'a>(Option<&'a Shared>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.end(shared.lost("it left a liveness check unanswered"));
        }
    }
}
