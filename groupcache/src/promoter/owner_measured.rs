use super::bar::Bar;
use crate::{Candidate, Promoter};

/// One in twenty of the fetches for which there is no room displaces another mirror.
const SHARE: f64 = 0.05;

/// Mirrors the keys that the cluster asks for most, at their first sight, and finds out by itself
/// how often that is. The default.
///
/// **Measure.** A node sees only its own requests, and needs several of them to know a hot key. The
/// key's owner sees those of all nodes, and says [so](Candidate::owner_minute_qps) with every reply.
/// A candidate's demand is this node's even share of the owner's count, plus what this node has
/// counted itself. The first is there at once; the second is there to stay, when all the other
/// nodes mirror the key and its owner no longer hears of it. Of an owner that does not count, such
/// as a node of another program, or whose protocol cannot say (ipronko and galaxycache over HTTP
/// send nothing but the value), the same is assumed as was counted here.
///
/// **Bar.** As long as there is room for another mirror, every candidate is one. When there is not,
/// the hottest twentieth of the candidates displaces others: the bar rises when a candidate clears
/// it and falls when one fails, in that proportion. The more the mirrors are worth, the less of the
/// candidates' demand is worth displacing one, but it never comes to a standstill: as the load
/// shifts, what has become cold is worn off, one twentieth of the fetches at a time.
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
}

/// In requests per minute. Twice this node's rate, if all nodes ask for the key alike.
fn demand(candidate: &Candidate<'_>) -> f64 {
    let local = candidate.local_minute_qps();
    let share = candidate
        .owner_minute_qps()
        .map_or(local, |all| all / candidate.members() as f64);
    local + share
}
