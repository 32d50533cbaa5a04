//! The time of day, in the simulation.

use std::cell::Cell;
use std::ffi::{c_int, c_long};
use std::time::Duration;

use tokio::time::Instant;

use super::random::Random;

thread_local! {
    static CLOCK: Cell<Option<WallClock>> = const { Cell::new(None) };
}

/// What tells the time of day in a run.
#[derive(Clone, Copy)]
struct WallClock {
    /// When the run began.
    start: Instant,
    /// By how much it is off at most.
    error: Duration,
    seed: u64,
    /// How often it has been looked at.
    looks: u64,
}

/// In a run, the time of day passes as its time does, if there is no error. Else it is another one each time.
pub fn follow(start: Instant, error: Duration, seed: u64) {
    CLOCK.set(Some(WallClock {
        start,
        error,
        seed,
        looks: 0,
    }));
}

impl WallClock {
    fn now(&mut self) -> Duration {
        self.looks += 1;
        let off = Random::of(&[self.seed, 5, self.looks]).next() as f64 / u64::MAX as f64;
        BEGINNING + self.start.elapsed() + self.error.mul_f64(off)
    }
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

/// When runs begin, after 1970.
const BEGINNING: Duration = Duration::from_secs(1_800_000_000);

/// Takes the place of the C library's function of that name, for the whole program.
///
/// # Safety
///
/// `time` points to a time that may be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    match CLOCK.get() {
        Some(mut wall_clock) if clock == CLOCK_REALTIME => {
            let now = wall_clock.now();
            CLOCK.set(Some(wall_clock));
            let now = Timespec {
                seconds: now.as_secs() as i64,
                nanos: c_long::from(now.subsec_nanos()),
            };
            // SAFETY: the caller promises it.
            unsafe { time.write(now) };
            0
        }
        // SAFETY: the arguments are passed on.
        _ => unsafe { syscall(CLOCK_GETTIME, clock, time) as c_int },
    }
}
