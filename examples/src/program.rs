//! What every program does around its own work: flags, the runtime, errors, when to stop.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::BoxError;
use crate::traces::Traces;

/// Runs a program with the flags of this process.
pub fn main<O, F>(run: fn(O) -> F) -> ExitCode
where
    O: Parser,
    F: Future<Output = Result<(), BoxError>>,
{
    main_with(std::env::args_os(), run)
}

/// Runs a program with these arguments, the first of which is its name. A wrong flag ends with the
/// usage and exit code 2, an error with one line on stderr and exit code 1.
pub fn main_with<O, F>(args: impl IntoIterator<Item = OsString>, run: fn(O) -> F) -> ExitCode
where
    O: Parser,
    F: Future<Output = Result<(), BoxError>>,
{
    let name = O::command().get_name().to_owned();
    let options = O::parse_from(args);
    let result = tokio::runtime::Runtime::new()
        .map_err(BoxError::from)
        .and_then(|runtime| {
            let traces = Traces::of(&name, &runtime)?;
            watch(&traces);
            let result = runtime.block_on(run(options));
            traces.end();
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Writes the log to stderr if `RUST_LOG` says what to log, as in `RUST_LOG=info`, and hands the program's spans to
/// `traces`.
fn watch(traces: &Traces) {
    let log = EnvFilter::try_from_default_env().ok().map(|filter| {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_filter(filter)
    });
    let traces = traces.layer();
    if log.is_some() || traces.is_some() {
        // An error means that the process logs already.
        let _ = tracing_subscriber::registry()
            .with(log)
            .with(traces)
            .try_init();
    }
}

/// An error and its causes in one line; a cause that the line already tells is left out.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Says on stdout that a server answers at `address`: the line that scripts wait for.
pub(crate) fn say_ready(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "ready {address}")?;
    stdout.flush()
}

/// Waits for Ctrl-C or, on Unix, SIGTERM; with `until_eof` also for the end of stdin, which is how
/// a child learns that its parent is gone, however it went.
pub(crate) async fn stop_requested(until_eof: bool) -> io::Result<()> {
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        terminated = terminated() => terminated,
        () = end_of_stdin(), if until_eof => Ok(()),
    }
}

async fn end_of_stdin() {
    let (ended, end) = oneshot::channel::<()>();
    // A plain thread, because the runtime would wait for a blocked read when it shuts down.
    std::thread::spawn(move || {
        let _ended = ended;
        let mut sink = [0; 64];
        while matches!(io::stdin().read(&mut sink), Ok(n) if n > 0) {}
    });
    let _ = end.await;
}

#[cfg(unix)]
async fn terminated() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> io::Result<()> {
    std::future::pending().await
}
