use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tracing::Span;

use super::outcome::{End, Outcome};
use super::spans;

/// Work in its span, which says in the end how the work has ended.
///
/// Large work is pinned by the caller first, so that its state has room for it once.
pub(crate) fn recorded<T: End, E: End>(
    span: Span,
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    Recorded {
        span: spans::boxed(span),
        work,
    }
}

/// Says in the span how work has ended that waited for nothing.
pub(crate) fn recorded_now<T: End, E: End>(span: &Span, result: &Result<T, E>) {
    if !span.is_disabled() {
        Outcome::of(result).record(span);
    }
}

pin_project! {
    struct Recorded<F> {
        // `None` if there is no span, or nothing left to say in it.
        span: Option<Box<Span>>,
        #[pin]
        work: F,
    }

    impl<F> PinnedDrop for Recorded<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(span) = this.project().span.take() {
                Outcome::unfinished().record(&span);
            }
        }
    }
}

impl<T: End, E: End, F: Future<Output = Result<T, E>>> Future for Recorded<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.project();
        let result = {
            let _entered = this.span.as_ref().map(|span| span.enter());
            ready!(this.work.poll(context))
        };
        if let Some(span) = this.span.take() {
            Outcome::of(&result).record(&span);
        }
        Poll::Ready(result)
    }
}
