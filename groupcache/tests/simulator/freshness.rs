use std::time::Duration;

use groupcache::GroupBuilder;

use super::random::Random;

/// What the nodes do around the end of a value's life, and when there is too much to load. All nodes do the same.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// How long a value is served past its life while it is refreshed.
    pub stale: Duration,
    /// How long it is served past its life if no other can be had.
    pub last_resort: Duration,
    /// How long before the end of its life a value is refreshed.
    pub ahead: Duration,
    /// How many loads a node does at a time.
    pub max_loads: Option<usize>,
    /// Whether a slow owner's stand-in is asked too, where there are copies on standby.
    pub hedges: bool,
}

/// How long a load waits for its turn.
pub const LOAD_QUEUE: Duration = Duration::from_millis(500);

impl Freshness {
    pub fn of(random: &mut Random) -> Self {
        let ms = Duration::from_millis;
        Self {
            stale: random.pick(&[ms(0), ms(0), ms(300), ms(3_000)]),
            last_resort: random.pick(&[ms(0), ms(0), ms(5_000), ms(30_000)]),
            ahead: random.pick(&[ms(0), ms(0), ms(100), ms(1_000), ms(10_000)]),
            max_loads: random.pick(&[None, None, Some(1), Some(2)]),
            hedges: random.chance(50),
        }
    }

    /// A group that does so.
    pub fn apply(&self, group: GroupBuilder, has_standby: bool) -> GroupBuilder {
        let group = group
            .stale_while_revalidate(self.stale)
            .stale_if_error(self.last_resort)
            .refresh_ahead(self.ahead)
            .load_queue_timeout(LOAD_QUEUE);
        let group = match self.max_loads {
            Some(loads) => group.max_loads(loads),
            None => group,
        };
        match self.hedges && has_standby {
            true => group.hedge_after(0.5),
            false => group,
        }
    }
}
