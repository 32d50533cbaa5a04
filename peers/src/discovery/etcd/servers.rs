use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::transport::Channel;

/// The servers of an etcd cluster, and which of them is asked first. There is at least one.
#[derive(Debug)]
pub(super) struct Servers {
    channels: Vec<Channel>,
    /// The server that answers, as far as is known.
    current: AtomicUsize,
}

impl Servers {
    pub(super) fn new(channels: Vec<Channel>) -> Self {
        Self {
            channels,
            current: AtomicUsize::new(0),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.channels.len()
    }

    /// The server that is asked first, and its number.
    pub(super) fn current(&self) -> (usize, Channel) {
        let number = self.current.load(Ordering::Relaxed);
        (number, self.channels[number].clone())
    }

    /// Has the next server asked first, unless another caller has passed over this one already.
    pub(super) fn pass_over(&self, number: usize) {
        let next = (number + 1) % self.count();
        let _: Result<usize, usize> =
            self.current
                .compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}
