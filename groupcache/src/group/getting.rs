use std::pin::Pin;
use std::task::{Context, Poll};

use byteview::ByteView;

use super::Group;
use crate::{Entry, Error};

/// A [`Group::get`].
///
/// Written by hand because the future of an `async fn` moves what it returns through its state, which for a hit
/// takes longer than the lookup's own work.
pub(super) struct Get<'a, K> {
    pub(super) group: &'a Group,
    pub(super) key: K,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    Asked,
    Missed(Missed),
    Answered,
}

/// Boxed, so that a get that finds its value in memory does not carry the room for one that does not.
pub(super) type Missed = Pin<Box<dyn Future<Output = Result<Entry, Error>> + Send>>;

/// The key is only read.
impl<K> Unpin for Get<'_, K> {}

impl<K: AsRef<[u8]>> Future for Get<'_, K> {
    type Output = Result<ByteView, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::Asked = self.stage
            && let Some(value) = self.group.0.lookup(self.key.as_ref())
        {
            self.stage = Stage::Answered;
            return Poll::Ready(Ok(value));
        }
        self.poll_missed(context)
    }
}

impl<K: AsRef<[u8]>> Get<'_, K> {
    #[inline(never)]
    fn poll_missed(&mut self, context: &mut Context<'_>) -> Poll<Result<ByteView, Error>> {
        if let Stage::Asked = self.stage {
            self.stage = Stage::Missed(self.group.missed(self.key.as_ref()));
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
