//! What an arena keeps, and what it takes up.

use std::collections::HashMap;
use std::thread;

use byteview::{Arena, ByteView, Kept};
use proptest::prelude::*;

const PAGE: usize = 4096;

fn value(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|n| (seed * 31 + n) as u8).collect()
}

fn keep(arena: &Arena, seed: usize, len: usize) -> Kept {
    let kept = arena.keep(&seed.to_le_bytes(), &ByteView::from(value(seed, len)));
    kept.unwrap()
}

/// Moves what can be moved out of the emptiest extents, as a store does.
fn move_all(arena: &Arena, entries: &mut HashMap<usize, (Kept, usize)>) -> usize {
    let mut bytes = 0;
    loop {
        let moved = arena.move_some(|moving| {
            let seed = usize::from_le_bytes(moving.key().try_into().unwrap());
            if let Some((kept, _)) = entries.get_mut(&seed)
                && let Some(elsewhere) = kept.moved(&moving)
            {
                *kept = elsewhere;
            }
        });
        if moved == 0 {
            return bytes;
        }
        bytes += moved;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 48 }))]
    #[test]
    fn keeps_what_is_put_there_whatever_comes_and_goes(
        ops in prop::collection::vec((0..6_u8, any::<prop::sample::Index>(), 0..12_usize), 1..if cfg!(miri) { 40 } else { 400 }),
    ) {
        let arena = Arena::new();
        let mut entries: HashMap<usize, (Kept, usize)> = HashMap::new();
        let mut views: Vec<(ByteView, Vec<u8>)> = Vec::new();
        let lens = [0, 1, 24, 64, 200, 1000, 5000, 16 << 10, 50_000, 120_000, 200_000, 300];
        for (seed, (op, pick, len)) in ops.into_iter().enumerate() {
            let mut seeds: Vec<_> = entries.keys().copied().collect();
            seeds.sort_unstable();
            let picked = (!seeds.is_empty()).then(|| seeds[pick.index(seeds.len())]);
            match (op, picked) {
                (0 | 1, _) | (_, None) => {
                    entries.insert(seed, (keep(&arena, seed, lens[len]), lens[len]));
                }
                (2, Some(picked)) => {
                    let (kept, len) = &entries[&picked];
                    views.push((kept.view(), value(picked, *len)));
                }
                (3, Some(picked)) => {
                    entries.remove(&picked);
                }
                (4, _) if !views.is_empty() => {
                    let (view, bytes) = views.swap_remove(pick.index(views.len()));
                    match len % 3 {
                        0 => prop_assert_eq!(view.into_bytes(), bytes),
                        1 => views.push((view.slice(view.len() / 2..), bytes[bytes.len() / 2..].to_vec())),
                        _ => prop_assert_eq!(Vec::from(view), bytes),
                    }
                }
                _ => {
                    move_all(&arena, &mut entries);
                    while arena.give_back_idle() > 0 {}
                }
            }
            let usage = arena.usage();
            let held: usize = entries.values().map(|(_, len)| 8 + len).sum();
            prop_assert!(usage.held >= held && usage.held <= held + held / 16 + 80 * entries.len());
            prop_assert!(usage.reserved >= usage.held);
            prop_assert!(usage.pinned <= usage.reserved);
        }
        for (seed, (kept, len)) in &entries {
            prop_assert_eq!(kept.key(), seed.to_le_bytes());
            prop_assert!(kept.value() == value(*seed, *len));
        }
        for (view, bytes) in &views {
            prop_assert_eq!(view, bytes);
        }
        drop(entries);
        prop_assert_eq!(arena.usage().held, 0);
        for (view, bytes) in views {
            prop_assert_eq!(view, bytes);
        }
        prop_assert_eq!((arena.usage().reserved, arena.usage().pinned), (0, 0));
    }
}

#[test]
fn views_of_what_the_store_has_given_up_are_pinned_by_the_page() {
    let arena = Arena::new();
    let entries: Vec<_> = (0..1000).map(|n| keep(&arena, n, 1000)).collect();
    let views: Vec<_> = entries.iter().map(Kept::view).collect();
    assert_eq!(arena.usage().pinned, 0, "the store has them too");
    drop(entries);
    let usage = arena.usage();
    assert_eq!(usage.held, 0);
    // But for the heads of the extents.
    assert!(usage.pinned >= 1000 * 1000 && usage.pinned <= usage.reserved);
    assert!(usage.reserved - usage.pinned <= 4 * PAGE, "{usage:?}");
    drop(views);
    let usage = arena.usage();
    assert_eq!((usage.held, usage.reserved, usage.pinned), (0, 0, 0));
}

#[test]
fn a_large_value_is_shared_and_pinned_too() {
    let arena = Arena::new();
    let value = ByteView::from(vec![7; 1 << 20]);
    let kept = arena.keep(b"k", &value).unwrap();
    assert_eq!(kept.view().as_ptr(), value.as_ptr());
    drop(value);
    assert!(arena.usage().held > 1 << 20);
    let view = kept.view();
    drop(kept);
    assert!(arena.usage().held == 0 && arena.usage().pinned > 1 << 20);
    drop(view);
    assert_eq!(arena.usage().reserved, 0);
    let key = vec![1; 10_000];
    let kept = arena.keep(&key, &ByteView::from("v")).unwrap();
    assert_eq!((kept.key(), kept.value()), (&*key, b"v".as_slice()));
}

#[test]
fn a_view_outlives_its_arena() {
    let arena = Arena::new();
    let view = keep(&arena, 1, 100).view();
    drop(arena);
    let elsewhere = thread::spawn(move || view.slice(1..));
    assert_eq!(elsewhere.join().unwrap(), value(1, 100)[1..]);
}

#[test]
fn what_is_left_of_sparse_extents_can_be_moved_together() {
    let arena = Arena::new();
    let count = if cfg!(miri) { 6000 } else { 30_000 };
    let mut entries: HashMap<_, _> = (0..count).map(|n| (n, (keep(&arena, n, 84), 84))).collect();
    let full = arena.usage().reserved;
    entries.retain(|n, _| n % 4 == 0);
    assert_eq!(
        arena.usage().reserved,
        full,
        "a block in four pins each page"
    );
    move_all(&arena, &mut entries);
    let usage = arena.usage();
    assert!(
        usage.reserved <= usage.held + usage.held / 4 + (512 << 10),
        "{usage:?}"
    );
    for (seed, (kept, len)) in &entries {
        assert!(kept.value() == value(*seed, *len));
    }
}

#[test]
fn what_is_viewed_stays_where_it_is() {
    let arena = Arena::new();
    let mut entries: HashMap<_, _> = (0..6000).map(|n| (n, (keep(&arena, n, 84), 84))).collect();
    entries.retain(|n, _| n % 8 == 0);
    let views: Vec<_> = entries.values().map(|(kept, _)| kept.view()).collect();
    let before: Vec<_> = entries
        .values()
        .map(|(kept, _)| kept.value().as_ptr())
        .collect();
    move_all(&arena, &mut entries);
    let after: Vec<_> = entries
        .values()
        .map(|(kept, _)| kept.value().as_ptr())
        .collect();
    assert_eq!(before, after);
    drop(views);
}

/// The arena ends with the last of them, while the others may still be on their way out of it.
#[test]
fn what_outlives_its_arena_ends_on_several_threads() {
    let arena = Arena::new();
    let kept: Vec<_> = (0..3).map(|n| keep(&arena, n, 9)).collect();
    let views: Vec<_> = kept.iter().map(Kept::view).collect();
    drop(arena);
    thread::scope(|scope| {
        for kept in kept {
            scope.spawn(move || assert_eq!(kept.value().len(), 9));
        }
        for view in views {
            scope.spawn(move || assert_eq!(view.len(), 9));
        }
    });
}

#[test]
fn a_large_value_that_is_kept_again_and_again_has_one_buffer() {
    let arena = Arena::new();
    let mut view = ByteView::from(vec![7; 200_000]);
    for _ in 0..if cfg!(miri) { 10 } else { 100_000 } {
        view = arena.keep(b"key", &view).unwrap().view();
    }
    assert!(arena.usage().reserved < 1 << 20, "{:?}", arena.usage());
    assert!(view.len() == 200_000 && view[199_999] == 7);
}

#[test]
fn no_length_is_charged_less_than_it_takes() {
    assert_eq!(Arena::charge(8, usize::MAX), usize::MAX);
    assert!(Arena::charge(usize::MAX, usize::MAX) == usize::MAX);
}

/// Threads that keep, view, drop and move at the same time.
#[test]
fn threads_get_along() {
    let arena = Arena::new();
    let rounds = if cfg!(miri) { 30 } else { 3000 };
    thread::scope(|scope| {
        for thread in 0..3 {
            let arena = &arena;
            scope.spawn(move || {
                let mut entries = HashMap::new();
                let mut views = Vec::new();
                for round in 0..rounds {
                    let seed = thread * rounds + round;
                    let len = [40, 84, 1000][round % 3];
                    entries.insert(seed, (keep(arena, seed, len), len));
                    if round % 3 == 1 {
                        views.push((seed, len, entries[&seed].0.view()));
                    }
                    if round % 7 == 0 {
                        entries.retain(|seed, _| seed % 5 != round % 5);
                    }
                    if round % 50 == 0 {
                        // Entries of the other threads stay: this thread has no right to them.
                        arena.move_some(|moving| {
                            let seed = usize::from_le_bytes(moving.key().try_into().unwrap());
                            if let Some((kept, _)) = entries.get_mut(&seed)
                                && let Some(elsewhere) = kept.moved(&moving)
                            {
                                *kept = elsewhere;
                            }
                        });
                        views.clear();
                        arena.give_back_idle();
                    }
                    for (seed, len, view) in &views {
                        assert_eq!(view[len - 1], value(*seed, *len)[len - 1]);
                    }
                }
                for (seed, (kept, len)) in &entries {
                    assert!(kept.value() == value(*seed, *len));
                }
            });
        }
    });
    let usage = arena.usage();
    assert_eq!((usage.held, usage.reserved, usage.pinned), (0, 0, 0));
}
