use peers::Member;

/// A peer that a removal, a set or a clear did not reach, and why.
#[derive(Debug)]
pub struct FailedPeer {
    member: Member,
    error: peers::Error,
}

impl FailedPeer {
    pub(crate) fn new(member: Member, error: peers::Error) -> Self {
        Self { member, error }
    }

    /// The peer.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Why the change did not reach the peer, or the error that the peer answered.
    pub fn error(&self) -> &peers::Error {
        &self.error
    }
}
