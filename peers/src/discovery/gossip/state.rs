use std::collections::BTreeMap;

use chitchat::{ChitchatId, NodeState};

use crate::Member;

/// The entry with a node's URL. The node's id is its id in the gossip too.
pub(super) const URL: &str = "url";
/// The entry of a node that has said goodbye.
pub(super) const LEFT: &str = "left";

/// The members among the live nodes. Of a node that was restarted, its latest life counts.
pub(super) fn members(live: &BTreeMap<ChitchatId, NodeState>) -> Vec<Member> {
    let mut latest: BTreeMap<&str, (u64, &NodeState)> = BTreeMap::new();
    for (id, state) in live {
        let known = latest
            .entry(&id.node_id)
            .or_insert((id.generation_id, state));
        if known.0 < id.generation_id {
            *known = (id.generation_id, state);
        }
    }
    let present = latest
        .into_iter()
        .filter(|(_, (_, state))| !state.contains_key(LEFT));
    present
        .filter_map(|(id, (_, state))| member(id, state))
        .collect()
}

/// `None` for a node whose URL has not arrived yet, and, with a warning, for one whose URL cannot be.
fn member(id: &str, state: &NodeState) -> Option<Member> {
    match Member::with_id(id, state.get(URL)?) {
        Ok(member) => Some(member),
        Err(error) => {
            tracing::warn!(%error, "a node that gossips is no member");
            None
        }
    }
}
