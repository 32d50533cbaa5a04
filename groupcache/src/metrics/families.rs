use super::family::Value::{Count, Distribution, Info, Level};
use super::family::{Family, Kind, Out, Unit, Value};
use super::measured_peers::MeasuredPeer;
use super::scrape::Scrape;
use crate::{DiscoveryReport, GroupReport};

/// A counter of each group, by its field of [`Stats`](crate::Stats).
macro_rules! counter_of_stats {
    ($name:literal, $help:literal, $field:ident) => {
        counter($name, $help, |scrape, out| {
            each_group(scrape, out, |group| Count(group.stats.$field));
        })
    };
}

/// All metrics. `docs/watch.md` has the same list for users, which a test compares with this one.
pub(super) const FAMILIES: &[Family] = &[
    // Gets.
    counter(
        "gets",
        "Gets on this node by where the value came from, or how they failed",
        |scrape, out| {
            each_group_by(scrape, out, "source", |group| {
                let stats = &group.stats;
                [
                    ("main", Count(stats.main_hits)),
                    ("hot", Count(stats.hot_hits)),
                    ("stale", Count(stats.stale_hits)),
                    ("peer", Count(stats.fetched)),
                    ("origin", Count(stats.loaded)),
                    ("not_found", Count(stats.not_found)),
                    ("failed", Count(stats.failed)),
                ]
            });
        },
    ),
    histogram(
        "get_duration",
        Unit::Seconds,
        "How long gets took; of the hits one in 1,024 is measured",
        |scrape, out| {
            each_group_by(scrape, out, "source", |group| {
                let times = group.gets.iter();
                times.map(|(source, times)| (source, Distribution(times)))
            });
        },
    ),
    counter_of_stats!(
        "peer_gets",
        "Gets of peers that this node has answered",
        peer_gets
    ),
    counter_of_stats!(
        "peer_errors",
        "Requests to a peer that got no answer",
        peer_errors
    ),
    // Loads.
    counter_of_stats!("getter_calls", "Calls of the getter", getter_calls),
    histogram(
        "getter_duration",
        Unit::Seconds,
        "How long calls of the getter took",
        |scrape, out| {
            each_group(scrape, out, |group| Distribution(&group.getter));
        },
    ),
    histogram(
        "value_size",
        Unit::Bytes,
        "The lengths of values that were loaded or fetched",
        |scrape, out| {
            each_group(scrape, out, |group| Distribution(&group.value_sizes));
        },
    ),
    counter_of_stats!("refreshes", "Refreshes begun in the background", refreshes),
    counter_of_stats!("hedges", "Gets for which a second node was asked", hedges),
    counter_of_stats!(
        "taken_over_values",
        "Values taken from other nodes' memory in place of a load",
        taken_over
    ),
    counter_of_stats!(
        "undecodable_values",
        "Values that a typed group could not decode",
        undecodable
    ),
    counter_of_stats!(
        "compressed_values",
        "Values that were compressed to be kept",
        compressed
    ),
    family(
        "compression_saved",
        "The bytes by which compressed values became shorter",
        Kind::Counter(Unit::Bytes),
        |scrape, out| {
            each_group(scrape, out, |group| Count(group.stats.compression_saved));
        },
    ),
    // The disk.
    counter_of_stats!("disk_hits", "Loads answered by the disk", disk_hits),
    counter_of_stats!("disk_writes", "Values given to the disk", disk_writes),
    counter_of_stats!(
        "disk_shed",
        "Values not written because too much waited to be",
        disk_shed
    ),
    counter_of_stats!(
        "disk_lost",
        "Records that the disk did not give back",
        disk_lost
    ),
    counter_of_stats!(
        "disk_errors",
        "Reads and writes of the disk that failed",
        disk_errors
    ),
    gauge(
        "disk_entries",
        Unit::Things,
        "Entries on disk",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.stats.disk_entries as f64));
        },
    ),
    // Flights.
    gauge(
        "flights",
        Unit::Things,
        "Keys that are fetched and loaded now",
        |scrape, out| {
            each_group_by(scrape, out, "step", |group| {
                [
                    ("fetch", Level(group.flights.fetches as f64)),
                    ("load", Level(group.flights.loads as f64)),
                ]
            });
        },
    ),
    gauge(
        "max_flights",
        Unit::Things,
        "The most keys that may be fetched or loaded at once",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.flights.limit as f64));
        },
    ),
    gauge(
        "paused_keys",
        Unit::Things,
        "Keys that are not loaded again yet because loads have failed",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.paused_keys as f64));
        },
    ),
    // Memory.
    gauge(
        "used",
        Unit::Bytes,
        "Charged bytes of the entries by cache",
        |scrape, out| {
            each_group_by(scrape, out, "cache", |group| {
                by_cache(group.stats.bytes, group.stats.hot_bytes)
            });
        },
    ),
    gauge(
        "budget",
        Unit::Bytes,
        "The most bytes that entries may take up",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.usage.budget as f64));
        },
    ),
    gauge(
        "reserved",
        Unit::Bytes,
        "Bytes taken from the operating system for entries, tables, and what views pin",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.usage.reserved as f64));
        },
    ),
    gauge(
        "pinned",
        Unit::Bytes,
        "Of the reserved bytes, those of values that the store has given up and callers still hold",
        |scrape, out| {
            each_group(scrape, out, |group| Level(group.usage.pinned as f64));
        },
    ),
    gauge(
        "entries",
        Unit::Things,
        "Entries by cache",
        |scrape, out| {
            each_group_by(scrape, out, "cache", |group| {
                by_cache(group.stats.entries, group.usage.hot_entries as u64)
            });
        },
    ),
    counter(
        "evictions",
        "Entries that have left the store by cause",
        |scrape, out| {
            each_group_by(scrape, out, "cause", |group| {
                let evictions = group.evictions.iter();
                evictions.map(|(cause, evictions)| (cause, Count(evictions)))
            });
        },
    ),
    gauge(
        "victim_age",
        Unit::Seconds,
        "The mean age of the live entries that made room lately",
        |scrape, out| {
            for group in &scrape.report.groups {
                if let Some(age) = group.usage.victim_age {
                    out(&[("group", &group.name)], Level(age.as_secs_f64()));
                }
            }
        },
    ),
    gauge(
        "hottest_key_rate",
        Unit::Things,
        "Requests per second for the key that is asked for most",
        |scrape, out| {
            for group in &scrape.report.groups {
                if let Some(hottest) = group.hot_keys.first() {
                    out(&[("group", &group.name)], Level(hottest.per_minute / 60.0));
                }
            }
        },
    ),
    // Peers.
    gauge("peers", Unit::Things, "Peers by health", |scrape, out| {
        for (&health, &peers) in &scrape.peers.by_health {
            out(&[("health", health)], Level(peers as f64));
        }
    }),
    gauge(
        "peer_down",
        Unit::Things,
        "Whether this node gets no values from the peer",
        |scrape, out| {
            each_peer(scrape, out, |peer| Level(peer.down as f64));
        },
    ),
    gauge(
        "peer_exchanges",
        Unit::Things,
        "Exchanges that wait for the peer",
        |scrape, out| {
            each_peer(scrape, out, |peer| Level(peer.in_flight as f64));
        },
    ),
    gauge(
        "peer_connections",
        Unit::Things,
        "Open connections to the peer by use",
        |scrape, out| {
            for (id, peer) in &scrape.peers.peers {
                for (state, connections) in [
                    ("busy", peer.busy_connections),
                    ("idle", peer.idle_connections),
                ] {
                    out(&[("peer", id), ("state", state)], Level(connections as f64));
                }
            }
        },
    ),
    gauge(
        "peer_behind",
        Unit::Things,
        "Whether the peer lacks changes, which it has yet to be told",
        |scrape, out| {
            each_peer(scrape, out, |peer| Level(peer.behind as f64));
        },
    ),
    gauge(
        "peer_share",
        Unit::Ratio,
        "The part of the key space that the peer owns",
        |scrape, out| {
            each_peer(scrape, out, |peer| Level(peer.share));
        },
    ),
    gauge(
        "peer_clock_ahead",
        Unit::Seconds,
        "How far the peer's clock is ahead of this node's, where the protocol carries moments",
        |scrape, out| {
            for (id, peer) in &scrape.peers.peers {
                if let Some(ahead_ms) = peer.clock_ahead_ms {
                    out(&[("peer", id)], Level(ahead_ms as f64 / 1e3));
                }
            }
        },
    ),
    histogram(
        "fetch_duration",
        Unit::Seconds,
        "How long answered requests for values to the peer took",
        |scrape, out| {
            each_peer(scrape, out, |peer| Distribution(&peer.fetches));
        },
    ),
    // The node.
    info("node", "This node and what it speaks", |scrape, out| {
        let report = &scrape.report;
        let labels = [
            ("member", report.member.id()),
            ("cluster", report.cluster.as_deref().unwrap_or_default()),
            ("protocol", report.protocol.name()),
            ("version", report.version),
        ];
        out(&labels, Info);
    }),
    info(
        "ring",
        "The ring; nodes with another fingerprint have another ring",
        |scrape, out| {
            let fingerprint = format!("{:016x}", scrape.report.ring.fingerprint);
            out(&[("fingerprint", &fingerprint)], Info);
        },
    ),
    gauge(
        "members",
        Unit::Things,
        "Members of the ring",
        |scrape, out| {
            out(&[], Level(scrape.report.ring.peers.len() as f64));
        },
    ),
    gauge(
        "own_share",
        Unit::Ratio,
        "The part of the key space that this node owns",
        |scrape, out| {
            let mut peers = scrape.report.ring.peers.iter();
            let own = peers.find(|peer| peer.is_this_node());
            out(&[], Level(own.map_or(0.0, |peer| peer.share)));
        },
    ),
    gauge(
        "uptime",
        Unit::Seconds,
        "The time since the node was started",
        |scrape, out| {
            out(&[], Level(scrape.report.uptime.as_secs_f64()));
        },
    ),
    gauge(
        "inbound_connections",
        Unit::Things,
        "Open connections to this node's server",
        |scrape, out| {
            if let Some(inbound) = scrape.report.inbound {
                out(&[], Level(inbound.open as f64));
            }
        },
    ),
    gauge(
        "max_inbound_connections",
        Unit::Things,
        "The most connections that may be open",
        |scrape, out| {
            if let Some(inbound) = scrape.report.inbound {
                out(&[], Level(inbound.limit as f64));
            }
        },
    ),
    counter(
        "inbound_connections_accepted",
        "Connections that this node's server has accepted",
        |scrape, out| {
            if let Some(inbound) = scrape.report.inbound {
                out(&[], Count(inbound.accepted));
            }
        },
    ),
    // The source of members.
    gauge(
        "discovery_age",
        Unit::Seconds,
        "The time since the last list of members that could be used",
        |scrape, out| {
            of_source(scrape, out, |discovery| Some(discovery.age?.as_secs_f64()));
        },
    ),
    gauge(
        "discovery_failing",
        Unit::Things,
        "Whether the source of members failed when it was asked last",
        |scrape, out| {
            of_source(scrape, out, |discovery| Some(discovery.failing.into()));
        },
    ),
    gauge(
        "discovery_joined",
        Unit::Things,
        "Whether the source of members has this node's announcement",
        |scrape, out| {
            of_source(scrape, out, |discovery| Some(discovery.joined.into()));
        },
    ),
    gauge(
        "discovery_left_out",
        Unit::Things,
        "Members of the last list that this node cannot dial",
        |scrape, out| {
            of_source(scrape, out, |discovery| Some(discovery.left_out as f64));
        },
    ),
];

type Read = fn(&Scrape, &mut Out<'_>);

const fn counter(name: &'static str, help: &'static str, read: Read) -> Family {
    family(name, help, Kind::Counter(Unit::Things), read)
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str, read: Read) -> Family {
    family(name, help, Kind::Gauge(unit), read)
}

const fn histogram(name: &'static str, unit: Unit, help: &'static str, read: Read) -> Family {
    family(name, help, Kind::Histogram(unit), read)
}

const fn info(name: &'static str, help: &'static str, read: Read) -> Family {
    family(name, help, Kind::Info, read)
}

const fn family(name: &'static str, help: &'static str, kind: Kind, read: Read) -> Family {
    Family {
        name,
        help,
        kind,
        read,
    }
}

fn each_group(scrape: &Scrape, out: &mut Out<'_>, value: impl Fn(&GroupReport) -> Value<'_>) {
    for group in &scrape.report.groups {
        out(&[("group", &group.name)], value(group));
    }
}

/// As [`each_group`], with several metrics of each group, which differ in one more label.
fn each_group_by<'a, I>(
    scrape: &'a Scrape,
    out: &mut Out<'_>,
    label: &'static str,
    values: impl Fn(&'a GroupReport) -> I,
) where
    I: IntoIterator<Item = (&'static str, Value<'a>)>,
{
    for group in &scrape.report.groups {
        for (name, value) in values(group) {
            out(&[("group", &group.name), (label, name)], value);
        }
    }
}

fn each_peer(scrape: &Scrape, out: &mut Out<'_>, value: impl Fn(&MeasuredPeer) -> Value<'_>) {
    for (id, peer) in &scrape.peers.peers {
        out(&[("peer", id)], value(peer));
    }
}

/// What is known of the source of members, if there is one.
fn of_source(scrape: &Scrape, out: &mut Out<'_>, level: impl Fn(&DiscoveryReport) -> Option<f64>) {
    if let Some(discovery) = &scrape.report.discovery
        && let Some(level) = level(discovery)
    {
        out(&[("kind", discovery.source)], Level(level));
    }
}

/// A size of which mirrors are a part, as two that add up.
fn by_cache<'a>(all: u64, hot: u64) -> [(&'static str, Value<'a>); 2] {
    [
        ("main", Level(all.saturating_sub(hot) as f64)),
        ("hot", Level(hot as f64)),
    ]
}
