use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use singleflight::{Call, Group};

/// Locks all shards whenever it runs. If it ran under a shard's lock, the call would deadlock.
struct Nosy(Group<NosyKey, Nosy>);

struct NosyKey(Group<NosyKey, Nosy>);

impl Nosy {
    fn new(group: &Group<NosyKey, Nosy>) -> Self {
        Nosy(group.clone())
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.0.len();
        Nosy(self.0.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.0.len();
    }
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.0.len();
    }
}

impl Future for Nosy {
    type Output = Nosy;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Nosy> {
        self.0.len();
        cx.waker().wake_by_ref();
        if self.0.len() == 1 {
            Poll::Pending
        } else {
            Poll::Ready(self.clone())
        }
    }
}

impl Drop for NosyKey {
    fn drop(&mut self) {
        self.0.len();
    }
}

impl PartialEq for NosyKey {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NosyKey {}

impl Hash for NosyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len();
        state.write_u8(0);
    }
}

#[test]
fn no_lock_is_held_while_keys_values_work_or_wakers_are_called_or_dropped() {
    let group = Group::<NosyKey, Nosy>::new();
    let join = || group.join(NosyKey(group.clone()), || Nosy::new(&group));
    let poll = |call: &mut Call<NosyKey, Nosy>| {
        let waker = Waker::from(Arc::new(Nosy::new(&group)));
        Pin::new(call)
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    };
    // Dropped by the last caller.
    let mut calls = [join(), join()];
    assert!(calls.iter_mut().all(|call| !poll(call)));
    drop(calls);
    // Forgotten, detached, abandoned.
    let mut calls = [join(), join()];
    assert!(calls.iter_mut().all(|call| !poll(call)));
    assert!(group.forget(&NosyKey(group.clone())));
    let driver = calls[0].detach();
    assert!(!poll(&mut calls[1]));
    drop(driver);
    assert!(calls.iter_mut().all(poll));
    // One caller ends the flight, one receives the result, and one leaves.
    let mut calls = [join(), join(), join()];
    assert!(group.forget(&NosyKey(group.clone())));
    assert!(poll(&mut calls[2]) && poll(&mut calls[0]));
    drop(calls);
    assert!(group.is_empty());
}
