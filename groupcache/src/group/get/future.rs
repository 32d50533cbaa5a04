use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use byteview::ByteView;

use crate::group::inner::Inner;
use crate::{Entry, Error, Key};

/// A get: the future of [`Group::get`](crate::Group::get).
///
/// Written by hand, because the future of an `async fn` moves its result through its state, which for
/// a hit takes longer than the lookup itself.
pub(in crate::group) struct Get<'a, K> {
    inner: &'a Arc<Inner>,
    key: K,
    stage: Stage,
}

enum Stage {
    Asked,
    Missed(Missed),
    Answered,
}

/// The part of a get that follows a miss. Boxed, so that a hit does not carry the room for it.
type Missed = Pin<Box<dyn Future<Output = Result<Entry, Error>> + Send>>;

impl<'a, K> Get<'a, K> {
    pub(in crate::group) fn new(inner: &'a Arc<Inner>, key: K) -> Self {
        Self {
            inner,
            key,
            stage: Stage::Asked,
        }
    }
}

/// The key is only read.
impl<K> Unpin for Get<'_, K> {}

impl<K: AsRef<[u8]>> Future for Get<'_, K> {
    type Output = Result<ByteView, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::Asked = self.stage
            && let Some(kept) = self.inner.lookup_kept(self.key.as_ref())
        {
            self.stage = Stage::Answered;
            return Poll::Ready(Ok(kept.into()));
        }
        self.poll_further(context)
    }
}

impl<K: AsRef<[u8]>> Get<'_, K> {
    #[inline(never)]
    fn poll_further(&mut self, context: &mut Context<'_>) -> Poll<Result<ByteView, Error>> {
        if let Stage::Asked = self.stage {
            if !self.inner.store.has_kept_views()
                && let Some(entry) = self.inner.lookup_entry(self.key.as_ref())
            {
                self.stage = Stage::Answered;
                return Poll::Ready(Ok(entry.into_value()));
            }
            let (inner, key) = (Arc::clone(self.inner), Key::from(self.key.as_ref()));
            self.stage = Stage::Missed(Box::pin(inner.miss(key)));
        }
        let Stage::Missed(missed) = &mut self.stage else {
            panic!("a get was polled after it had been answered");
        };
        let answer = missed.as_mut().poll(context);
        if answer.is_ready() {
            self.stage = Stage::Answered;
        }
        answer.map_ok(Entry::into_value)
    }
}
