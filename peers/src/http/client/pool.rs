use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The idle connections to one peer.
///
/// Callers take the connection used last, so that the surplus of a burst grows old and is closed. A
/// caller that takes a connection, or makes a new one because none is idle, holds a permit of the
/// [`ConnectionLimit`](super::connection_limit::ConnectionLimit) until the connection is back. So
/// there are never more connections, idle ones included, than permits.
#[derive(Debug)]
pub(super) struct Pool<T> {
    idle: Mutex<Vec<Idle<T>>>,
    idle_timeout: Duration,
}

#[derive(Debug)]
struct Idle<T> {
    connection: T,
    since: Instant,
}

impl<T> Pool<T> {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self {
            idle: Mutex::default(),
            idle_timeout,
        }
    }

    /// The idle connection used last.
    pub(super) fn take(&self) -> Option<T> {
        let mut idle = self.idle.lock();
        let newest = idle.pop()?;
        if newest.since.elapsed() < self.idle_timeout {
            return Some(newest.connection);
        }
        // The others are older.
        let expired = std::mem::take(&mut *idle);
        drop(idle);
        drop(expired); // closes connections, not under the lock
        None
    }

    /// The number of idle connections that may be used again.
    pub(super) fn len(&self) -> usize {
        let now = Instant::now();
        let idle = self.idle.lock();
        let fresh = |entry: &&Idle<T>| now.duration_since(entry.since) < self.idle_timeout;
        idle.iter().rev().take_while(fresh).count()
    }

    /// Gives a connection back, and closes those that are too old. The permit has to be held until
    /// afterwards.
    pub(super) fn give_back(&self, connection: T) {
        let now = Instant::now();
        let expired = |entry: &Idle<T>| now.duration_since(entry.since) >= self.idle_timeout;
        let mut idle = self.idle.lock();
        idle.push(Idle {
            connection,
            since: now,
        });
        // The oldest are at the front.
        if idle.first().is_some_and(expired) {
            let fresh = idle.partition_point(expired);
            let expired: Vec<_> = idle.drain(..fresh).collect();
            drop(idle);
            drop(expired);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_connection_used_last_is_taken_first() {
        let pool = Pool::new(Duration::from_secs(60));
        pool.give_back("first");
        pool.give_back("second");
        assert_eq!(pool.take(), Some("second"));
        assert_eq!(pool.take(), Some("first"));
        assert_eq!(pool.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_idle_for_too_long_is_gone() {
        let pool = Pool::new(Duration::from_secs(60));
        pool.give_back("old");
        tokio::time::advance(Duration::from_secs(59)).await;
        pool.give_back("new");
        tokio::time::advance(Duration::from_secs(1)).await;
        pool.give_back("newest");
        assert_eq!(pool.idle.lock().len(), 2);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(pool.take(), Some("newest"));
        assert_eq!(pool.take(), None);
    }
}
