//! The time of day, in the simulation.

use std::cell::Cell;
use std::ffi::{c_int, c_long};

use tokio::time::Instant;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// In a run, the time of day passes as its time does. `start` is when the run began.
pub fn follow(start: Instant) {
    START.set(Some(start));
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanos: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

const CLOCK_REALTIME: c_int = 0;

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(not(target_arch = "x86_64"))]
const CLOCK_GETTIME: c_long = 113;

/// When runs begin, in seconds after 1970.
const BEGINNING: i64 = 1_800_000_000;

/// Takes the place of the C library's function of that name, for the whole program.
///
/// # Safety
///
/// `time` points to a time that may be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    match START.get() {
        Some(start) if clock == CLOCK_REALTIME => {
            let elapsed = start.elapsed();
            let now = Timespec {
                seconds: BEGINNING + elapsed.as_secs() as i64,
                nanos: c_long::from(elapsed.subsec_nanos()),
            };
            // SAFETY: the caller promises it.
            unsafe { time.write(now) };
            0
        }
        // SAFETY: the arguments are passed on.
        _ => unsafe { syscall(CLOCK_GETTIME, clock, time) as c_int },
    }
}
