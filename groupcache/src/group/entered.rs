use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tracing::Span;

use crate::trace::spans;

pin_project! {
    /// A future whose connections, timers and tasks belong to the node's runtime, whichever executor
    /// polls it: a caller may live on another runtime, or on none. Its span is that of the get that has made it: the
    /// current one, unless that is a span of the user's, which it would keep open.
    ///
    /// Written by hand, like all that a flight's work is wrapped in: an `async` block would have room for the work
    /// twice, where it is kept and where it is awaited.
    pub(super) struct Entered<P, F> {
        runtime: Handle,
        span: Option<Box<Span>>,
        // Dropped with the future.
        _place: P,
        #[pin]
        future: F,
    }
}

impl<P, F> Entered<P, F> {
    /// Holds the future's `place` as long as it.
    pub(super) fn new(runtime: Handle, place: P, future: F) -> Self {
        Self {
            runtime,
            span: spans::boxed(spans::current()),
            _place: place,
            future,
        }
    }
}

impl<P, F: Future> Future for Entered<P, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _runtime = this.runtime.enter();
        let _span = this.span.as_ref().map(|span| span.enter());
        this.future.poll(context)
    }
}
