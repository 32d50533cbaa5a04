//! A change that came from a node with other members goes on to those of this node's members that have joined lately: its
//! sender may not know them yet. Those whom its sender has dropped, and this node has not, get it from the sender.

use std::sync::Arc;

use peers::Stamp;

use super::send::Change;
use crate::group::inner::Inner;

impl Inner {
    /// Passes a change on that has come with a message, if its sender has other members. It does so once, also if the change was no
    /// news here because an exchange had brought it: whoever began it counts on that. Peers that are not reached are told later.
    pub(in crate::group) async fn relay(
        self: &Arc<Self>,
        change: impl FnOnce() -> Change,
        stamp: Option<Stamp>,
        since: u64,
    ) {
        let members = self.router.routes().members_hash();
        let Some(stamp) = stamp.filter(|stamp| stamp.members != members) else {
            return;
        };
        let Some(passing) = self.passed_on.begin(stamp.id) else {
            return;
        };
        let (change, stamp) = (change(), Stamp { members, ..stamp });
        let joined = self.router.joined_lately().into_iter();
        let changes = joined.map(|peer| (peer, change.clone()));
        self.send_all(changes, Some(stamp), since).await;
        passing.done();
    }
}
