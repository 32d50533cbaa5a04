use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use tokio::process::Command;

use crate::BoxError;

/// A program to start, with what comes before its flags.
#[derive(Clone, Debug)]
pub(super) struct Executable {
    name: String,
    words: Vec<OsString>,
}

impl Executable {
    /// This executable, as another of its programs.
    pub(super) fn of(program: &str) -> Result<Self, BoxError> {
        let this = std::env::current_exe()?;
        Ok(Self {
            name: program.into(),
            words: vec![this.into(), program.into()],
        })
    }

    /// A program in a file.
    pub(super) fn at(path: &Path) -> Self {
        Self {
            name: path.display().to_string(),
            words: vec![path.into()],
        }
    }

    /// The same program, in the network of a process.
    pub(super) fn in_network_of(mut self, process: u32) -> Self {
        let before = ["nsenter".into(), format!("--net=/proc/{process}/ns/net")];
        self.words.splice(..0, before.map(OsString::from));
        self
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }
}

impl fmt::Display for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
