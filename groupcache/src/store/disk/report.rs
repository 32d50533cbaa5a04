/// How the disk of a group does; from [`Group::disk`](crate::Group::disk).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskReport {
    /// Whether it serves.
    pub state: DiskState,
    /// What went wrong, if something did.
    pub trouble: Option<String>,
    /// The bytes that it may take.
    pub budget: u64,
    /// The entries that it holds.
    pub entries: u64,
    /// The entries from before the start that count still.
    pub restored: u64,
    /// The entries from before the start that were dropped, since something may have changed meanwhile.
    pub dropped: u64,
    /// Whether the entries may count after a restart, as far as this node can say: it has compared with all other members, and
    /// their protocol can say later what has changed.
    pub is_restorable: bool,
    /// Values that left memory and were not worth a write: nobody has asked for them twice.
    pub not_worth: u64,
    /// The bytes of values that wait to be written.
    pub queued_bytes: u64,
}

/// Whether a group's disk serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskState {
    /// It is being opened, or finds out what has changed while the node was down.
    Opening,
    /// It serves.
    Open,
    /// It has failed, and the group goes on in memory. The node's health is degraded until it is started again.
    Degraded,
    /// It was closed in order, with the node.
    Closed,
}
