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

    pub(super) fn count(&self) -> usize {
        self.running.len()
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
            match self.tasks.poll_join_next(cx) {
                Poll::Ready(Some(Ok((id, answer)))) => {
                    // A call that was cancelled in that moment has had its final frame.
                    if self.running.remove(&id).is_some() {
                        return Poll::Ready((id, answer));
                    }
                }
                Poll::Ready(Some(Err(_))) => {} // cancelled
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
