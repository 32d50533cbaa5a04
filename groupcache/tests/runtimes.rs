//! A group serves callers of every executor, and depends only on its node's runtime.

mod common;

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::MIB;
use groupcache::testing::Cluster;
use groupcache::{Entry, GetOptions, Group, Key, Mode, Never, Node, Source};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{AcquireError, Semaphore};

const SECOND: Duration = Duration::from_secs(1);

/// An executor that is not tokio's.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn single_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Two nodes on a runtime of their own, and keys that the second one owns.
struct Home {
    runtime: Runtime,
    cluster: Cluster,
    groups: Vec<Group>,
}

impl Home {
    fn new() -> Self {
        let runtime = multi_thread();
        let cluster = runtime.block_on(Cluster::start(2)).unwrap();
        let getter = |key: Key| async move { Ok::<_, std::convert::Infallible>(key.to_vec()) };
        let _entered = runtime.enter();
        let groups = cluster.group_with("g", MIB, getter, |group| group.promoter(Never));
        Self {
            groups: groups.unwrap(),
            runtime,
            cluster,
        }
    }

    fn key(&self, n: usize) -> String {
        self.cluster.key_owned_by(1, &format!("{n}-"))
    }

    fn fetched(&self, entry: &Entry) {
        assert_eq!(entry.source(), Source::Peer);
        assert_eq!(self.groups[0].stats().peer_errors, 0);
    }
}

#[test]
fn a_connection_outlives_the_runtime_whose_get_made_it() {
    let home = Home::new();
    let (first, second) = (single_thread(), single_thread());
    for (n, runtime) in [&first, &second, &first].into_iter().enumerate() {
        // While one runtime runs, the other is not driven.
        home.fetched(&runtime.block_on(home.groups[0].entry(home.key(n))).unwrap());
    }
    drop(first);
    home.fetched(&second.block_on(home.groups[0].entry(home.key(3))).unwrap());
}

#[test]
fn a_flight_goes_on_when_the_runtime_that_started_it_stops() {
    let home = Home::new();
    let key = home.key(0);
    let starter = single_thread();
    let gate = Arc::new(Semaphore::new(0));
    let getter = {
        let gate = Arc::clone(&gate);
        move |key: Key| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await?.forget();
                Ok::<_, AcquireError>(key.to_vec())
            }
        }
    };
    let entered = home.runtime.enter();
    let groups = home
        .cluster
        .group_with("gated", MIB, getter, |group| group.promoter(Never))
        .unwrap();
    drop(entered);
    let group = &groups[0];
    let mut started = Box::pin(group.entry(key.clone()));
    starter.block_on(async {
        let polled = std::future::poll_fn(|context| Poll::Ready(started.as_mut().poll(context)));
        assert!(polled.await.is_pending());
    });
    gate.add_permits(1);
    home.fetched(&home.runtime.block_on(group.entry(&key)).unwrap());
    gate.add_permits(1);
    home.fetched(&starter.block_on(started).unwrap());
}

#[test]
fn callers_outside_of_any_runtime_are_served_in_every_way() {
    let home = Home::new();
    let group = &home.groups[0];
    let options = GetOptions::default().timeout(30 * SECOND);
    assert_eq!(block_on(group.get(home.key(0))).unwrap(), home.key(0));
    home.fetched(&block_on(group.get_with_options(home.key(1), options)).unwrap());
    let many: Vec<_> = (10..20).map(|n| home.key(n)).collect();
    for (key, value) in many.iter().zip(block_on(group.get_many(&many))) {
        assert_eq!(value.unwrap(), *key);
    }
    let peek = options.mode(Mode::Peek);
    home.fetched(&block_on(group.get_with_options(home.key(1), peek)).unwrap());
    let here = options.mode(Mode::NoPeerLoad);
    let loaded = block_on(group.get_with_options(home.key(2), here)).unwrap();
    assert_eq!(loaded.source(), Source::Origin);
    block_on(group.warm_up(home.key(3))).unwrap();
    block_on(group.set(home.key(4), "set")).unwrap();
    assert_eq!(block_on(group.get(home.key(4))).unwrap(), "set");
    block_on(group.remove(home.key(4))).unwrap();
    assert_eq!(block_on(group.get(home.key(4))).unwrap(), home.key(4));
}

#[test]
fn a_callers_own_time_limit_holds_on_every_executor() {
    let home = Home::new();
    let _entered = home.runtime.enter();
    let slow = |_: Key| async {
        tokio::time::sleep(60 * SECOND).await;
        Ok::<_, std::convert::Infallible>("late")
    };
    let groups = home
        .cluster
        .group_with("slow", MIB, slow, |group| group)
        .unwrap();
    let options = GetOptions::default().timeout(SECOND / 20);
    let start = Instant::now();
    let foreign = thread::spawn({
        let group = groups[0].clone();
        move || block_on(group.get_with_options("a", options))
    });
    assert!(foreign.join().unwrap().unwrap_err().is_timeout());
    let own = single_thread().block_on(groups[0].get_with_options("b", options));
    assert!(own.unwrap_err().is_timeout());
    assert!(start.elapsed() < 10 * SECOND);
}

#[test]
fn a_get_ends_though_nobody_drives_the_nodes_runtime() {
    let home = single_thread();
    let node = home
        .block_on(Node::builder("http://127.0.0.1:1").start())
        .unwrap();
    let group = node
        .group("g", MIB, |key: Key| async move {
            Ok::<_, std::convert::Infallible>(key.to_vec())
        })
        .load_timeout(SECOND / 20)
        .build()
        .unwrap();
    let elsewhere = multi_thread();
    let error = elsewhere.block_on(group.get("k")).unwrap_err();
    assert!(
        error.is_timeout() && error.to_string().contains("runtime"),
        "{error}"
    );
    assert!(block_on(group.get("k")).unwrap_err().is_timeout());
    for outcome in block_on(group.get_many(["k", "l"])) {
        assert!(outcome.unwrap_err().is_timeout());
    }
    // What was asked for is there once the runtime is driven again.
    home.block_on(async {
        assert_eq!(group.get("k").await.unwrap(), "k");
        assert_eq!(group.get("l").await.unwrap(), "l");
    });
}

#[test]
fn a_get_after_the_end_of_the_nodes_runtime_is_an_error_that_says_so() {
    let home = single_thread();
    let node = home
        .block_on(Node::builder("http://127.0.0.1:1").start())
        .unwrap();
    let group = node
        .group("g", MIB, |key: Key| async move {
            Ok::<_, std::convert::Infallible>(key.to_vec())
        })
        .build()
        .unwrap();
    drop(home);
    let error = single_thread().block_on(group.get("k")).unwrap_err();
    assert!(error.is_abandoned(), "{error}");
    for outcome in single_thread().block_on(group.get_many(["k", "l"])) {
        assert!(outcome.unwrap_err().is_abandoned());
    }
}
