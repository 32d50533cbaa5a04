//! A large value is held once on each side while it travels, whatever the protocol. The test is in a file of its own, because it
//! replaces the allocator.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use groupcache::testing::Cluster;
use groupcache::{HttpOptions, Key, Never, Protocol};

const KIB: usize = 1 << 10;
const MIB: usize = KIB * KIB;

/// A number of bytes that is no power of two, as a buffer that grows has.
const VALUE: usize = 40 * MIB + 12_345;

/// The value on two sides, and all buffers on the way.
const MOST: usize = 2 * VALUE + 3 * MIB;

/// Counts the bytes that are in use, and the most that were.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are passed on unchanged to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let before = IN_USE.fetch_add(layout.size(), SeqCst);
        PEAK.fetch_max(before + layout.size(), SeqCst);
        // SAFETY: the contract is the same, and the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    // The system moves pages of a large block, and does not copy it.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        IN_USE.fetch_sub(layout.size(), SeqCst);
        let before = IN_USE.fetch_add(size, SeqCst);
        PEAK.fetch_max(before + size, SeqCst);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[tokio::test]
async fn a_large_value_is_held_once_on_each_side() {
    for protocol in protocols() {
        let http = HttpOptions::default().max_value_bytes(2 * VALUE);
        let cluster = Cluster::builder(2).protocol(protocol).http(http);
        let cluster = cluster.start().await.unwrap();
        let getter = |key: Key| async move {
            let length = if key == Key::from("small") { 7 } else { VALUE };
            Ok::<_, Infallible>(vec![7; length])
        };
        let groups = cluster
            .group_with("g", 4 * VALUE, getter, |group| group.promoter(Never))
            .unwrap();
        // What is made once is there.
        groups[0].get("small").await.unwrap();
        groups[1].get("small").await.unwrap();

        let keys = ["get", "set"].map(|prefix| cluster.key_owned_by(1, prefix));
        let (value, peak) = peak(groups[0].get(&keys[0])).await;
        assert!(value.unwrap() == vec![7; VALUE]);
        assert!(peak <= MOST, "{protocol}: {} KiB of a get", peak / KIB);

        let (set, peak) = self::peak(groups[0].set(&keys[1], vec![7; VALUE])).await;
        assert!(peak <= MOST, "{protocol}: {} KiB of a set", peak / KIB);
        if let Err(error) = set {
            assert!(error.failed_peers()[0].error().is_unsupported(), "{error}");
        }
    }
}

/// The most bytes that were in use while some work was done, beyond those before it.
async fn peak<T>(work: impl IntoFuture<Output = T>) -> (T, usize) {
    let before = IN_USE.load(SeqCst);
    PEAK.store(before, SeqCst);
    let done = work.await;
    (done, PEAK.load(SeqCst) - before)
}

fn protocols() -> Vec<Protocol> {
    vec![
        Protocol::Native,
        Protocol::Golang,
        Protocol::Galaxycache,
        #[cfg(feature = "mailgun")]
        Protocol::Mailgun,
        #[cfg(feature = "groupcache-go")]
        Protocol::GroupcacheGo,
        #[cfg(feature = "ipronko")]
        Protocol::Ipronko,
        #[cfg(feature = "grpc")]
        Protocol::GalaxycacheGrpc,
    ]
}
