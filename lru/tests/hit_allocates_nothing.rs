//! A hit does not allocate. The test is in a file of its own, because it replaces the allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use lru::{Cache, Lru, Meta};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls are passed on unchanged to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the contract is the same, and the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn a_hit_allocates_nothing() {
    let later = Instant::now() + Duration::from_secs(3600);
    let value: Arc<str> = "value".into();

    let mut lru = Lru::new(1_000);
    let cache = Cache::new(1_000);
    for n in 0..100 {
        lru.insert_until(format!("{n}"), Arc::clone(&value), 1, later)
            .unwrap();
        cache
            .insert(
                format!("{n}"),
                Arc::clone(&value),
                Meta::new(1).expires(later),
            )
            .unwrap();
    }
    assert_ne!(allocations(|| drop("counted".to_owned())), 0);
    let hits = || {
        for key in ["7", "42", "99", "0"] {
            assert!(lru.get(key).is_some());
            assert!(cache.get(key).is_some());
        }
    };
    assert_eq!(allocations(hits), 0);
}
