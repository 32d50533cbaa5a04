/// Whose value an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// This node's own.
    Main,
    /// A mirror of another's.
    Hot,
}
