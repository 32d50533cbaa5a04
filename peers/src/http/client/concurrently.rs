use std::future::poll_fn;
use std::task::Poll;

use crate::{BoxFuture, Error};

/// How many exchanges one operation has under way at a time.
const WIDTH: usize = 16;

/// Asks one thing about each item, several at a time, for operations whose protocol has no message
/// about many. Stops after the first batch in which something failed, with one of its errors.
pub(crate) async fn each<'a, T>(
    items: &'a [T],
    ask: impl Fn(&'a T) -> BoxFuture<'a, Result<(), Error>>,
) -> Result<(), Error> {
    for batch in items.chunks(WIDTH) {
        let mut pending: Vec<_> = batch.iter().map(&ask).collect();
        let mut result = Ok(());
        poll_fn(|cx| {
            pending.retain_mut(|exchange| match exchange.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(outcome) => {
                    if outcome.is_err() {
                        result = outcome;
                    }
                    false
                }
            });
            if pending.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        result?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn a_batch_ends_before_its_error_is_told_and_no_other_begins() {
        let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let items: Vec<usize> = (0..3 * WIDTH).collect();
        let result = each(&items, |&item| {
            let (begun, ended) = (&begun, &ended);
            Box::pin(async move {
                begun.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                ended.fetch_add(1, SeqCst);
                if item == WIDTH + 3 {
                    Err(Error::getter("no"))
                } else {
                    Ok(())
                }
            })
        });
        assert!(result.await.unwrap_err().is_getter());
        assert_eq!(
            (begun.into_inner(), ended.into_inner()),
            (2 * WIDTH, 2 * WIDTH)
        );
    }

    #[tokio::test]
    async fn nothing_to_ask_is_no_error() {
        let none: [u8; 0] = [];
        each(&none, |_| Box::pin(async { Err(Error::getter("no")) }))
            .await
            .unwrap();
    }
}
