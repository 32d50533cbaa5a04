//! The cost of a call, compared with `singleflight-async`.
//!
//! The work is ready at once, so the benchmarks measure the bookkeeping: join, one poll, result,
//! and freeing the key.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use singleflight::Group;
use singleflight_async::SingleFlight;

/// Polls a future that is ready at once.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the work is ready at once"),
    }
}

fn ours(group: &Group<u64, u64>, key: u64) -> u64 {
    now(group.join(key, || async move { key })).map_or(0, |outcome| outcome.value)
}

fn theirs(group: &SingleFlight<u64, u64>, key: u64) -> u64 {
    now(group.work(key, || async move { key }))
}

fn uncontended(c: &mut Criterion) {
    let mut bench = c.benchmark_group("uncontended");

    // As in a cache, the caller has a borrowed text, and the map holds an owned text.
    let key = String::from("thumbnails/2026/cat.png");
    let group = Group::<String, u64>::new();
    let rival = SingleFlight::<String, u64>::new();
    bench.bench_function("text/ours", |b| {
        b.iter(|| now(group.join_ref(black_box(key.as_str()), || async { 7 })).is_ok());
    });
    bench.bench_function("text/singleflight-async", |b| {
        b.iter(|| now(rival.work(black_box(key.as_str()).to_owned(), || async { 7 })));
    });

    let group = Group::new();
    let rival = SingleFlight::new();
    bench.bench_function("integer/ours", |b| b.iter(|| ours(&group, black_box(7))));
    bench.bench_function("integer/singleflight-async", |b| {
        b.iter(|| theirs(&rival, black_box(7)));
    });

    let mut key = 0;
    let mut fresh = || {
        key += 1;
        key
    };
    bench.bench_function("fresh integers/ours", |b| b.iter(|| ours(&group, fresh())));
    bench.bench_function("fresh integers/singleflight-async", |b| {
        b.iter(|| theirs(&rival, fresh()));
    });
    bench.finish();
}

/// Measures the time per call while two threads call with different keys.
fn on_two_threads(b: &mut Bencher<'_>, call: impl Fn(u64) -> u64 + Sync) {
    b.iter_custom(|rounds| {
        let start = Barrier::new(2);
        let run = |thread: u64| {
            start.wait();
            let begun = Instant::now();
            for round in 0..rounds {
                black_box(call(thread << 32 | round));
            }
            begun.elapsed()
        };
        thread::scope(|scope| -> Duration {
            let other = scope.spawn(|| run(1));
            let own = run(0);
            own.max(other.join().unwrap_or_default())
        })
    });
}

fn two_threads(c: &mut Criterion) {
    let mut bench = c.benchmark_group("two threads, different keys");
    let group = Group::new();
    let rival = SingleFlight::new();
    bench.bench_function("ours", |b| on_two_threads(b, |key| ours(&group, key)));
    bench.bench_function("singleflight-async", |b| {
        on_two_threads(b, |key| theirs(&rival, key));
    });
    bench.finish();
}

/// A herd for one cold key: all callers join, the work ends, and all receive its result.
fn herd(c: &mut Criterion) {
    const CALLERS: usize = 1_000;
    let mut bench = c.benchmark_group("1000 callers, one key");
    let mut cx = Context::from_waker(Waker::noop());
    let group = Group::<u64, u64>::new();
    bench.bench_function("ours", |b| {
        b.iter(|| {
            let calls: Vec<_> = (0..CALLERS)
                .map(|_| group.join(7, || async { 7 }))
                .collect();
            calls.into_iter().map(now).filter(Result::is_ok).count()
        });
    });
    let rival = SingleFlight::<u64, u64>::new();
    bench.bench_function("singleflight-async", |b| {
        b.iter(|| {
            // A rival's call joins on its first poll, so the work must be pending until all have
            // been polled.
            let (open, gate) = tokio::sync::oneshot::channel::<()>();
            let mut gate = Some(gate);
            let mut calls: Vec<_> = (0..CALLERS)
                .map(|_| {
                    let gate = gate.take();
                    Box::pin(rival.work(7, move || async move {
                        if let Some(gate) = gate {
                            let _ = gate.await;
                        }
                        7
                    }))
                })
                .collect();
            for call in &mut calls {
                let _ = call.as_mut().poll(&mut cx);
            }
            let _ = open.send(());
            calls.into_iter().map(now).sum::<u64>()
        });
    });
    bench.finish();
}

criterion_group!(benches, uncontended, two_threads, herd);
criterion_main!(benches);
