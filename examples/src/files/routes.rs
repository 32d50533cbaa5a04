use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use groupcache::{Node, Objects, ServeObjects, Stats};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::page;
use crate::folder::Folder;

/// The page loads nothing from elsewhere, and runs no script.
const POLICY: &str = "default-src 'none'; media-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// What a node shows.
pub(super) struct FileServer {
    pub(super) node: Node,
    pub(super) files: Objects,
    pub(super) folder: Folder,
}

#[derive(Deserialize)]
struct Shown {
    /// The file in the player.
    play: Option<String>,
}

/// The routes of a node.
pub(super) fn router(server: Arc<FileServer>) -> Router {
    let files = ServeObjects::new(server.files.clone());
    Router::new()
        .route("/", get(show_page))
        .route("/files.css", get(style))
        .route("/api/stats", get(stats))
        .nest_service("/files", files)
        .with_state(server)
}

async fn show_page(State(server): State<Arc<FileServer>>, Query(shown): Query<Shown>) -> Response {
    let folder = server.folder.clone();
    match spawn_blocking(move || folder.files(|_| true)).await {
        Ok(files) => {
            let play = shown.play.as_deref();
            let page = page::list(server.node.member(), &server.node.peers(), &files, play);
            ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the files could not be listed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css")], page::STYLE)
}

async fn stats(State(server): State<Arc<FileServer>>) -> Json<Stats> {
    Json(server.files.group().stats())
}
