//! Models of the lock: every interleaving with up to three preemptions. `.ci/run loom` runs them.

use std::sync::atomic::Ordering::{Acquire, Release};

use loom::{
    model::Builder,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use super::{Locks, Tally, thread::NONE};

type Pair = (u64, u64);

/// Locks whose data a writer changes in two steps. No reader may see the data between the steps.
fn locks(slots: usize) -> Arc<Locks<Pair>> {
    Arc::new(Locks::with_slots([(0, 0), (0, 0)], slots))
}

fn write(locks: &Locks<Pair>, at: usize) {
    let mut pair = locks.write(at);
    pair.0 += 1;
    pair.1 += 1;
}

fn read(locks: &Locks<Pair>, at: usize, thread: usize) -> u64 {
    let look = |pair: &Pair, tally: Tally<'_>| {
        assert_eq!(pair.0, pair.1);
        tally.hit();
        pair.0
    };
    match locks.try_read_by(thread, at) {
        Some(pair) => look(&pair, pair.tally()),
        None => {
            let pair = locks.wait(at);
            look(&pair, pair.tally())
        }
    }
}

/// Runs the model under all interleavings with up to three preemptions.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn a_reader_in_its_slot_never_meets_a_writer() {
    check(|| {
        let locks = locks(1);
        let reader = thread::spawn({
            let locks = Arc::clone(&locks);
            move || {
                let first = read(&locks, 0, 0);
                assert!(first <= read(&locks, 0, 0));
            }
        });
        write(&locks, 0);
        reader.join().unwrap();
        assert_eq!(read(&locks, 0, 0), 1);
        assert_eq!(locks.lookups(), (3, 0));
    });
}

#[test]
fn readers_with_and_without_a_slot_never_meet_a_writer() {
    check(|| {
        let locks = locks(1);
        let readers = [0, NONE].map(|thread| {
            let locks = Arc::clone(&locks);
            thread::spawn(move || _ = read(&locks, 0, thread))
        });
        write(&locks, 0);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(read(&locks, 0, 0), 1);
        assert_eq!(locks.lookups(), (3, 0));
    });
}

#[test]
fn writers_take_turns() {
    check(|| {
        let locks = locks(1);
        let writer = thread::spawn({
            let locks = Arc::clone(&locks);
            move || write(&locks, 0)
        });
        write(&locks, 0);
        writer.join().unwrap();
        assert_eq!(read(&locks, 0, 0), 2);
    });
}

#[test]
fn a_writer_does_not_wait_for_readers_of_another_lock() {
    check(|| {
        let locks = locks(1);
        let reader = locks.try_read_by(0, 1);
        let writer = thread::spawn({
            let locks = Arc::clone(&locks);
            move || write(&locks, 0)
        });
        writer.join().unwrap();
        drop(reader);
        assert_eq!(read(&locks, 0, 0), 1);
    });
}

#[test]
fn a_reader_within_a_reader_leaves_the_announcement_of_the_outer_one() {
    check(|| {
        let locks = locks(1);
        let writer = thread::spawn({
            let locks = Arc::clone(&locks);
            move || write(&locks, 0)
        });
        if let Some(pair) = locks.try_read_by(0, 0) {
            let before = *pair;
            read(&locks, 1, 0);
            assert_eq!(*pair, before);
        }
        writer.join().unwrap();
    });
}

#[test]
fn an_announcement_that_outlives_its_threads_number_keeps_the_next_owner_from_the_slot() {
    check(|| {
        let locks = locks(1);
        let given_back = Arc::new(AtomicBool::new(false));
        let ending = thread::spawn({
            let (locks, given_back) = (Arc::clone(&locks), Arc::clone(&given_back));
            move || {
                let pair = locks.try_read_by(0, 0);
                given_back.store(true, Release);
                if let Some(pair) = pair {
                    assert_eq!(pair.0, pair.1);
                }
            }
        });
        let next = thread::spawn({
            let locks = Arc::clone(&locks);
            move || given_back.load(Acquire).then(|| read(&locks, 0, 0))
        });
        write(&locks, 0);
        ending.join().unwrap();
        next.join().unwrap();
    });
}
