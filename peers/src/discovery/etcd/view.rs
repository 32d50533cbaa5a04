use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use percent_encoding::{AsciiSet, percent_decode, utf8_percent_encode};
use tonic::Status;

use super::client::{Answers, Client};
use super::messages::{
    Event, KeyValue, RangeRequest, RangeResponse, WatchCreateRequest, WatchRequest, WatchResponse,
};
use crate::Member;

/// The keys that begin with `PREFIX/`, each with a member's id behind the slash and its URL as the value.
///
/// An id is percent-encoded, and so has no slash. A key with a further slash is that of a cluster whose prefix lies
/// within this one.
#[derive(Debug)]
pub(super) struct Keys {
    start: String,
    /// Whether the log has the warning about another cluster's keys. They may be many.
    has_warned: AtomicBool,
}

/// What is encoded in an id, besides all that is not ASCII.
const ENCODED: &AsciiSet = &AsciiSet::EMPTY.add(b'/').add(b'%');

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            start: format!("{prefix}/"),
            has_warned: AtomicBool::new(false),
        }
    }

    pub(super) fn key(&self, id: &str) -> Vec<u8> {
        format!("{}{}", self.start, utf8_percent_encode(id, ENCODED)).into_bytes()
    }

    /// The first key behind all of these: the slash becomes a zero, which is the next character.
    fn range_end(&self) -> Vec<u8> {
        let prefix = self.start.trim_end_matches('/');
        format!("{prefix}0").into_bytes()
    }

    /// `None`, and a warning, for a key that somebody else has put here.
    fn member(&self, pair: &KeyValue) -> Option<Member> {
        let id = pair.key.strip_prefix(self.start.as_bytes())?;
        let key = pair.key.escape_ascii();
        if id.contains(&b'/') {
            if !self.has_warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(%key, "keys of etcd with a further slash are no members of this cluster");
            }
            return None;
        }
        match read(id, &pair.value) {
            Ok(member) => Some(member),
            Err(error) => {
                tracing::warn!(%key, %error, "a key of etcd is no member");
                None
            }
        }
    }
}

/// The member with a percent-encoded id and a URL.
fn read(id: &[u8], url: &[u8]) -> Result<Member, Box<dyn Error>> {
    let id = percent_decode(id).decode_utf8()?;
    let url = str::from_utf8(url)?;
    Ok(Member::with_id(id, url)?)
}

/// The members at one revision, and the stream of the changes since then.
#[derive(Debug)]
pub(super) struct View {
    keys: Arc<Keys>,
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
    pub(super) async fn open(client: &Client, keys: &Arc<Keys>) -> Result<Self, Status> {
        let request = RangeRequest {
            key: keys.key(""),
            range_end: keys.range_end(),
        };
        let listed: RangeResponse = client.call("/etcdserverpb.KV/Range", request).await?;
        let revision = listed.header.map_or(0, |header| header.revision);
        let members = listed.kvs.iter();
        let members = members.filter_map(|pair| Some((pair.key.clone(), keys.member(pair)?)));
        Ok(Self {
            keys: Arc::clone(keys),
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
    match changes.message_within(client.timeout()).await? {
        Some(WatchResponse {
            created: true,
            canceled: false,
            ..
        }) => Ok(changes),
        Some(response) => Err(Status::unavailable(response.cancel_reason)),
        None => Err(Status::unavailable("the watch has ended")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(key: &[u8], url: &[u8]) -> Option<Member> {
        let pair = KeyValue {
            key: key.to_vec(),
            value: url.to_vec(),
        };
        Keys::new("prefix").member(&pair)
    }

    #[test]
    fn an_id_reads_back_from_its_key_which_has_no_further_slash() {
        for id in ["pod-1", "http://10.0.0.1:8080", "a%2Fb", "100 %", "ö/%"] {
            let key = Keys::new("prefix").key(id);
            assert_eq!(key.iter().filter(|byte| **byte == b'/').count(), 1, "{id}");
            let member = member(&key, b"http://10.0.0.1:8080").unwrap();
            assert_eq!(member.id(), id);
        }
    }

    #[test]
    fn what_is_no_member_of_this_cluster_is_skipped() {
        let url = b"http://10.0.0.1:8080";
        assert!(member(b"prefix/id", url).is_some());
        for key in [
            &b"prefix/"[..],
            b"prefix/inner/id",
            b"prefix/id/",
            b"prefix/\xff",
            b"prefix/%FF",
            b"prefix0",
        ] {
            assert!(member(key, url).is_none(), "{}", key.escape_ascii());
        }
        assert!(member(b"prefix/id", b"http://\xff:1").is_none());
        assert!(member(b"prefix/id", b"no URL").is_none());
    }
}
