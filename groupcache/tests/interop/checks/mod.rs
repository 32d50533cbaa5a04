//! What mixed clusters are checked for, whichever the program. Its file names the checks that hold.

mod changes;
mod errors;
mod expiry;
mod handover;
mod loads;
mod stops;
mod values;

pub use changes::*;
pub use errors::*;
pub use expiry::*;
pub use handover::*;
pub use loads::*;
pub use stops::*;
pub use values::*;

/// Makes a test of each check that is named, with this program.
macro_rules! checks {
    ($program:expr => $($check:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            $crate::checks::$check($program).await;
        }
    )+};
}
pub(crate) use checks;
