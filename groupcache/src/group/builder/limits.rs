use std::time::Duration;

use super::group_builder::GroupBuilder;
use crate::Error;
use crate::group::failures::Pauses;
use crate::group::limits::Limits;

const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// # Limits: sizes, work under way, and times
impl<G> GroupBuilder<G> {
    /// The longest key accepted, in bytes, from callers here and from peers. Not zero. Default: 8 KiB,
    /// which is also what peers accept.
    pub fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_key_bytes = bytes;
        self
    }

    /// The largest value accepted from the getter, in bytes. Not zero. Default: 64 MiB, which is also
    /// what peers accept.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_value_bytes = bytes;
        self
    }

    pub(crate) fn largest_value(&self) -> usize {
        self.limits.max_value_bytes
    }

    /// How many keys may be fetched, and likewise loaded, at once. A further key is refused with an
    /// error that [`is_overloaded`](Error::is_overloaded). Not zero. Default: 65,536.
    pub fn max_flights(mut self, flights: usize) -> Self {
        self.limits.max_flights = flights;
        self
    }

    /// How many getter calls of this group may be under way at once on this node. Further calls wait for their turns, in the
    /// order in which they came, for up to [`load_queue_timeout`](Self::load_queue_timeout). Then their callers get an error
    /// that [`is_overloaded`](Error::is_overloaded), and no peer tries the load again elsewhere. What is cached is served
    /// meanwhile. A getter that gets other keys of its own group needs a turn for each. The limit of all groups together is
    /// [`NodeBuilder::max_loads`](crate::NodeBuilder::max_loads). Not zero. Default: no limit.
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.limits.max_loads = Some(loads);
        self
    }

    /// How long a getter call waits while [`max_loads`](Self::max_loads) others are under way, of the group or of the node. A
    /// stale value is not refreshed meanwhile. Twice this and the [`load_timeout`](Self::load_timeout) are less than the time that peers wait for this node.
    /// Default: 1 s.
    pub fn load_queue_timeout(mut self, limit: Duration) -> Self {
        self.limits.load_queue_timeout = limit;
        self
    }

    /// How many keys a [bulk load](crate::Getter::get_many) gets at most. Of further keys, up to four such
    /// loads are under way at once for each call of [`Group::get_many`](crate::Group::get_many) and
    /// each request of a peer. Not zero. Default: 100.
    pub fn max_bulk_load_keys(mut self, keys: usize) -> Self {
        self.limits.max_bulk_load_keys = keys;
        self
    }

    /// How long the getter may take before it is dropped and its callers get an error that
    /// [`is_timeout`](Error::is_timeout). Less than the time that peers wait for this node, which is
    /// [`HttpOptions::request_timeout`](crate::HttpOptions::request_timeout): otherwise they would
    /// give up on a slow load, and every node would load the value itself. Default: 25 s.
    pub fn load_timeout(mut self, limit: Duration) -> Self {
        self.limits.load_timeout = limit;
        self
    }

    /// How long the former owner of a key may take to hand its copy over, right after a change of
    /// the members. Not zero; [`NodeBuilder::handoff`](crate::NodeBuilder::handoff) turns the
    /// hand-over off. Default: 100 ms.
    pub fn peek_timeout(mut self, limit: Duration) -> Self {
        self.limits.peek_timeout = limit;
        self
    }

    /// How long the getter is not called again for a key whose last load failed. The pause doubles with
    /// every failure in a row, up to [`max_failure_pause`](Self::max_failure_pause), and ends with a
    /// success or a change of the key. Meanwhile a stale value is served without a refresh, and from
    /// the second failure on a get without a value ends at once with the error of the last load. "Not
    /// found" is no failure. Up to 4,096 keys are remembered. Zero: never. Default: 100 ms.
    pub fn failure_pause(mut self, first: Duration) -> Self {
        self.limits.pauses.first = first;
        self
    }

    /// The longest [`failure_pause`](Self::failure_pause), and not less than that. Default: 5 s; at
    /// most an hour.
    pub fn max_failure_pause(mut self, longest: Duration) -> Self {
        self.limits.pauses.longest = longest;
        self
    }

    /// How many values that are stale, or about to be, are refreshed in the background at once. A further one is served as it
    /// is, and the next get of it tries again. So values that expire together do not all go to the
    /// database together. Not zero. Default: 256.
    pub fn max_refreshes(mut self, refreshes: usize) -> Self {
        self.limits.max_refreshes = refreshes;
        self
    }

    /// How many successors on the ring are asked in place of an owner that does not answer, before
    /// this node loads the value itself. Default: 2.
    pub fn failovers(mut self, successors: usize) -> Self {
        self.limits.failovers = successors;
        self
    }
}

impl Limits {
    /// `request_timeout` is the time that peers wait for this node, if it is known. Of that, `queue` may be a request's wait for
    /// its turn.
    pub(super) fn check(
        &self,
        request_timeout: Option<Duration>,
        queue: Duration,
    ) -> Result<(), Error> {
        for (limit, is_zero) in [
            ("max_key_bytes", self.max_key_bytes == 0),
            ("max_value_bytes", self.max_value_bytes == 0),
            ("max_flights", self.max_flights == 0),
            ("max_loads", self.max_loads == Some(0)),
            ("max_refreshes", self.max_refreshes == 0),
            ("max_bulk_load_keys", self.max_bulk_load_keys == 0),
            ("load_timeout", self.load_timeout.is_zero()),
            ("peek_timeout", self.peek_timeout.is_zero()),
        ] {
            if is_zero {
                return Err(Error::invalid(limit, "it is zero"));
            }
        }
        let Pauses { first, longest } = self.pauses;
        if longest > LONGEST_PAUSE {
            let reason = format!("{longest:?} is longer than an hour");
            return Err(Error::invalid("max_failure_pause", reason));
        }
        if first > longest {
            let reason = format!("{first:?} is more than the max_failure_pause of {longest:?}");
            return Err(Error::invalid("failure_pause", reason));
        }
        let load = self.longest_load();
        let longest = load.saturating_add(queue);
        if let Some(request) = request_timeout.filter(|request| longest >= *request) {
            let reason = format!(
                "{load:?}, and {queue:?} in which a peer's request waits for its turn, are not less than the \
                 request_timeout of {request:?}, after which peers give up on a load and load the value themselves"
            );
            return Err(Error::invalid("load_timeout", reason));
        }
        Ok(())
    }
}
