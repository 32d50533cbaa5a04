//! Tasks to poll with, and work to wait for.

use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use singleflight::{Error, Outcome};

/// A waker that counts how often it is woken.
#[derive(Default)]
pub(crate) struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Task {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn woken(&self) -> usize {
        self.0.load(SeqCst)
    }

    pub(crate) fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Task::new().poll(future)
}

pub(crate) fn now<F: Future + Unpin>(mut future: F) -> F::Output {
    match poll(&mut future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending"),
    }
}

/// Work that is pending until it is opened, and that counts its polls and drops.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<GateState>);

#[derive(Default)]
pub(crate) struct GateState {
    value: Mutex<Option<u32>>,
    waker: Mutex<Option<Waker>>,
    polls: AtomicUsize,
    drops: AtomicUsize,
}

impl Gate {
    pub(crate) fn work(&self) -> Gated {
        Gated(self.clone())
    }

    pub(crate) fn wake(&self) {
        let waker = self.0.waker.lock().unwrap().take();
        waker.unwrap().wake();
    }

    pub(crate) fn open(&self, value: u32) {
        *self.0.value.lock().unwrap() = Some(value);
        let waker = self.0.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn polls(&self) -> usize {
        self.0.polls.load(SeqCst)
    }

    pub(crate) fn drops(&self) -> usize {
        self.0.drops.load(SeqCst)
    }
}

pub(crate) struct Gated(Gate);

impl Future for Gated {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let gate = &self.0.0;
        gate.polls.fetch_add(1, SeqCst);
        *gate.waker.lock().unwrap() = Some(cx.waker().clone());
        gate.value
            .lock()
            .unwrap()
            .map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.0.0.drops.fetch_add(1, SeqCst);
    }
}

/// A place where the work leaves something for the test, or the test for the work.
pub(crate) type Shelf<T> = Arc<Mutex<Option<T>>>;

pub(crate) fn never() -> std::future::Ready<u32> {
    panic!("a flight is there already")
}

pub(crate) fn value(result: Poll<Result<Outcome<u32>, Error>>) -> Option<u32> {
    match result {
        Poll::Ready(result) => Some(result.unwrap().value),
        Poll::Pending => None,
    }
}
