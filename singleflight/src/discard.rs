use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value whose destructor may panic, where a panic has already been reported.
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The payload of a panic may panic when dropped, too. There has to be an end.
        mem::forget(payload);
    }
}
