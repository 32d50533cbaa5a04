use std::time::Duration;

use clap::{Args, ValueEnum};
use groupcache::{
    Always, ByRate, GroupBuilder, Never, OneInTen, OwnerMeasured, Policy, SeenBefore,
};

/// The settings of the group. Those that are not given stay as the library has them.
#[derive(Debug, Args)]
pub(super) struct GroupOptions {
    /// Milliseconds that a value stays fresh [default: no limit].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    ttl: Option<Duration>,
    /// Milliseconds that chance takes off the ttl, at most [default: a tenth of the ttl].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    ttl_jitter: Option<Duration>,
    /// Milliseconds that a copy of another node's value stays fresh after a peek [default: the value's].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    peek_ttl: Option<Duration>,
    /// Milliseconds that a value is still served past its freshness, while it is refreshed [default: 0].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    stale: Option<Duration>,
    /// Milliseconds that a value is still served past its freshness, if no other can be had [default: 0].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    stale_if_error: Option<Duration>,
    /// Milliseconds before its end from which on a value is refreshed that is still asked for [default: 0].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    refresh_ahead: Option<Duration>,

    /// Which values of other nodes are mirrored here.
    #[arg(long, value_enum, default_value_t = Mirror::Owner)]
    promoter: Mirror,
    /// Mirrors give way first while they take more than one Nth of what own values take [default: 8].
    #[arg(long, value_name = "N")]
    hot_ratio: Option<usize>,
    /// Which values give way when room is needed.
    #[arg(long, value_enum, default_value_t = Eviction::GhostClock)]
    policy: Eviction,

    /// Bytes of the longest key [default: 8192].
    #[arg(long, value_name = "N")]
    max_key_bytes: Option<usize>,
    /// Bytes of the largest value [default: 67108864].
    #[arg(long, value_name = "N")]
    max_value_bytes: Option<usize>,
    /// Keys that may be fetched, and likewise loaded, at once [default: 65536].
    #[arg(long, value_name = "N")]
    max_flights: Option<usize>,
    /// Milliseconds that the database may take [default: 25000].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    load_timeout: Option<Duration>,
    /// Milliseconds of the first pause after a failed load [default: 100].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    failure_pause: Option<Duration>,
    /// Keep a copy of each value on the node that stands in for its owner, so that a crash loses little.
    #[arg(long)]
    standby: bool,
    /// Successors that are asked in place of an owner that does not answer [default: 2].
    #[arg(long, value_name = "N")]
    failovers: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mirror {
    Always,
    Never,
    OneInTen,
    /// Keys that this node fetches ten times a minute.
    Qps,
    /// Keys that this node fetches again.
    Known,
    /// Keys that the whole cluster asks for most, as their owners measure it.
    Owner,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Eviction {
    GhostClock,
    Lru,
}

impl GroupOptions {
    /// The group with these settings.
    pub(super) fn apply(self, group: GroupBuilder) -> GroupBuilder {
        let group = group.standby(self.standby);
        let group = self.promoter.apply(group).policy(match self.policy {
            Eviction::GhostClock => Policy::GhostClock,
            Eviction::Lru => Policy::Lru,
        });
        Settings(group)
            .set(self.ttl, GroupBuilder::ttl)
            .set(self.ttl_jitter, GroupBuilder::ttl_jitter)
            .set(self.peek_ttl, GroupBuilder::peek_ttl)
            .set(self.stale, GroupBuilder::stale_while_revalidate)
            .set(self.stale_if_error, GroupBuilder::stale_if_error)
            .set(self.refresh_ahead, GroupBuilder::refresh_ahead)
            .set(self.hot_ratio, GroupBuilder::hot_ratio)
            .set(self.max_key_bytes, GroupBuilder::max_key_bytes)
            .set(self.max_value_bytes, GroupBuilder::max_value_bytes)
            .set(self.max_flights, GroupBuilder::max_flights)
            .set(self.load_timeout, GroupBuilder::load_timeout)
            .set(self.failure_pause, GroupBuilder::failure_pause)
            .set(self.failovers, GroupBuilder::failovers)
            .0
    }
}

/// A builder whose settings may be left as they are.
struct Settings(GroupBuilder);

impl Settings {
    fn set<T>(self, value: Option<T>, set: fn(GroupBuilder, T) -> GroupBuilder) -> Self {
        match value {
            Some(value) => Self(set(self.0, value)),
            None => self,
        }
    }
}

impl Mirror {
    fn apply(self, group: GroupBuilder) -> GroupBuilder {
        match self {
            Self::Always => group.promoter(Always),
            Self::Never => group.promoter(Never),
            Self::OneInTen => group.promoter(OneInTen::default()),
            Self::Qps => group.promoter(ByRate::per_minute(10.0)),
            Self::Known => group.promoter(SeenBefore),
            Self::Owner => group.promoter(OwnerMeasured::default()),
        }
    }
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
