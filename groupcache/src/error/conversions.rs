//! Errors of getters and of peers, and the answer to a peer in place of an error.

use std::error::Error as StdError;

use super::error::{Error, Kind};
use crate::answers::Unanswered;
use crate::getter_error::NoValue;
use crate::{GetterError, NotFound};

impl Error {
    /// What a getter's own error means to the callers.
    pub(crate) fn from_getter(error: GetterError) -> Self {
        let message = error.to_string();
        let kind = if says_not_found(&*error) {
            Kind::NotFound { message }
        } else if error.is::<Unanswered>() {
            Kind::Unanswered { message }
        } else {
            Kind::Getter { message }
        };
        Self::with_source(kind, error)
    }

    /// The answer to a peer in place of this error.
    pub(crate) fn to_answer(&self) -> peers::Error {
        match self.inner_kind() {
            Kind::NotFound { message } => peers::Error::not_found(message),
            Kind::Getter { message } | Kind::Unanswered { message } => {
                peers::Error::getter(message)
            }
            Kind::Overloaded { what } => peers::Error::overloaded(what),
            Kind::KeyTooLarge { message } | Kind::ValueTooLarge { message } => {
                peers::Error::too_large_for_peer(message)
            }
            Kind::NoSuchGroup { name } => peers::Error::no_such_group(name),
            Kind::TimedOut { message } => peers::Error::peer_timed_out(message),
            _ => peers::Error::getter(self.to_string()),
        }
    }
}

/// A peer's answer, or why the peers could not be set up.
impl From<peers::Error> for Error {
    fn from(error: peers::Error) -> Self {
        let message = || error.answer_message().unwrap_or_default().to_owned();
        let text = || error.to_string();
        let kind = if error.is_not_found() {
            // On the wire, an empty message stands for the usual words.
            let message = match message() {
                message if message.is_empty() => NotFound.to_string(),
                message => message,
            };
            Kind::NotFound { message }
        } else if error.is_getter() {
            Kind::Getter { message: message() }
        } else if error.is_overloaded() {
            Kind::Overloaded { what: text() }
        } else if error.is_too_large() {
            // This node has checked the key before it asked.
            Kind::ValueTooLarge { message: text() }
        } else if error.is_timeout() && error.is_answer() {
            Kind::TimedOut { message: text() }
        } else if error.is_unsupported() {
            Kind::Unsupported
        } else if error.is_denied() {
            Kind::Denied { message: text() }
        } else if error.is_configuration() {
            let message = with_cause(&error);
            Kind::Peers { message }
        } else {
            let message = with_cause(&error);
            Kind::Unreachable { message }
        };
        Self::with_source(kind, error)
    }
}

/// The peers' errors are another crate's, so their text stands in for them, and its cause with it.
fn with_cause(error: &peers::Error) -> String {
    match StdError::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether an error, or one of its sources, says "not found".
///
/// Many wrappers stand for the error in them and hide it from the chain of sources: `anyhow::Error`
/// and `eyre::Report` when they become a [`GetterError`], `Arc`, `io::Error::other`, and types that
/// thiserror calls `transparent`. All of them pass on the *source* of the hidden error. So every
/// error that says "not found" has a source that says the same: [`NotFound`] has [`NoValue`], and
/// this crate's own error has the getter's or the peer's.
fn says_not_found(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let of_group = error.downcast_ref().is_some_and(Error::is_not_found);
        let of_peer = error.downcast_ref().is_some_and(peers::Error::is_not_found);
        if error.is::<NotFound>() || error.is::<NoValue>() || of_group || of_peer {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_getters_not_found_is_told_from_its_failure() {
        assert!(Error::from_getter(NotFound.into()).is_not_found());
        let failure = Error::from_getter("no disk".into());
        assert!(failure.is_getter());
        assert_eq!(failure.getter_message(), Some("no disk"));
        assert_eq!(failure.to_string(), "getter failed: no disk");
    }

    /// A wrapper that forwards everything, written out.
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Transparent(GetterError);

    #[derive(Debug, thiserror::Error)]
    enum Load {
        #[error(transparent)]
        Absent(#[from] NotFound),
        #[error(transparent)]
        Group(#[from] Error),
        #[error(transparent)]
        Other(#[from] anyhow::Error),
        #[error("the row could not be read")]
        Row(#[source] NotFound),
    }

    /// The errors that say "not found": this crate's own, from here and from a peer.
    fn roots() -> Vec<fn() -> GetterError> {
        vec![
            || NotFound.into(),
            || Error::from_getter(NotFound.into()).into(),
            || Error::from(peers::Error::not_found("")).into(),
            || Error::from(Error::from(peers::Error::not_found("none")).to_answer()).into(),
        ]
    }

    #[test]
    fn not_found_survives_every_wrapper_and_two_layers_of_them() {
        let wrappers: [fn(GetterError) -> GetterError; 7] = [
            |error| error,
            |error| anyhow::Error::from_boxed(error).into(),
            |error| {
                anyhow::Error::from_boxed(error)
                    .context("while loading")
                    .into()
            },
            |error| eyre::Report::from(Transparent(error)).into(),
            |error| io::Error::other(error).into(),
            |error| Transparent(error).into(),
            |error| Load::Other(anyhow::Error::from_boxed(error)).into(),
        ];
        for root in roots() {
            for (outer, wrap) in wrappers.iter().enumerate() {
                for (inner, wrap_again) in wrappers.iter().enumerate() {
                    let error = Error::from_getter(wrap(wrap_again(root())));
                    assert!(error.is_not_found(), "{outer} of {inner}: {error}");
                }
            }
        }
    }

    #[test]
    fn not_found_survives_the_conversions_that_getters_make() {
        let of_group = || Error::from(peers::Error::not_found("none"));
        for error in [
            GetterError::from(anyhow::Error::from(NotFound)),
            anyhow::Error::from(of_group()).into(),
            anyhow::anyhow!(NotFound).into(),
            eyre::Report::from(NotFound).into(),
            eyre::Report::from(of_group())
                .wrap_err("no such user")
                .into(),
            Load::from(NotFound).into(),
            Load::from(of_group()).into(),
            Load::from(anyhow::Error::from(Load::from(NotFound))).into(),
            Load::Row(NotFound).into(),
            Arc::new(NotFound).into(),
            Box::new(NotFound).into(),
        ] {
            let text = error.to_string();
            let error = Error::from_getter(error);
            assert!(error.is_not_found(), "{text}");
            assert_eq!(error.getter_message(), Some(&*text));
        }
    }

    #[test]
    fn a_failure_stays_a_failure_in_every_wrapper() {
        let failure = || Error::from_getter("no disk".into());
        for error in [
            GetterError::from(anyhow::Error::from(failure())),
            eyre::Report::from(failure()).into(),
            Load::from(failure()).into(),
            io::Error::from(io::ErrorKind::NotFound).into(),
            anyhow::anyhow!("not found").into(),
        ] {
            assert!(Error::from_getter(error).is_getter());
        }
    }

    #[test]
    fn an_answer_keeps_its_meaning_across_the_wire() {
        for error in [
            Error::from_getter(NotFound.into()),
            Error::from_getter("no disk".into()),
            Error::overloaded("loads"),
            Error::value_too_large("a value", 2, 1),
            Error::timed_out("the getter", Duration::from_secs(1)),
        ] {
            let back = Error::from(error.to_answer());
            assert_eq!(back.getter_message(), error.getter_message());
            assert_eq!(back.kind(), error.kind(), "{error}");
        }
    }
}
