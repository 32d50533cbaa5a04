//! Child processes: this program runs itself again, to do one task in a process of its own.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::{env, io};

const FLAG: &str = "--child";

/// The task of this process, if it is such a child.
pub(crate) fn task() -> Option<Vec<String>> {
    let mut args = env::args().skip_while(|arg| arg != FLAG);
    args.next().map(|_| args.collect())
}

/// This program, about to be run again for a task.
pub(crate) fn command<S: AsRef<OsStr>>(task: impl IntoIterator<Item = S>) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(FLAG).args(task);
    Ok(command)
}

/// Runs a task in a child, and returns the numbers that the child prints.
pub(crate) fn run(task: &[String]) -> io::Result<Vec<f64>> {
    let child = command(task)?
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !child.status.success() {
        let task = task.join(" ");
        return Err(io::Error::other(format!("{task}: {}", child.status)));
    }
    let numbers = String::from_utf8_lossy(&child.stdout);
    let numbers = numbers.split_whitespace().map(str::parse);
    numbers.collect::<Result<_, _>>().map_err(io::Error::other)
}
