use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

pin_project! {
    /// Work in a span, whoever polls it. As [`tracing::Instrumented`], but it takes one word where there is no span:
    /// the size of a flight is a matter of the group's memory.
    pub(crate) struct InSpan<F> {
        span: Option<Box<Span>>,
        #[pin]
        work: F,
    }
}

impl<F> InSpan<F> {
    pub(crate) fn new(span: Span, work: F) -> Self {
        let span = (!span.is_disabled()).then(|| Box::new(span));
        Self { span, work }
    }

    /// Work in the span of whoever calls this.
    pub(crate) fn current(work: F) -> Self {
        Self::new(Span::current(), work)
    }

    /// The span, if there is one.
    pub(super) fn span(&self) -> Option<&Span> {
        self.span.as_deref()
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.as_ref().map(|span| span.enter());
        this.work.poll(context)
    }
}
