use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a future; a panic in it becomes an `Err`.
///
/// The future is dropped after a panic and never polled again, so what it owns cannot be seen in a
/// broken state. What it shares with others is theirs to keep whole, as with a panicking thread.
pub(crate) async fn catch<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_whenever_it_happens() {
        assert_eq!(catch(async { 7 }).await.unwrap(), 7);
        assert!(catch(async { panic!("at once") }).await.is_err());
        assert!(
            catch(async {
                tokio::task::yield_now().await;
                panic!("later")
            })
            .await
            .is_err()
        );
    }
}
