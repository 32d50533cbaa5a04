use super::group_builder::GroupBuilder;
use crate::Error;

/// # Standby: a second copy of each value
impl<G> GroupBuilder<G> {
    /// Whether the values that this node owns have copies on the node that stands in for it, which has them when this node
    /// ends without warning. Values then take twice the memory, and some loads together one more exchange in the background. A
    /// copy follows its value soon, and a second after a set. A stand-in that has not taken copies is offered them again
    /// within half a minute or so. Only the native protocol has copies. All nodes need the same, and neither
    /// [`failovers`](Self::failovers) nor [`NodeBuilder::handoff`](crate::NodeBuilder::handoff) may be zero. Default: no.
    pub fn standby(mut self, is_wanted: bool) -> Self {
        self.standby = is_wanted;
        self
    }

    pub(super) fn check_standby(&self) -> Result<(), Error> {
        let reason = match self.standby {
            true if self.limits.failovers == 0 => {
                "with failovers of 0 no node stands in for an owner"
            }
            true if self.names_changes() && !self.host.groups.hands_over() => {
                "with a handoff of zero no node takes copies"
            }
            _ => return Ok(()),
        };
        Err(Error::invalid("standby", reason))
    }

    /// Whether the peers' protocol carries the names of changes.
    pub(super) fn names_changes(&self) -> bool {
        self.host.router.transport().names_changes()
    }
}
