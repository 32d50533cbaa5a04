use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tracing::Span;

use super::in_span::InSpan;
use super::outcome::{End, Outcome};

/// Work in its span, which says in the end how the work has ended.
pub(crate) fn recorded<T: End, E: End>(
    span: Span,
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    Recorded {
        work: InSpan::new(span, work),
        has_ended: false,
    }
}

pin_project! {
    struct Recorded<F> {
        #[pin]
        work: InSpan<F>,
        has_ended: bool,
    }

    impl<F> PinnedDrop for Recorded<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !*this.has_ended && let Some(span) = this.work.as_ref().get_ref().span() {
                Outcome::unfinished().record(span);
            }
        }
    }
}

impl<T: End, E: End, F: Future<Output = Result<T, E>>> Future for Recorded<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut this = self.project();
        let result = ready!(this.work.as_mut().poll(context));
        *this.has_ended = true;
        if let Some(span) = this.work.as_ref().get_ref().span() {
            Outcome::of(&result).record(span);
        }
        Poll::Ready(result)
    }
}
