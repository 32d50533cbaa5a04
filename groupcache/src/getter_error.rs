use std::fmt;

/// The error of a getter: any error, or just a text. [`NotFound`] says that there is no value.
pub type GetterError = Box<dyn std::error::Error + Send + Sync>;

/// The error by which a getter says that there is no value under the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotFound;

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not found")
    }
}

/// The source is private. It keeps "not found" recognizable in wrappers that hide the error in them and
/// pass on its source, as `anyhow::Error` and thiserror's `transparent` do.
impl std::error::Error for NotFound {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&NoValue)
    }
}

/// The source of every [`NotFound`].
#[derive(Debug)]
pub(crate) struct NoValue;

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key has no value")
    }
}

impl std::error::Error for NoValue {}
