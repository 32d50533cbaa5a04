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

    /// Hedges fetches: when an owner takes longer for an answer than it took for this share of its answers so far, the node
    /// with the copy on [standby](Self::standby) is asked, too. The first answer with a value counts. `0.95` hedges the slowest
    /// twentieth. The second node only looks into its memory, so that no value is loaded twice. It is asked for one fetch in
    /// twenty at most, and at the earliest after a millisecond. Gets of several keys are not hedged. From 0.5 to just below 1.
    /// Default: never.
    pub fn hedge_after(mut self, share: f64) -> Self {
        self.hedge_after = Some(share);
        self
    }

    pub(super) fn check_hedges(&self) -> Result<(), Error> {
        let Some(share) = self.hedge_after else {
            return Ok(());
        };
        if !(0.5..1.0).contains(&share) {
            let reason = format!("{share} is not from 0.5 to just below 1");
            return Err(Error::invalid("hedge_after", reason));
        }
        if !self.standby {
            let reason = "without standby no other node has a copy";
            return Err(Error::invalid("hedge_after", reason));
        }
        Ok(())
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
