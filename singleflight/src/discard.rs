use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value and swallows a panic of its destructor. For callers that report another panic
/// already.
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The panic's payload may itself panic when dropped. Forgetting it breaks the chain.
        mem::forget(payload);
    }
}
