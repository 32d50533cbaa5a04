use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::timeout;
use tonic::Status;

use super::client::{Answers, Client};
use super::messages::{
    Event, KeyValue, RangeRequest, RangeResponse, WatchCreateRequest, WatchRequest, WatchResponse,
};
use crate::Member;

/// The keys that begin with `PREFIX/`, each with a member's id behind the slash and its URL as the value.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    start: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            start: format!("{prefix}/"),
        }
    }

    pub(super) fn key(&self, id: &str) -> Vec<u8> {
        format!("{}{id}", self.start).into_bytes()
    }

    /// The first key behind all of these: the slash becomes a zero, which is the next character.
    fn range_end(&self) -> Vec<u8> {
        let prefix = self.start.trim_end_matches('/');
        format!("{prefix}0").into_bytes()
    }

    /// `None`, and a warning, for a key that somebody else has put here.
    fn member(&self, pair: &KeyValue) -> Option<Member> {
        let key = String::from_utf8_lossy(&pair.key);
        let id = key.strip_prefix(&self.start)?;
        let url = String::from_utf8_lossy(&pair.value);
        match Member::with_id(id, url) {
            Ok(member) => Some(member),
            Err(error) => {
                tracing::warn!(%key, %error, "a key of etcd is no member");
                None
            }
        }
    }
}

/// The members at one revision, and the stream of the changes since then.
#[derive(Debug)]
pub(super) struct View {
    keys: Keys,
    members: BTreeMap<Vec<u8>, Member>,
    changes: Answers<WatchResponse>,
}

/// How a wait for a change ended.
pub(super) enum Change {
    Members,
    /// The store no longer has the changes since the last one that was seen.
    Compacted,
}

impl View {
    pub(super) async fn open(client: &Client, keys: &Keys) -> Result<Self, Status> {
        let request = RangeRequest {
            key: keys.key(""),
            range_end: keys.range_end(),
        };
        let listed: RangeResponse = client.call("/etcdserverpb.KV/Range", request).await?;
        let revision = listed.header.map_or(0, |header| header.revision);
        let members = listed.kvs.iter();
        let members = members.filter_map(|pair| Some((pair.key.clone(), keys.member(pair)?)));
        Ok(Self {
            keys: keys.clone(),
            members: members.collect(),
            changes: watch(client, keys, revision + 1).await?,
        })
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    /// Waits for the next change. Loses none when it is dropped before it is ready.
    pub(super) async fn change(&mut self) -> Result<Change, Status> {
        loop {
            let response = self.changes.message().await?;
            let response = response.ok_or_else(|| Status::unavailable("the watch has ended"))?;
            if response.compact_revision != 0 {
                return Ok(Change::Compacted);
            }
            if response.canceled {
                return Err(Status::unavailable(response.cancel_reason));
            }
            let mut has_changed = false;
            for event in &response.events {
                has_changed |= self.apply(event);
            }
            if has_changed {
                return Ok(Change::Members);
            }
        }
    }

    /// Whether the event has changed the members.
    fn apply(&mut self, event: &Event) -> bool {
        let Some(pair) = &event.kv else { return false };
        let member = match event.kind {
            Event::PUT => self.keys.member(pair),
            Event::DELETE => None,
            _ => return false,
        };
        let before = match member.clone() {
            Some(member) => self.members.insert(pair.key.clone(), member),
            None => self.members.remove(&pair.key),
        };
        before != member
    }
}

/// The changes from a revision on, once the server has said that it watches.
async fn watch(
    client: &Client,
    keys: &Keys,
    start_revision: i64,
) -> Result<Answers<WatchResponse>, Status> {
    let request = WatchRequest {
        create: Some(WatchCreateRequest {
            key: keys.key(""),
            range_end: keys.range_end(),
            start_revision,
        }),
    };
    // The stream of requests stays open; its end would be that of the watch.
    let requests = || stream::iter([request.clone()]).chain(stream::pending());
    let mut changes = client.stream("/etcdserverpb.Watch/Watch", requests).await?;
    let first = timeout(client.timeout(), changes.message()).await;
    let first = first.map_err(|_| Status::deadline_exceeded("no answer to a watch"))??;
    match first {
        Some(WatchResponse {
            created: true,
            canceled: false,
            ..
        }) => Ok(changes),
        Some(response) => Err(Status::unavailable(response.cancel_reason)),
        None => Err(Status::unavailable("the watch has ended")),
    }
}
