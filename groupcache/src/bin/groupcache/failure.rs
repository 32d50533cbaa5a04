use std::error::Error;
use std::{fmt, io};

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(super) enum Failure {
    /// The options cannot work, or nobody answers who could say more: exit code 2.
    Start(String),
    /// What was asked for did not come about: exit code 1.
    Failed(String),
    /// A part of what was asked for did not come about: exit code 1. Texts of peers in it are plain already.
    Partly { removed: usize, text: String },
    /// The output cannot be written.
    Output(io::Error),
}

impl Failure {
    /// An error with its causes, as the reason why a command cannot begin.
    pub(super) fn start(error: &dyn Error) -> Self {
        Self::Start(with_causes(error))
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Start(_) => 2,
            Self::Failed(_) | Self::Partly { .. } => 1,
            // Whoever read the output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(text) | Self::Failed(text) | Self::Partly { text, .. } => f.write_str(text),
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// An error and its causes in one line; a cause that the line already tells is left out.
pub(super) fn with_causes(error: &dyn Error) -> String {
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
