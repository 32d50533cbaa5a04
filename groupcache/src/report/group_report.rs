use peers::Distribution;

use super::evictions::Evictions;
use super::get_times::GetTimes;
use super::group_failure::GroupFailure;
use super::hot_key::HotKey;
use super::ring_report::RingReport;
use crate::{Stats, Usage};

/// What a group tells of itself, as a snapshot in a [`NodeReport`](crate::NodeReport).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GroupReport {
    /// The group's name.
    pub name: String,
    /// What the group has done so far, and what it holds.
    pub stats: Stats,
    /// The memory of its values against its budget, and how soon entries are evicted.
    pub usage: Usage,
    /// How long gets took, by where the value came from.
    pub gets: GetTimes,
    /// How long calls of the getter took, in nanoseconds, also of those that failed. A bulk load is one call.
    pub getter: Distribution,
    /// The lengths of the values that were loaded here or came from peers, in bytes.
    pub value_sizes: Distribution,
    /// The keys that are fetched and loaded at the moment.
    pub flights: FlightsUnderWay,
    /// The keys that are asked for most, the hottest first, and at most
    /// [`hot_keys`](crate::GroupBuilder::hot_keys) of them.
    pub hot_keys: Vec<HotKey>,
    /// What failed last, the latest first; up to 16.
    pub failures: Vec<GroupFailure>,
    /// The keys that are [not loaded again yet](crate::GroupBuilder::failure_pause), because their loads have failed.
    pub paused_keys: usize,
    /// Why entries have left the store.
    pub evictions: Evictions,
    /// The name of the [promoter](crate::GroupBuilder::promoter), if it has one.
    pub promoter: Option<&'static str>,
    /// The ring of a group that has [members of its own](crate::GroupBuilder::peers); `None` if it has those of the
    /// node.
    pub ring: Option<RingReport>,
}

/// The keys of a group that are on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlightsUnderWay {
    /// Keys that callers here wait for.
    pub fetches: usize,
    /// Keys that this node loads.
    pub loads: usize,
    /// The most of each: [`max_flights`](crate::GroupBuilder::max_flights).
    pub limit: usize,
}
