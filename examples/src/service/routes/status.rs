use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use groupcache::Stats;
use serde::Serialize;

use crate::service::state::Shared;

/// What a node says of itself.
#[derive(Serialize)]
pub(super) struct Status {
    node: String,
    members: Vec<String>,
    ready: bool,
    groups: BTreeMap<String, Stats>,
}

pub(super) async fn stats(State(state): Shared) -> Json<Status> {
    let members = state.node.peers();
    let groups = state.node.groups();
    Json(Status {
        node: state.node.member().to_string(),
        members: members.iter().map(ToString::to_string).collect(),
        ready: state.is_ready(),
        groups: groups
            .iter()
            .map(|group| (group.name().to_owned(), group.stats()))
            .collect(),
    })
}

/// Whether the process works at all. An orchestrator restarts it otherwise, and peers take it for dead.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether requests are welcome. The database has no say: all nodes share it, and while it fails they still answer
/// what they have cached.
pub(super) async fn readyz(State(state): Shared) -> (StatusCode, &'static str) {
    if state.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    }
}
