use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use groupcache::{ByteView, Group, Key, Node};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{self, Capacity, Subject};

/// A group of a node without peers.
pub(crate) struct GroupGet {
    runtime: Runtime,
    group: Group,
}

impl Subject for GroupGet {
    const NAME: &'static str = "Group::get";
    type Value = ByteView;
    fn new(capacity: Capacity) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let getter = |_: Key| async { Ok::<_, Infallible>(Vec::new()) };
        let group = runtime.block_on(async {
            let node = Node::builder("http://127.0.0.1:1").start().await?;
            node.group("versus", capacity.bytes, getter).build()
        });
        Self {
            runtime,
            group: group.expect("a group"),
        }
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<ByteView> {
        ready(self.group.get(key)).ok()
    }
    fn insert(&self, key: harness::Key, value: Bytes) {
        let set = self.group.set(key, ByteView::from(value));
        self.runtime.block_on(set).expect("nothing that can fail");
    }
    fn len(&self) -> usize {
        self.group.stats().entries as usize
    }
}

/// Polls a future whose value is there, so that what is measured is the get and not a runtime.
#[inline]
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // A cache that tidies up on the way may have to wait for another thread that does.
        thread::yield_now();
    }
}
