//! Reports for tests.

use std::time::{Duration, SystemTime};

use peers::{Connections, Failure, Health, Member, Protocol, Wire};

use super::history::History;
use super::snapshot::Snapshot;
use crate::{
    Evictions, FailedStep, FlightsUnderWay, GetTimes, GroupFailure, GroupReport, HotKey, Key,
    NodeReport, PeerReport, RingPicture, RingReport, Stats, Usage,
};

pub(super) fn member(number: usize) -> Member {
    Member::new(format!(
        "http://10.0.{}.{}:8080",
        number / 250,
        number % 250
    ))
    .unwrap()
}

/// The first member is this node, and all others are well.
pub(super) fn ring(members: usize) -> RingReport {
    let peer = |number| PeerReport {
        member: member(number),
        health: if number == 0 {
            Health::ThisNode
        } else {
            Health::Well
        },
        share: 1.0 / members as f64,
        failures_in_a_row: 0,
        next_check: None,
        in_flight: 0,
        fetches: Default::default(),
        failures: Vec::new(),
        connections: (number > 0).then(|| Connections::new(Wire::Stream, 1, 0)),
        clock: None,
        is_behind: false,
    };
    RingReport {
        fingerprint: 0x1234,
        hash: "xxh3",
        labels: "name-then-number",
        ties: "greatest-name",
        replicas: 128,
        peers: (0..members).map(peer).collect(),
    }
}

pub(super) fn picture(members: usize) -> RingPicture {
    RingPicture {
        members: (0..members).map(member).collect(),
        owners: (0..360).map(|point| point * 7 % members).collect(),
    }
}

/// A group that has done nothing.
pub(super) fn group(name: &str) -> GroupReport {
    GroupReport {
        name: name.to_owned(),
        stats: Stats::default(),
        usage: Usage::default(),
        gets: GetTimes::default(),
        getter: Default::default(),
        value_sizes: Default::default(),
        flights: FlightsUnderWay::default(),
        hot_keys: Vec::new(),
        failures: Vec::new(),
        paused_keys: 0,
        evictions: Evictions::default(),
        promoter: None,
        ring: None,
    }
}

pub(super) fn hot_key(key: impl Into<Key>, per_minute: f64) -> HotKey {
    HotKey {
        key: key.into(),
        per_minute,
        is_own: true,
        is_mirrored: false,
    }
}

pub(super) fn failure(text: &str, key: &str) -> GroupFailure {
    GroupFailure {
        at: SystemTime::now(),
        step: FailedStep::Load,
        kind: crate::ErrorKind::GetterFailed,
        text: text.into(),
        key: Some(key.into()),
        peer: None,
    }
}

/// This peer has not answered lately.
pub(super) fn fell_ill(peer: &mut PeerReport) {
    peer.health = Health::LeftAlone;
    peer.next_check = Some(Duration::from_millis(700));
    peer.failures = vec![Failure::now("connection refused")];
}

pub(super) fn report(members: usize, groups: Vec<GroupReport>) -> NodeReport {
    NodeReport {
        member: member(0),
        cluster: None,
        protocol: Protocol::Native,
        version: "0.0.0",
        uptime: Duration::from_secs(90),
        unix_ms: 1_700_000_000_000,
        keys_are_hidden: false,
        inbound: None,
        request_bytes_in_flight: 0,
        answer_bytes_in_flight: None,
        ring: ring(members),
        groups,
        discovery: None,
    }
}

pub(super) fn snapshot(report: NodeReport) -> Snapshot {
    let members = report.ring.peers.len();
    Snapshot::new(report, picture(members), &History::default())
}
