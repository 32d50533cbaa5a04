/// Which requests of peers need credentials, once a node [asks for some](crate::HttpOptions::tokens).
///
/// The answer to a health check never needs any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// All of them. The default.
    #[default]
    Everything,
    /// Those that change something, manage the cluster or look into the node: sets, removals, clears, reads of the change
    /// log, and [pages](crate::Page) that are not open. Anybody may get, peek, get several keys and warm up, over plain
    /// HTTP: the native protocol's stream is for peers with credentials.
    Changes,
}

/// What a request does, as far as its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A get, a peek, a get of several keys or a warm-up.
    Read,
    /// Anything else.
    Change,
}

impl Effect {
    /// What it is called in an error.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "a read",
            Self::Change => "a change",
        }
    }
}
