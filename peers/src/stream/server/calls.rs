use std::collections::HashMap;
use std::task::{Context, Poll};

use tokio::task::{AbortHandle, JoinSet};

/// The calls that are being answered, each on a task of its own. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Calls<A> {
    tasks: JoinSet<(u32, A)>,
    running: HashMap<u32, AbortHandle>,
}

impl<A: Send + 'static> Calls<A> {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// The number of calls whose final frame is not sent.
    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    /// The number of calls that were cancelled and whose tasks have not ended yet.
    pub(super) fn cancelled(&self) -> usize {
        self.tasks.len().saturating_sub(self.running.len())
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.running.contains_key(&id)
    }

    /// Makes the answer to a call on a task.
    pub(super) fn begin(&mut self, id: u32, answer: impl Future<Output = A> + Send + 'static) {
        let task = self.tasks.spawn(async move { (id, answer.await) });
        self.running.insert(id, task);
    }

    /// Ends the work on a call. Says whether there was any.
    pub(super) fn cancel(&mut self, id: u32) -> bool {
        let task = self.running.remove(&id);
        if let Some(task) = &task {
            task.abort();
        }
        task.is_some()
    }

    /// The next answer that is made.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<(u32, A)> {
        loop {
            let (task, id, answer) = match self.tasks.poll_join_next_with_id(cx) {
                Poll::Ready(Some(Ok((task, (id, answer))))) => (task, id, answer),
                Poll::Ready(Some(Err(_))) => continue, // cancelled
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            };
            // A task that was cancelled while it ran may end with an answer all the same. Its call has had
            // its final frame, and another call may have its id by now.
            if self.running.get(&id).is_some_and(|call| call.id() == task) {
                self.running.remove(&id);
                return Poll::Ready((id, answer));
            }
        }
    }

    /// Forgets spare memory.
    pub(super) fn shrink(&mut self) {
        self.running.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};
    use std::task::Waker;

    use super::*;

    /// The task of a cancelled call is in the middle of a poll, and so ends with its answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_answer_to_a_cancelled_call_is_not_taken_for_that_of_the_next_with_its_id() {
        for _ in 0..100 {
            let mut calls = Calls::new();
            let within_poll = Arc::new(Barrier::new(2));
            let in_task = Arc::clone(&within_poll);
            calls.begin(7, async move {
                in_task.wait();
                in_task.wait();
                "old"
            });
            within_poll.wait();
            assert!(calls.cancel(7));
            calls.begin(7, async { "new" });
            within_poll.wait();
            let answer = std::future::poll_fn(|cx| calls.poll_answer(cx)).await;
            assert_eq!(answer, (7, "new"));
            while calls.cancelled() > 0 {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(calls.poll_answer(&mut cx).is_pending());
                tokio::task::yield_now().await;
            }
        }
    }
}
