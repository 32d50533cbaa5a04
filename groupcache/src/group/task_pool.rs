use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Tasks that drive flights. A task whose flight has ended waits a moment for the next one.
///
/// This saves more than the task. The runtime allocates tasks at multiples of 128 bytes, for which an
/// allocator takes more than it needs and leaves a gap. If a task came and went with each load, its
/// gap would lie between one value and the next, and a good part of the memory would be lost.
#[derive(Debug)]
pub(super) struct TaskPool<T> {
    runtime: Handle,
    /// The tasks that wait, each by the channel on which it gets its next flight.
    idle: Arc<Mutex<Vec<oneshot::Sender<T>>>>,
}

/// At most so many tasks wait; further ones end.
const MOST_IDLE: usize = 64;

/// How long a task waits.
const LINGER: Duration = Duration::from_secs(1);

impl<T: Future<Output = ()> + Send + 'static> TaskPool<T> {
    pub(super) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            idle: Arc::default(),
        }
    }

    /// Lets a task drive the flight to its end.
    pub(super) fn drive(&self, mut flight: T) {
        // A task that has ended its wait is still in the list.
        while let Some(idle) = self.next_idle() {
            match idle.send(flight) {
                Ok(()) => return,
                Err(refused) => flight = refused,
            }
        }
        self.runtime.spawn(work(flight, Arc::clone(&self.idle)));
    }

    fn next_idle(&self) -> Option<oneshot::Sender<T>> {
        self.idle.lock().pop()
    }
}

async fn work<T: Future<Output = ()>>(mut flight: T, idle: Arc<Mutex<Vec<oneshot::Sender<T>>>>) {
    loop {
        flight.await;
        let (sender, mut next) = oneshot::channel();
        {
            let mut idle = idle.lock();
            idle.retain(|other| !other.is_closed());
            if idle.len() >= MOST_IDLE {
                return;
            }
            idle.push(sender);
        }
        let told = match timeout(LINGER, &mut next).await {
            Ok(told) => told.ok(),
            Err(_) => last_word(next),
        };
        match told {
            Some(next) => flight = next,
            None => return,
        }
    }
}

/// Closes the channel, and returns a flight that was sent just before. Were that flight lost, its
/// callers would get an error.
fn last_word<T>(mut channel: oneshot::Receiver<T>) -> Option<T> {
    channel.close();
    channel.try_recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use peers::BoxFuture;
    use tokio::task::{id, yield_now};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_drives_one_flight_after_the_other_and_ends_when_there_are_none() {
        let pool = TaskPool::<BoxFuture<'static, ()>>::new(Handle::current());
        let tasks = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..3 {
            let tasks = Arc::clone(&tasks);
            pool.drive(Box::pin(async move { tasks.lock().push(id()) }));
            while pool.idle.lock().is_empty() {
                yield_now().await;
            }
        }
        let tasks = tasks.lock().clone();
        assert_eq!(tasks.len(), 3);
        assert!(tasks.iter().all(|task| *task == tasks[0]));

        tokio::time::sleep(2 * LINGER).await;
        assert!(pool.idle.lock().iter().all(oneshot::Sender::is_closed));
    }

    #[test]
    fn a_flight_that_comes_as_a_task_gives_up_is_driven_or_handed_back() {
        let (sender, channel) = oneshot::channel();
        assert_eq!(sender.send("just in time"), Ok(()));
        assert_eq!(last_word(channel), Some("just in time"));

        let (sender, channel) = oneshot::channel();
        assert_eq!(last_word(channel), None);
        assert_eq!(sender.send("too late"), Err("too late"));
    }

    #[tokio::test(start_paused = true)]
    async fn flights_are_driven_at_the_same_time_and_few_tasks_are_kept() {
        let pool = TaskPool::<BoxFuture<'static, ()>>::new(Handle::current());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..2 * MOST_IDLE {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            pool.drive(Box::pin(async move {
                most.fetch_max(1 + running.fetch_add(1, SeqCst), SeqCst);
                tokio::time::sleep(LINGER).await;
                running.fetch_sub(1, SeqCst);
            }));
        }
        tokio::time::sleep(LINGER + LINGER / 2).await;
        assert_eq!(most.load(SeqCst), 2 * MOST_IDLE);
        assert_eq!(pool.idle.lock().len(), MOST_IDLE);
    }
}
