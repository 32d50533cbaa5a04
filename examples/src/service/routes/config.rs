use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::service::model::Setting;
use crate::service::reply::{self, Written};
use crate::service::state::Shared;

/// The longest name of a setting, in bytes.
const MAX_NAME: usize = 200;

pub(super) async fn read(State(state): Shared, Path(name): Path<String>) -> Response {
    reply::value(state.groups.config.entry(name).await)
}

pub(super) async fn write(
    State(state): Shared,
    Path(name): Path<String>,
    Json(value): Json<Setting>,
) -> Response {
    if name.len() > MAX_NAME {
        let reason = format!("a name has at most {MAX_NAME} bytes");
        return (StatusCode::BAD_REQUEST, reason).into_response();
    }
    let (write, key) = (Arc::clone(&state), name.clone());
    reply::change(
        async move {
            let written = write.database.put_setting(name, value).await;
            written.map(|()| Written::Yes)
        },
        async move { state.groups.config.remove(key).await },
    )
    .await
}

pub(super) async fn delete(State(state): Shared, Path(name): Path<String>) -> Response {
    let (write, key) = (Arc::clone(&state), name.clone());
    reply::change(
        async move { write.database.delete_setting(name).await.map(Written::from) },
        async move { state.groups.config.remove(key).await },
    )
    .await
}
