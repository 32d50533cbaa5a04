//! The Go members of the family, each in a process of its own that times its gets itself.

use std::cell::RefCell;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::harness::Round;

/// The program of `go/`, built.
pub(crate) struct Modules {
    program: PathBuf,
}

impl Modules {
    /// Builds it, or says loudly that it cannot.
    pub(crate) fn build() -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/versus/go");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versus-go-rivals");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(source)
            .stdin(Stdio::null())
            .status();
        let why = match built {
            Ok(status) if status.success() => return Some(Self { program }),
            Ok(status) => format!("go build: {status}"),
            Err(error) => format!("go: {error}"),
        };
        println!("!!! golang and mailgun LEFT OUT: {why}");
        None
    }

    /// A group of one module that holds the keys `0..keys`, and will ask for those of these numbers.
    pub(crate) fn start(
        &self,
        module: &'static str,
        keys: u32,
        threads: &[Vec<u64>],
    ) -> io::Result<Round> {
        let mut process = Process::start(&self.program, module)?;
        process.send(keys, threads)?;
        let process = RefCell::new(process);
        Ok(Box::new(move |requests| {
            let time = process.borrow_mut().round(requests.len());
            time.unwrap_or_else(|error| panic!("{module}: {error}"))
        }))
    }
}

/// Ends when it is dropped, because its stdin does.
struct Process {
    child: Child,
    stdin: Option<BufWriter<ChildStdin>>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(program: &Path, module: &str) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(module)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().map(BufWriter::new);
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    fn stdin(&mut self) -> io::Result<&mut BufWriter<ChildStdin>> {
        Ok(self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?)
    }

    fn send(&mut self, keys: u32, threads: &[Vec<u64>]) -> io::Result<()> {
        let stdin = self.stdin()?;
        let requests = threads.first().map_or(0, Vec::len);
        let head = [keys, threads.len() as u32, requests as u32];
        let numbers = threads.iter().flatten().map(|&number| number as u32);
        for word in head.into_iter().chain(numbers) {
            stdin.write_all(&word.to_le_bytes())?;
        }
        stdin.flush()
    }

    /// Nanoseconds per request with so many threads.
    fn round(&mut self, threads: usize) -> io::Result<f64> {
        let stdin = self.stdin()?;
        writeln!(stdin, "{threads}")?;
        stdin.flush()?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        line.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stdin = None;
        _ = self.child.wait();
    }
}
