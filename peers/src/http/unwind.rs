use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use crate::BoxFuture;

/// Runs the future that `make` makes; a panic of either becomes an `Err`.
///
/// The future is dropped after a panic and never polled again, so what it owns cannot be seen in a
/// broken state. What it shares with others is theirs to keep whole, as with a panicking thread.
pub(super) async fn catch<'a, T>(
    make: impl FnOnce() -> BoxFuture<'a, T>,
) -> Result<T, Box<dyn Any + Send>> {
    let mut future = catch_unwind(AssertUnwindSafe(make))?;
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
    async fn a_panic_becomes_an_error_wherever_it_happens() {
        assert_eq!(catch(|| Box::pin(async { 7 })).await.unwrap(), 7);
        assert!(catch::<()>(|| panic!("while making")).await.is_err());
        assert!(
            catch::<()>(|| Box::pin(async {
                tokio::task::yield_now().await;
                panic!("while polling")
            }))
            .await
            .is_err()
        );
    }
}
