use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

pin_project! {
    /// A future whose connections, timers and tasks belong to the node's runtime, whichever executor
    /// polls it: a caller may live on another runtime, or on none.
    pub(super) struct Entered<F> {
        runtime: Handle,
        #[pin]
        future: F,
    }
}

impl<F> Entered<F> {
    pub(super) fn new(runtime: Handle, future: F) -> Self {
        Self { runtime, future }
    }
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _runtime = this.runtime.enter();
        this.future.poll(context)
    }
}
