use std::fmt;

use super::kind::Kind;

/// Why a key does not consist of the segments that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    at: usize,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Malformed,
    /// `None` stands for the end of the key.
    Unexpected {
        wanted: Option<Kind>,
        found: Option<Kind>,
    },
    OutOfRange,
    #[cfg(feature = "galaxycache-keys")]
    Surplus,
}

impl KeyError {
    pub(super) fn malformed(at: usize) -> Self {
        Self {
            at,
            reason: Reason::Malformed,
        }
    }

    pub(super) fn unexpected(at: usize, wanted: Option<Kind>, found: Option<Kind>) -> Self {
        Self {
            at,
            reason: Reason::Unexpected { wanted, found },
        }
    }

    pub(super) fn out_of_range(at: usize) -> Self {
        Self {
            at,
            reason: Reason::OutOfRange,
        }
    }

    #[cfg(feature = "galaxycache-keys")]
    pub(super) fn surplus(at: usize) -> Self {
        Self {
            at,
            reason: Reason::Surplus,
        }
    }

    /// Where in the key the segment begins that is at fault, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether there are bytes that are not the encoding of any segment.
    pub fn is_malformed(&self) -> bool {
        self.reason == Reason::Malformed
    }

    /// Whether the segment is of another kind, missing, or one too many.
    pub fn is_unexpected(&self) -> bool {
        match self.reason {
            Reason::Unexpected { .. } => true,
            #[cfg(feature = "galaxycache-keys")]
            Reason::Surplus => true,
            _ => false,
        }
    }

    /// Whether the integer is not one of the type that was asked for.
    pub fn is_out_of_range(&self) -> bool {
        self.reason == Reason::OutOfRange
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment at byte {} of the key: ", self.at)?;
        match self.reason {
            Reason::Malformed => f.write_str("malformed"),
            Reason::OutOfRange => f.write_str("the integer is out of range"),
            #[cfg(feature = "galaxycache-keys")]
            Reason::Surplus => f.write_str("found more instead of the end"),
            Reason::Unexpected { wanted, found } => {
                let name =
                    |kind: Option<Kind>| kind.map_or("the end".into(), |kind| kind.to_string());
                write!(f, "found {} instead of {}", name(found), name(wanted))
            }
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_two_words_wide_and_crosses_threads() {
        fn portable<T: Clone + Send + Sync + 'static>() {}
        portable::<KeyError>();
        assert_eq!(size_of::<KeyError>(), 2 * size_of::<usize>());
    }
}
