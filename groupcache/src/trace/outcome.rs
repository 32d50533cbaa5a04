use std::thread::panicking;

use peers::{GetManyReply, Reply};
use tracing::Span;

use super::spans::number;
use crate::{Answers, Entry, Error, ErrorKind, Value};

/// How work has ended, in the words of its span.
///
/// No text of an error: it may tell a key, or what the getter thinks of a user.
#[derive(Default)]
pub(crate) struct Outcome {
    word: &'static str,
    is_failure: bool,
    source: Option<&'static str>,
    bytes: Option<usize>,
    keys: Option<usize>,
}

impl Outcome {
    /// Of work that was dropped before it had a result.
    pub(super) fn unfinished() -> Self {
        Self::failed(if panicking() {
            "panicked"
        } else {
            ErrorKind::Abandoned.as_str()
        })
    }

    pub(super) fn of<T: End, E: End>(result: &Result<T, E>) -> Self {
        match result {
            Ok(value) => value.outcome(),
            Err(error) => error.outcome(),
        }
    }

    pub(super) fn record(&self, span: &Span) {
        span.record("outcome", self.word);
        if self.is_failure {
            span.record("otel.status_code", "ERROR");
        }
        if let Some(source) = self.source {
            span.record("source", source);
        }
        if let Some(bytes) = self.bytes {
            span.record("bytes", number(bytes));
        }
        if let Some(keys) = self.keys {
            span.record("keys", number(keys));
        }
    }

    fn found(bytes: usize) -> Self {
        Self {
            bytes: Some(bytes),
            ..Self::done("found")
        }
    }

    fn done(word: &'static str) -> Self {
        Self {
            word,
            ..Self::default()
        }
    }

    fn failed(word: &'static str) -> Self {
        Self {
            is_failure: true,
            ..Self::done(word)
        }
    }
}

/// What ends work: a value, or an error.
pub(crate) trait End {
    fn outcome(&self) -> Outcome;
}

impl End for Error {
    fn outcome(&self) -> Outcome {
        match self.kind() {
            kind @ ErrorKind::NotFound => Outcome::done(kind.as_str()),
            kind => Outcome::failed(kind.as_str()),
        }
    }
}

impl End for peers::Error {
    fn outcome(&self) -> Outcome {
        if self.is_not_found() {
            return Outcome::done("not found");
        }
        let words = [
            (self.is_getter(), "getter failed"),
            (self.is_circuit_open(), "circuit open"),
            (self.is_timeout(), "timed out"),
            (self.is_overloaded(), "overloaded"),
            (self.is_too_large(), "too large"),
            (self.is_denied(), "denied"),
            (self.is_misdirected(), "misdirected"),
            (self.is_no_such_group(), "no such group"),
            (self.is_unsupported(), "unsupported"),
            (self.is_transport(), "unreachable"),
        ];
        let word = words.into_iter().find(|(is_it, _)| *is_it);
        Outcome::failed(word.map_or("failed", |(_, word)| word))
    }
}

impl End for Entry {
    fn outcome(&self) -> Outcome {
        Outcome {
            source: Some(self.source.as_str()),
            ..Outcome::found(self.value.len())
        }
    }
}

impl End for Value {
    fn outcome(&self) -> Outcome {
        Outcome::found(self.view().len())
    }
}

impl End for Reply {
    fn outcome(&self) -> Outcome {
        Outcome::found(self.value.len())
    }
}

/// The results of several keys, each with an outcome of its own.
impl End for Answers {
    fn outcome(&self) -> Outcome {
        Outcome::done("answered")
    }
}

impl End for Vec<Option<Result<Reply, peers::Error>>> {
    fn outcome(&self) -> Outcome {
        let replies = self.iter().flatten().flatten();
        Outcome {
            bytes: Some(replies.map(|reply| reply.value.len()).sum()),
            ..Outcome::done("answered")
        }
    }
}

impl End for GetManyReply {
    fn outcome(&self) -> Outcome {
        self.answers.outcome()
    }
}

/// How many keys a change has found.
impl End for usize {
    fn outcome(&self) -> Outcome {
        Outcome {
            keys: Some(*self),
            ..Outcome::done("done")
        }
    }
}

impl End for () {
    fn outcome(&self) -> Outcome {
        Outcome::done("done")
    }
}
