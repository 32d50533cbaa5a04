use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use crate::BoxFuture;
use crate::discovery::back_off::BackOff;

/// A client that begins watches at a pace. kube begins the next watch as soon as one has ended in order. A server or a
/// proxy that ends each at once would be asked as fast as the network allows.
#[derive(Clone)]
pub(super) struct Paced {
    client: Client,
    pace: Arc<Mutex<Pace>>,
}

/// When watches may begin.
#[derive(Debug)]
struct Pace {
    back_off: BackOff,
    /// When the latest watch began.
    latest: Option<Instant>,
}

/// A watch that began so long ago is one that works.
const LONG: Duration = Duration::from_secs(10);

/// The first pause between two watches that are shorter, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Has a client begin watches at a pace.
pub(super) fn paced(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    let pace = Arc::new(Mutex::new(Pace::new()));
    Client::new(Paced { client, pace }, namespace)
}

impl Pace {
    fn new() -> Self {
        let (first, longest) = PAUSES;
        Self {
            back_off: BackOff::new(first, longest),
            latest: None,
        }
    }

    /// When a watch that is asked for now may begin.
    fn next(&mut self, now: Instant) -> Instant {
        let begins = match self.latest {
            Some(latest) if now < latest + LONG => now + self.back_off.pause(),
            _ => {
                self.back_off.reset();
                now
            }
        };
        self.latest = Some(begins);
        begins
    }
}

impl Service<Request<Body>> for Paced {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, kube::Result<Response<Body>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<kube::Result<()>> {
        Poll::Ready(Ok(())) // `send` waits until the client is
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.client.clone();
        let is_watch = request.uri().query().is_some_and(is_of_watch);
        let begins = is_watch.then(|| self.pace.lock().next(Instant::now()));
        Box::pin(async move {
            if let Some(begins) = begins {
                sleep_until(begins).await;
            }
            client.send(request).await
        })
    }
}

fn is_of_watch(query: &str) -> bool {
    query.split('&').any(|parameter| parameter == "watch=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_watches_begin_after_pauses_that_grow_and_long_ones_at_once() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        assert_eq!(pace.next(now), now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let begins = pace.next(now);
            pauses.push(begins - now);
            now = begins;
        }
        let (first, longest) = PAUSES;
        assert!((first / 2..=first).contains(&pauses[0]), "{pauses:?}");
        assert!((longest / 2..=longest).contains(&pauses[5]), "{pauses:?}");
        now += LONG;
        assert_eq!(pace.next(now), now);
        assert!(pace.next(now) <= now + first);
    }
}
