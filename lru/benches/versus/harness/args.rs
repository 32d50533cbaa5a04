//! The command line.

use std::env;
use std::path::PathBuf;

#[derive(Default)]
pub(crate) struct Args {
    /// Ends within 90 seconds.
    pub(crate) quick: bool,
    /// Where the recorded traces are: `--traces`, or else `TRACE_DIR`.
    pub(crate) traces: Option<PathBuf>,
    /// Copies the plots to the crate's `plots/`, which the READMEs show.
    pub(crate) save_plots: bool,
    /// The parts that are run, between commas; all if it is not given.
    only: Option<String>,
}

impl Args {
    /// Cargo adds arguments of its own, so unknown ones are left alone.
    pub(crate) fn parse() -> Self {
        let mut parsed = Self {
            traces: env::var_os("TRACE_DIR").map(PathBuf::from),
            ..Self::default()
        };
        let mut args = env::args_os().skip(1);
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--quick") => parsed.quick = true,
                Some("--save-plots") => parsed.save_plots = true,
                Some("--traces") => parsed.traces = args.next().map(PathBuf::from),
                Some("--only") => parsed.only = args.next().and_then(|arg| arg.into_string().ok()),
                _ => {}
            }
        }
        parsed
    }

    /// Whether a part is to be run.
    pub(crate) fn includes(&self, part: &str) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|named| named == part))
    }
}
