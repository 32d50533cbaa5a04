use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use crate::support::Gate;

use singleflight::{Call, Driver, Error, Group};

#[test]
fn everything_can_be_sent_to_other_threads_and_errors_are_small() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    // Neither the key nor the value is `Sync`.
    type Key = std::cell::Cell<u8>;
    type Value = std::cell::RefCell<String>;
    sent::<Call<Key, Value>>();
    sent::<Driver<Key, Value>>();
    shared::<Group<Key, Value>>();
    shared::<Error>();
    assert!(size_of::<Error>() <= 3 * size_of::<usize>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stampede_of_tasks_costs_one_execution() {
    let group = Group::<String, u32>::new();
    let gate = Gate::default();
    let started = Arc::new(AtomicUsize::new(0));
    let everybody = Arc::new(tokio::sync::Barrier::new(500));
    let tasks: Vec<_> = (0..500)
        .map(|number| {
            let (group, gate, started) = (group.clone(), gate.clone(), Arc::clone(&started));
            let everybody = Arc::clone(&everybody);
            tokio::spawn(async move {
                let mut call = group.join_ref("key", || {
                    started.fetch_add(1, SeqCst);
                    gate.work()
                });
                if let Some(driver) = call.detach() {
                    tokio::spawn(driver);
                }
                everybody.wait().await;
                gate.open(7);
                // Every other caller leaves instead of waiting.
                if number % 2 == 0 {
                    Some(call.await)
                } else {
                    None
                }
            })
        })
        .collect();
    for task in tasks {
        if let Some(result) = task.await.unwrap() {
            assert_eq!(result.unwrap().value, 7);
        }
    }
    assert_eq!((started.load(SeqCst), gate.drops()), (1, 1));
    assert!(group.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_and_go_on_many_threads_leave_nothing_behind() {
    let group = Group::<u32, u32>::new();
    let tasks: Vec<_> = (0..8u32)
        .map(|task| {
            let group = group.clone();
            tokio::spawn(async move {
                for round in 0..2_000u32 {
                    let key = round % 3;
                    let call = group.join(key, || async move {
                        for _ in 0..round % 4 {
                            tokio::task::yield_now().await;
                        }
                        key
                    });
                    match (task + round) % 5 {
                        0 => drop(call),
                        1 => {
                            group.forget(&key);
                        }
                        2 => {
                            tokio::select! {
                                biased;
                                () = tokio::task::yield_now() => {}
                                result = call => assert_eq!(result.unwrap().value, key),
                            }
                        }
                        _ => assert_eq!(call.await.unwrap().value, key),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(group.is_empty());
}
