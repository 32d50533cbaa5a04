use super::bar::Bar;
use crate::{Candidate, Promoter};

/// One in twenty of the fetches for which there is no room displaces another mirror.
const SHARE: f64 = 0.05;

/// Mirrors the keys that the cluster asks for most, at their first sight, and finds out by itself
/// how often that is. The default.
///
/// **Measure.** A node sees only its own requests, and needs several of them to recognize a hot key. The
/// key's owner sees the requests of all nodes, and sends [its rate](Candidate::owner_minute_qps) with
/// every reply. A candidate's demand is this node's even share of the owner's rate, plus this node's own
/// rate. The owner's rate is there at once. This node's own rate remains when all the other nodes mirror
/// the key and its owner no longer sees their requests. Some owners send no rate: nodes of other
/// programs, and all nodes under ipronko's protocol and galaxycache's over HTTP. Their share is then
/// assumed to be this node's own rate.
///
/// **Bar.** As long as there is room for another mirror, every candidate becomes one. After that, the
/// hottest twentieth of the candidates displaces other mirrors: the bar rises when a candidate clears it
/// and falls when one fails, in that proportion. The bar never stands still, so that when the load
/// shifts, mirrors that have become cold are replaced, at one twentieth of the fetches.
#[derive(Debug)]
pub struct OwnerMeasured {
    bar: Bar,
}

impl Default for OwnerMeasured {
    fn default() -> Self {
        Self {
            bar: Bar::new(SHARE),
        }
    }
}

impl Promoter for OwnerMeasured {
    fn promote(&self, candidate: &Candidate<'_>) -> bool {
        candidate.has_room() || self.bar.clears(demand(candidate))
    }

    fn name(&self) -> Option<&'static str> {
        Some("owner-measured")
    }
}

/// In requests per minute. Twice this node's rate, if all nodes ask for the key alike.
fn demand(candidate: &Candidate<'_>) -> f64 {
    let local = candidate.local_minute_qps();
    let share = candidate
        .owner_minute_qps()
        .map_or(local, |all| all / candidate.members() as f64);
    local + share
}
