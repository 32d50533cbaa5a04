//! The randomness that the standard library and others ask the system for: hash seeds, ids, the branches of `select!`.
//! In this program all of it follows from the seed of a run, so that a run can be repeated.

use std::cell::Cell;

use super::random::mixed;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Makes all randomness of this thread follow from `seed`. A thread should be new: hash maps that it has made already
/// have drawn theirs.
pub fn follow(seed: u64) {
    STATE.set(seed);
}

/// Takes the place of the C library's function of that name, for the whole program.
///
/// # Safety
///
/// `buffer` points to `length` bytes that may be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller promises it.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    for bytes in buffer.chunks_mut(8) {
        let state = STATE.get().wrapping_add(1);
        STATE.set(state);
        bytes.copy_from_slice(&mixed(state).to_le_bytes()[..bytes.len()]);
    }
    length as isize
}
