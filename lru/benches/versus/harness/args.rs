//! The command line.

use std::env;
use std::path::PathBuf;

#[derive(Default)]
pub(crate) struct Args {
    /// Whether the run should end within 90 seconds.
    pub(crate) quick: bool,
    /// Whether to ask each subject a few times only, to see that it works.
    #[allow(dead_code, reason = "the bench of a group has such a run")]
    pub(crate) test: bool,
    /// The folder of the recorded traces: `--traces`, or else `TRACE_DIR`.
    pub(crate) traces: Option<PathBuf>,
    /// Whether to copy the plots to the crate's `plots/`, which the READMEs show.
    pub(crate) save_plots: bool,
    /// The parts to run, separated by commas. All parts if the flag is not given.
    only: Option<String>,
}

impl Args {
    /// Cargo adds arguments of its own, so unknown arguments are ignored.
    pub(crate) fn parse() -> Self {
        let mut parsed = Self {
            traces: env::var_os("TRACE_DIR").map(PathBuf::from),
            ..Self::default()
        };
        let mut args = env::args_os().skip(1);
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--quick") => parsed.quick = true,
                Some("--test") => parsed.test = true,
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
