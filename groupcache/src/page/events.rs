//! Updates of the page as [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html).

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use serde::Serialize;

use super::query::Query;
use super::render::{Fragments, Part, announcement};
use super::snapshot::Snapshot;
use super::watch::Viewer;

/// The first words: the browser asks again so many milliseconds after a stream has ended.
const GREETING: &str = "retry: 2000\n\n";

/// What a page needs to be as fresh as a snapshot.
#[derive(Serialize)]
struct Update<'a> {
    shape: &'a str,
    announcement: String,
    /// The parts that have changed.
    parts: Vec<&'a Part>,
}

/// The updates of one viewer's page.
struct Updates {
    viewer: Viewer,
    query: Query,
    hasher: RandomState,
    /// The hash of each part that the viewer has.
    seen: HashMap<String, u64>,
}

/// Ends when the node or the page is dropped.
pub(super) fn stream(
    viewer: Viewer,
    query: Query,
) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let updates = Updates {
        viewer,
        query,
        hasher: RandomState::new(),
        seen: HashMap::new(),
    };
    let greeting = Bytes::from_static(GREETING.as_bytes());
    let first = (Some(greeting), updates);
    let events = stream::unfold(first, |(greeting, mut updates)| async move {
        let event = match greeting {
            Some(greeting) => greeting,
            None => {
                let snapshot = updates.viewer.next().await?;
                updates.event(&snapshot)
            }
        };
        Some((Ok(Frame::data(event)), (None, updates)))
    });
    StreamBody::new(Box::pin(events))
}

impl Updates {
    /// An event that brings the viewer's page up to date.
    fn event(&mut self, snapshot: &Snapshot) -> Bytes {
        let fragments = Fragments::new(snapshot, &self.query);
        let mut parts = Vec::new();
        for part in &fragments.parts {
            let hash = self.hasher.hash_one(&part.html.0);
            if self.seen.get(&part.id) != Some(&hash) {
                self.seen.insert(part.id.clone(), hash);
                parts.push(part);
            }
        }
        let update = Update {
            shape: &fragments.shape,
            announcement: announcement(snapshot),
            parts,
        };
        // There is nothing in it that JSON cannot say.
        let json = serde_json::to_string(&update).unwrap_or_default();
        format!("event: update\ndata: {json}\n\n").into()
    }
}
