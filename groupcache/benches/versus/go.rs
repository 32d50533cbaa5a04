//! The Go members of the family, each in a process of its own that times its gets itself.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::Round;
use crate::process::Process;

/// The program of `go/`, built.
pub(crate) struct Modules {
    program: PathBuf,
}

impl Modules {
    /// Builds it, or says loudly that it cannot.
    pub(crate) fn build() -> Option<Self> {
        let built = Self::try_build();
        built
            .inspect_err(|why| println!("!!! golang and mailgun LEFT OUT: {why}"))
            .ok()
    }

    /// Builds it.
    pub(crate) fn try_build() -> io::Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/versus/go");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versus-go-rivals");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(source)
            .stdin(Stdio::null())
            .status();
        match built {
            Ok(status) if status.success() => Ok(Self { program }),
            Ok(status) => Err(io::Error::other(format!("go build: {status}"))),
            Err(error) => Err(io::Error::new(error.kind(), format!("go: {error}"))),
        }
    }

    /// The program, about to be started.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.program)
    }

    /// A group of one module that holds the keys `0..keys`, and will ask for those of these numbers.
    pub(crate) fn start(
        &self,
        module: &'static str,
        keys: u32,
        threads: &[Vec<u64>],
    ) -> io::Result<Round> {
        let mut process = Process::start(self.command().arg(module))?;
        send(&mut process, keys, threads)?;
        let process = RefCell::new(process);
        Ok(Box::new(move |requests| {
            let time = round(&mut process.borrow_mut(), requests.len());
            time.unwrap_or_else(|error| panic!("{module}: {error}"))
        }))
    }
}

fn send(process: &mut Process, keys: u32, threads: &[Vec<u64>]) -> io::Result<()> {
    let stdin = process.stdin();
    let requests = threads.first().map_or(0, Vec::len);
    let head = [keys, threads.len() as u32, requests as u32];
    let numbers = threads.iter().flatten().map(|&number| number as u32);
    for word in head.into_iter().chain(numbers) {
        stdin.write_all(&word.to_le_bytes())?;
    }
    stdin.flush()
}

/// Nanoseconds per request with so many threads.
fn round(process: &mut Process, threads: usize) -> io::Result<f64> {
    process.tell(&threads.to_string())?;
    process.line()?.parse().map_err(io::Error::other)
}
