/// What is forgotten below memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it.
    All,
    /// What was written since the start. What is there from before was written after the change, or the change has taken it out.
    #[cfg(feature = "disk")]
    SinceStart,
}
