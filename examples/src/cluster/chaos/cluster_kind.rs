/// Whose nodes a cluster is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClusterKind {
    Ours,
    /// Real ones of golang/groupcache.
    Golang,
}

impl ClusterKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "groupcache-rs",
            Self::Golang => "golang",
        }
    }
}
