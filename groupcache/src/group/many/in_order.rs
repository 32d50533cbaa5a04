use futures_util::{Stream, StreamExt as _};

use crate::{Entry, Error};

/// The outcomes of several keys in the order of the keys, from a stream that has one for each index.
pub(crate) async fn in_order<T>(
    mut stream: impl Stream<Item = (usize, Result<Entry<T>, Error>)> + Unpin,
) -> Vec<Result<Entry<T>, Error>> {
    let mut outcomes: Vec<_> = (0..stream.size_hint().0).map(|_| None).collect();
    while let Some((index, outcome)) = stream.next().await {
        outcomes[index] = Some(outcome);
    }
    let lost = || Err(Error::abandoned());
    let outcome = |outcome: Option<_>| outcome.unwrap_or_else(lost);
    outcomes.into_iter().map(outcome).collect()
}
