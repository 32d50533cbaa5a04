//! The cost of a view, compared with the `Bytes` that it wraps and with `Arc<[u8]>`.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use byteview::ByteView;
use criterion::{Criterion, criterion_group, criterion_main};

const SIZE: usize = 1024;

fn value() -> Vec<u8> {
    vec![b'v'; SIZE]
}

/// Clones and drops a handle of a buffer that already has other users.
fn clone(c: &mut Criterion) {
    let view = ByteView::from(value());
    let bytes = Bytes::from(value());
    let arc = Arc::<[u8]>::from(value());
    let _shared = (view.clone(), bytes.clone(), arc.clone());

    let mut group = c.benchmark_group("clone");
    group.bench_function("ByteView", |b| b.iter(|| black_box(&view).clone()));
    group.bench_function("Bytes", |b| b.iter(|| black_box(&bytes).clone()));
    group.bench_function("Arc<[u8]>", |b| b.iter(|| black_box(&arc).clone()));
    group.finish();
}

/// Slices a quarter from the middle, which an `Arc<[u8]>` has to copy.
fn slice(c: &mut Criterion) {
    let range = || black_box(SIZE / 4)..black_box(SIZE / 2);
    let view = ByteView::from(value());
    let bytes = Bytes::from(value());
    let arc = Arc::<[u8]>::from(value());
    let _shared = (view.clone(), bytes.clone());

    let mut group = c.benchmark_group("slice");
    group.bench_function("ByteView", |b| b.iter(|| black_box(&view).slice(range())));
    group.bench_function("Bytes", |b| b.iter(|| black_box(&bytes).slice(range())));
    group.bench_function("Arc<[u8]>", |b| {
        b.iter(|| Arc::<[u8]>::from(&black_box(&arc)[range()]));
    });
    group.finish();
}

/// Equality of equal values in different buffers.
fn compare(c: &mut Criterion) {
    let views = (ByteView::from(value()), ByteView::from(value()));
    let bytes = (Bytes::from(value()), Bytes::from(value()));
    let arcs = (Arc::<[u8]>::from(value()), Arc::<[u8]>::from(value()));

    let mut group = c.benchmark_group("compare");
    group.bench_function("ByteView", |b| {
        b.iter(|| black_box(&views.0) == black_box(&views.1));
    });
    group.bench_function("Bytes", |b| {
        b.iter(|| black_box(&bytes.0) == black_box(&bytes.1));
    });
    group.bench_function("Arc<[u8]>", |b| {
        b.iter(|| black_box(&arcs.0) == black_box(&arcs.1));
    });
    group.finish();
}

criterion_group!(benches, clone, slice, compare);
criterion_main!(benches);
